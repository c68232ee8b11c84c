package ws

import (
	"context"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

const (
	// maxJobs is how many subscribes and unsubscribes may wait for the one that is catching up.
	maxJobs = 256
	// maxWants is how many conversations they may name together.
	maxWants = 2 * chat.MaxSubscribe
)

// jobs are what takes as long as the client takes to read. They are done one after the other, in the
// order in which they came, beside the reading goroutine, which must go on hearing pongs.
type jobs struct {
	mu      sync.Mutex
	waiting []job
	wants   int                // of those that wait
	cancel  context.CancelFunc // of those that are being done; nil when none is
}

type job struct {
	wants int // conversations that it names
	do    func(context.Context)
}

func (c *conn) later(wants int, do func(context.Context)) bool {
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	if len(c.jobs.waiting) >= maxJobs || c.jobs.wants+wants > maxWants {
		return false
	}
	c.jobs.waiting = append(c.jobs.waiting, job{wants, do})
	c.jobs.wants += wants
	if c.jobs.cancel == nil {
		var ctx context.Context
		ctx, c.jobs.cancel = context.WithCancel(c.server.ctx)
		go c.work(ctx)
	}
	return true
}

// stop ends what is being done, with the connection: nothing more may come.
func (j *jobs) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel != nil {
		j.cancel()
	}
}

func (c *conn) work(ctx context.Context) {
	for do := c.nextJob(ctx); do != nil; do = c.nextJob(ctx) {
		func() {
			defer c.survive()
			do(ctx)
		}()
	}
}

func (c *conn) nextJob(ctx context.Context) func(context.Context) {
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	if len(c.jobs.waiting) == 0 || ctx.Err() != nil {
		c.jobs.cancel()
		c.jobs.cancel, c.jobs.waiting, c.jobs.wants = nil, nil, 0
		return nil
	}
	next := c.jobs.waiting[0]
	c.jobs.waiting[0] = job{}
	c.jobs.waiting = c.jobs.waiting[1:]
	c.jobs.wants -= next.wants
	return next.do
}

// subscribe follows one conversation or many (C3.3).
func (c *conn) subscribe(m *protocol.Subscribe) {
	wants := make([]realtime.Want, 0, 1+len(m.Conversations))
	if m.ConversationID != "" || len(m.Conversations) == 0 {
		wants = append(wants, realtime.Want{Conversation: chat.ConversationID(m.ConversationID), AfterRev: m.AfterRev})
	}
	for _, s := range m.Conversations {
		wants = append(wants, realtime.Want{Conversation: chat.ConversationID(s.ConversationID), AfterRev: s.AfterRev})
	}
	if len(wants) > chat.MaxSubscribe {
		c.problem(chat.Invalid("conversations", "Subscribe to at most %d conversations at once.", chat.MaxSubscribe), "")
		return
	}
	if !c.later(len(wants), func(ctx context.Context) { c.server.hub.Subscribe(ctx, c.session, wants) }) {
		c.problem(busy(), m.ConversationID)
	}
}

func (c *conn) unsubscribe(m *protocol.Unsubscribe) {
	if !c.later(1, func(context.Context) { c.server.hub.Unsubscribe(c.session, chat.ConversationID(m.ConversationID)) }) {
		c.problem(busy(), m.ConversationID)
	}
}

func busy() error {
	return &chat.Error{Code: chat.CodeRateLimited, Message: "Too many subscriptions are waiting."}
}
