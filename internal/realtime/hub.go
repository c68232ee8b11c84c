package realtime

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Config names the node.
type Config struct {
	// NodeID is this node's serverId on the bus and in auth:success; unique among the nodes.
	NodeID string
	Log    *slog.Logger
	// Clock tells the time by a clock that all nodes share, by which what crosses between them is timed. known is false
	// while this node cannot tell. Nil: it never can.
	Clock func() (now time.Time, known bool)
	// Handed is told of new messages of one conversation that were handed to sessions so long after their commit, and Heard of
	// those of another node that the bus brought. They must not block. May be nil.
	Handed func(messages int, after time.Duration)
	Heard  func(lag time.Duration)
	// Delivered is told that sessions here were handed a new message of a trace that is recorded, heard of another node or
	// not, and Published that it was handed to the other nodes. May be nil.
	Delivered func(of chat.Trace, heard bool, began time.Time)
	Published func(of chat.Trace, began time.Time)
	// Written is told that a frame of a trace that is recorded was written to a socket, for which it began to wait then; of a
	// frame that many get for the first of them. It must not block. May be nil.
	Written func(of chat.Trace, began time.Time)
	// Panicked is told of a fault in work of the hub, after it was logged. May be nil.
	Panicked func()
}

// Source is where the hub reads what it was not told. *[chat.Service] satisfies it.
type Source interface {
	// ChangesSince and Heads read the store for the hub itself, asking for nobody's membership.
	ChangesSince(ctx context.Context, c chat.ConversationID, afterRev int64, limit int) (chat.Changes, error)
	// Sending says of which messages of a conversation live sessions are told by their answers, of those that this
	// node is storing or announcing.
	Sending(c chat.ConversationID) map[chat.MessageID]chat.Sending
	Heads(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID]chat.Head, error)
	Interests(ctx context.Context, users []chat.UserID) (map[chat.UserID][]chat.Interest, error)
	// Roster may answer from memory until it is told to forget, or that the roster has moved to a rev.
	Roster(ctx context.Context, c chat.ConversationID) (chat.Roster, error)
	ForgetRoster(c chat.ConversationID)
	RosterMoved(c chat.ConversationID, rev int64)
	ForgetRosters()
	// Reseed has the readers of a conversation counted anew if it is large: its people changed.
	Reseed(c chat.ConversationID)
	// TrustRosters lets what is remembered count until then.
	TrustRosters(until time.Time)
	ReadStates(ctx context.Context, c chat.ConversationID, users []chat.UserID) (map[chat.UserID]chat.ReadState, error)
	// TrueReadState reads where a person has read to; an error when that is not known for sure.
	TrueReadState(ctx context.Context, c chat.ConversationID, u chat.UserID) (state chat.ReadState, in bool, err error)
	// Receipts reads who has read what in conversations, in a few queries.
	Receipts(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID]chat.Receipts, error)
	// Shed reports whether this node leaves work of a kind out for a moment, because it has too much to do.
	Shed(w chat.Work) bool
	// Conversation reads it as the person sees it, who must be in it.
	Conversation(ctx context.Context, actor chat.UserID, c chat.ConversationID) (chat.Conversation, error)
	Sight
}

// Hub is this node's part of the delivery. It satisfies [chat.Announcer].
type Hub struct {
	cfg       Config
	bus       Bus
	sessions  *registry
	notices   *notices
	receipts  *receipts
	presences *presences
	topics    sync.Map // chat.ConversationID → *topic
	gate      gate
	marks     *marks // nil where nobody records

	// What a node needs that is not alone; nil for one that is.
	follows  *follows
	book     *book
	compares *compares
	round    []chat.ConversationID // whose turn to be compared is still to come; the watch has it alone

	turns     turns
	counters  counters
	complains complaints

	started chan struct{}
	source  Source          // set before started is closed
	ctx     context.Context // ends with Run
	work    sync.WaitGroup  // repairs and re-sends under way
	// joins bounds how many subscriptions read the store at once.
	joins chan struct{}
}

var _ chat.Announcer = (*Hub)(nil)

// NewHub builds a hub on a bus. Nothing is delivered before [Hub.Run].
func NewHub(cfg Config, bus Bus) *Hub {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{
		cfg: cfg, bus: bus, sessions: newRegistry(), started: make(chan struct{}),
		joins: make(chan struct{}, maxJoins), marks: newMarks(cfg.Written),
	}
	h.gate.bus = bus
	h.notices, h.receipts, h.presences = newNotices(h), newReceipts(h), newPresences(h)
	if _, alone := bus.(Alone); !alone {
		h.follows, h.book, h.compares = newFollows(), newBook(h), newCompares(h)
	}
	return h
}

// NodeID is this node's serverId.
func (h *Hub) NodeID() string { return h.cfg.NodeID }

// Run delivers until ctx ends. It may be called once.
func (h *Hub) Run(ctx context.Context, source Source) error {
	h.source, h.ctx = source, ctx
	close(h.started)
	listener := h.bus.Listen(h.hear, h.lost)
	h.follows.listen(listener)
	if h.book != nil {
		h.work.Go(func() { h.book.run(ctx) })
		h.work.Go(func() { h.compares.run(ctx) })
		h.work.Go(func() { h.watch(ctx) })
	}
	h.work.Go(func() { h.presences.run(ctx) })
	h.notices.run(ctx)
	listener.Stop()
	h.work.Wait()
	return nil
}

// ready waits until Run has begun; it reports false when ctx ended first.
func (h *Hub) ready(ctx context.Context) bool {
	select {
	case <-h.started:
		return true
	case <-ctx.Done():
		return false
	}
}

// running reports whether Run has begun and not ended.
func (h *Hub) running() bool {
	select {
	case <-h.started:
		return h.ctx.Err() == nil
	default:
		return false
	}
}

func (h *Hub) topic(c chat.ConversationID) *topic {
	if t, found := h.topics.Load(c); found {
		return t.(*topic)
	}
	return nil
}

func (h *Hub) topicFor(c chat.ConversationID) *topic {
	if t := h.topic(c); t != nil {
		return t
	}
	t, found := h.topics.LoadOrStore(c, newTopic(h, c))
	if !found && h.follows != nil {
		h.follows.add(ConversationTopic(c))
	}
	return t.(*topic)
}

// left gives up a topic that its last subscriber left, when it had handed on everything up to rev.
func (h *Hub) left(c chat.ConversationID, rev int64, incomplete bool) {
	if h.follows == nil {
		return
	}
	if incomplete {
		h.book.doubt(c, rev)
		h.compares.conversations(c)
	}
	h.follows.remove(ConversationTopic(c))
}
