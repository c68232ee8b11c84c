package chat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// gatherReads is how long what people read in one large conversation is gathered.
	gatherReads = 50 * time.Millisecond
	// gatherSent is the same for the positions that sending moves.
	gatherSent = 250 * time.Millisecond
	// gatherWithin bounds the work on what was gathered.
	gatherWithin = 3 * time.Second
)

// gathering collects for a moment what people read and send, and hands it on together: 1,000 readers are not 1,000
// writes (C6.3).
type gathering struct {
	service *Service

	mu     sync.Mutex
	ended  bool
	reads  map[ConversationID][]*ask
	sent   map[ConversationID]map[UserID]Step
	counts map[ConversationID]bool // being counted or resting after it; true when it has to be counted again
	// behind are the conversations of which the store knows more than what runs ahead of it.
	behind map[ConversationID]bool
	moved  map[ConversationID]bool // are to be seeded anew in a moment
	work   sync.WaitGroup
	ending chan struct{} // closed when ended is set

	gathered, handed atomic.Int64
}

// Gathered says how many reads of large conversations came since the start, and in how many hands they were handed
// on: what is the first divided by the second is how many cost as much as one.
func (s *Service) Gathered() (reads, hands int64) {
	return s.gathering.gathered.Load(), s.gathering.handed.Load()
}

// ask is somebody who has read a message and waits for where their position is.
type ask struct {
	user    UserID
	message MessageID
	trace   Trace
	there   bool // the message is in the conversation; known once steps are made of the asks
	answer  chan answeredRead
}

type answeredRead struct {
	state ReadState
	err   error
}

func newGathering(s *Service) *gathering {
	return &gathering{
		service: s, reads: make(map[ConversationID][]*ask), sent: make(map[ConversationID]map[UserID]Step),
		counts: make(map[ConversationID]bool), behind: make(map[ConversationID]bool), moved: make(map[ConversationID]bool),
		ending: make(chan struct{}),
	}
}

// later runs something after a while, which is so short that the service's end waits for it. The caller has the lock.
func (g *gathering) later(d time.Duration, do func(context.Context)) {
	if g.ended {
		return
	}
	if d <= 0 {
		g.work.Go(func() { g.run(do) })
		return
	}
	g.work.Add(1)
	time.AfterFunc(d, func() {
		defer g.work.Done()
		g.run(do)
	})
}

// afterwards runs something after a while that may be long, or at once when the service ends before, and reports whether it
// will: not when the service has ended.
func (g *gathering) afterwards(d time.Duration, do func(context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return false
	}
	g.work.Go(func() {
		wait := time.NewTimer(d)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-g.ending:
		}
		g.run(do)
	})
	return true
}

// run gives what was gathered its time.
func (g *gathering) run(do func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), gatherWithin)
	defer cancel()
	_ = g.service.survive(func() error {
		do(ctx)
		return nil
	})
}

// end lets nothing more in and returns when all that was gathered has been handed on.
func (g *gathering) end() {
	g.mu.Lock()
	if !g.ended {
		g.ended = true
		close(g.ending)
	}
	g.mu.Unlock()
	g.work.Wait()
}

// read has a read position moved with those of others.
func (g *gathering) read(ctx context.Context, u UserID, c ConversationID, m MessageID) (ReadState, error) {
	a := &ask{user: u, message: m, trace: TraceOf(ctx), answer: make(chan answeredRead, 1)}
	g.mu.Lock()
	if g.ended {
		g.mu.Unlock()
		states, err := g.service.readTogether(ctx, c, []*ask{a})
		got := a.answered(states, err)
		return got.state, got.err
	}
	if g.reads[c] = append(g.reads[c], a); len(g.reads[c]) == 1 {
		g.later(gatherReads, func(ctx context.Context) { g.handReads(ctx, c) })
	}
	g.mu.Unlock()
	select {
	case got := <-a.answer:
		return got.state, got.err
	case <-ctx.Done():
		return ReadState{}, ctx.Err()
	}
}

func (g *gathering) handReads(ctx context.Context, c ConversationID) {
	g.mu.Lock()
	asks := g.reads[c]
	delete(g.reads, c)
	g.mu.Unlock()
	g.gathered.Add(int64(len(asks)))
	g.handed.Add(1)
	var states map[UserID]ReadState
	err := g.service.survive(func() (err error) {
		states, err = g.service.readTogether(ctx, c, asks)
		return err
	})
	for _, a := range asks {
		a.answer <- a.answered(states, err)
	}
}

// answered is the answer to one ask, whatever else the person asked in the same moment.
func (a *ask) answered(states map[UserID]ReadState, err error) answeredRead {
	state, in := states[a.user]
	switch {
	case err != nil:
		return answeredRead{err: err}
	case !a.there:
		return answeredRead{err: NotFound("message")}
	case !in:
		return answeredRead{err: NotInConversation()}
	}
	return answeredRead{state: state}
}

// noteSent moves the positions of those who have just sent something: who writes has read (C6.5).
func (g *gathering) noteSent(c ConversationID, changes []Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sent[c] == nil {
		g.sent[c] = make(map[UserID]Step)
		g.later(gatherSent, func(ctx context.Context) { g.handSent(ctx, c) })
	}
	for i := range changes {
		m := changes[i].Message
		g.sent[c][m.Sender] = Step{Conversation: c, User: m.Sender, Message: m.ID, Seq: m.Seq, At: m.CreatedAt}
	}
}

func (g *gathering) handSent(ctx context.Context, c ConversationID) {
	g.mu.Lock()
	var steps []Step
	for _, step := range g.sent[c] {
		steps = append(steps, step)
	}
	delete(g.sent, c)
	g.mu.Unlock()
	g.service.sentTogether(ctx, c, steps)
}
