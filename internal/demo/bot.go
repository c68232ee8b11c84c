package demo

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// looks is how long the bot takes to see a message, types how long it types.
	looks = 400 * time.Millisecond
	types = 1200 * time.Millisecond
	// stays is how often the bot gives a sign of life.
	stays = chat.DeviceLease / 3
	// maxHeard bounds what waits for the bot; in a load test it misses some.
	maxHeard = 1000
)

// Bot answers everything that is written to it in a direct conversation with the same words, the way a
// person would: its device has the message, it reads it, it types, it answers. It acts through the
// rules like everybody else.
type Bot struct {
	id    chat.UserID
	log   *slog.Logger
	heard chan heard

	mu      sync.Mutex
	waiting map[chat.ConversationID][]chat.MessageID // there is a key while the bot talks there
}

type heard struct {
	conversation chat.ConversationID
	message      chat.MessageID
}

// NewBot returns the bot whose account has that id.
func NewBot(id chat.UserID, log *slog.Logger) *Bot {
	return &Bot{
		id: id, log: log, heard: make(chan heard, maxHeard),
		waiting: make(map[chat.ConversationID][]chat.MessageID),
	}
}

// Hear is told about every send of this node. It never blocks.
func (b *Bot) Hear(r chat.SendReport) {
	if r.Err != nil || r.Duplicate || r.Sender == b.id {
		return
	}
	select {
	case b.heard <- heard{r.Conversation, r.Message}:
	default:
	}
}

// Run answers until ctx ends, and first what came while nothing ran.
func (b *Bot) Run(ctx context.Context, service *chat.Service) error {
	var talks sync.WaitGroup
	defer talks.Wait()
	talks.Go(func() { b.stay(ctx, service) })
	attend := func(h heard) {
		if b.isMine(ctx, service, h.conversation) && b.queue(h) {
			talks.Go(func() { b.talk(ctx, service, h.conversation) })
		}
	}
	mine, _, err := service.Conversations(ctx, chat.ListQuery{Viewer: b.id, Limit: 100})
	if err != nil {
		b.log.Warn("demo.bot", "error", err)
	}
	for _, c := range mine {
		if c.LastMessage != nil && c.LastMessage.Sender != b.id && !c.LastMessage.Deleted() {
			attend(heard{c.ID, c.LastMessage.ID})
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-b.heard:
			attend(h)
		}
	}
}

// stay has the bot online, which has no connection that anything would be heard of.
func (b *Bot) stay(ctx context.Context, service *chat.Service) {
	here := service.Attend(b.id, chat.LoginID(b.id), chat.Device{}, chat.Trace{})
	defer here.Leave(chat.ExitClosed)
	every := time.NewTicker(stays)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-every.C:
			here.Heard(now)
			here.Active(now, chat.Trace{})
		}
	}
}

func (b *Bot) isMine(ctx context.Context, service *chat.Service, c chat.ConversationID) bool {
	r, err := service.Roster(ctx, c)
	_, in := r.Roles[b.id]
	return err == nil && in && r.Type == chat.Direct
}

// queue notes a message to be answered and reports whether nobody talks in its conversation yet.
func (b *Bot) queue(h heard) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	waiting, talking := b.waiting[h.conversation]
	b.waiting[h.conversation] = append(waiting, h.message)
	return !talking
}

// take returns what waits in a conversation; with nothing left the talk there ends.
func (b *Bot) take(c chat.ConversationID) []chat.MessageID {
	b.mu.Lock()
	defer b.mu.Unlock()
	waiting := b.waiting[c]
	if len(waiting) == 0 {
		delete(b.waiting, c)
		return nil
	}
	b.waiting[c] = nil
	return waiting
}

func (b *Bot) talk(ctx context.Context, service *chat.Service, c chat.ConversationID) {
	for {
		ids := b.take(c)
		if len(ids) == 0 {
			return
		}
		if err := b.answer(ctx, service, c, ids); err != nil && ctx.Err() == nil {
			b.log.Warn("demo.bot", "conversationId", string(c), "error", err)
		}
	}
}

// answer reads messages like a person and sends each back. Under the same clientMessageId an answer
// that was sent already is not sent again.
func (b *Bot) answer(ctx context.Context, service *chat.Service, c chat.ConversationID, ids []chat.MessageID) error {
	pause(ctx, looks)
	last, err := service.Message(ctx, c, ids[len(ids)-1])
	if err != nil {
		return err
	}
	if err := service.AcknowledgeDelivery(ctx, b.id, c, last.Seq); err != nil {
		return err
	}
	if _, err := service.AdvanceRead(ctx, b.id, c, last.ID); err != nil {
		return err
	}
	if err := service.Typing(ctx, b.id, c, true, ""); err != nil {
		return err
	}
	pause(ctx, types)
	if err := service.Typing(ctx, b.id, c, false, ""); err != nil || ctx.Err() != nil {
		return err
	}
	for _, id := range ids {
		m, err := service.Message(ctx, c, id)
		if err != nil || m.Deleted() {
			continue
		}
		if err := b.send(service, c, m); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bot) send(service *chat.Service, c chat.ConversationID, m chat.Message) error {
	answered := make(chan error, 1)
	service.SendMessage(chat.Submission{
		Conversation: c, Sender: b.id, ClientMessageID: "echo-" + string(m.ID), Content: m.Content,
	}, func(_ chat.Sent, err error) { answered <- err })
	return <-answered
}

// pause waits for d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
