package realtime_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/store"
)

var (
	_  realtime.Source = (*chat.Service)(nil)
	bg                 = context.Background()
)

const patience = 60 * time.Second

// world is nodes on one bus and one SQLite file.
type world struct {
	testing.TB
	store *store.Store
	bus   realtime.Bus
	nodes []*node
	named int
}

type node struct {
	*realtime.Hub
	rules *chat.Service
}

func newWorld(t testing.TB, nodes int, bus realtime.Bus) *world {
	t.Helper()
	return newWorldOver(t, nodes, bus, func(rules *chat.Service) realtime.Source { return rules })
}

// newWorldOver lets a test stand between the hubs and what they read.
func newWorldOver(t testing.TB, nodes int, bus realtime.Bus, source func(*chat.Service) realtime.Source) *world {
	t.Helper()
	return newWorldOn(t, nodes, bus, source, func(s chat.Store) chat.Store { return s })
}

// newWorldOn lets a test also stand between the rules and the store.
func newWorldOn(t testing.TB, nodes int, bus realtime.Bus, source func(*chat.Service) realtime.Source, on func(chat.Store) chat.Store) *world {
	t.Helper()
	return newWorldOf(t, nodes, bus, source, on, nil)
}

// newWorldOf lets a test also say who knows, for all nodes together, who has read what.
func newWorldOf(t testing.TB, nodes int, bus realtime.Bus, source func(*chat.Service) realtime.Source, on func(chat.Store) chat.Store, readers chat.Readers) *world {
	t.Helper()
	return newWorldWith(t, nodes, bus, source, on, chat.Config{Readers: readers})
}

// newWorldWith lets a test also say what else its nodes have in common.
func newWorldWith(t testing.TB, nodes int, bus realtime.Bus, source func(*chat.Service) realtime.Source, on func(chat.Store) chat.Store, common chat.Config) *world {
	t.Helper()
	common.NewID = newID
	s, err := store.Open(bg, store.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(bg); err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, store: s, bus: bus}
	ctx, stop := context.WithCancel(bg)
	var running sync.WaitGroup
	for i := range nodes {
		hub := realtime.NewHub(realtime.Config{NodeID: fmt.Sprint("node-", i)}, bus)
		rules := chat.New(common, on(s), hub)
		running.Go(func() { _ = rules.Run(ctx) })
		read := source(rules)
		running.Go(func() { _ = hub.Run(ctx, read) })
		w.nodes = append(w.nodes, &node{hub, rules})
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
		s.Close()
	})
	return w
}

// run runs a hub of the test's own over the first node's rules.
func (w *world) run(hub *realtime.Hub) {
	ctx, stop := context.WithCancel(bg)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = hub.Run(ctx, w.nodes[0].rules)
	}()
	w.Cleanup(func() {
		stop()
		<-done
	})
}

func oneNode(t testing.TB) (*world, *node) {
	w := newWorld(t, 1, realtime.Alone{})
	return w, w.nodes[0]
}

func (w *world) person() chat.UserID {
	w.Helper()
	w.named++
	name := fmt.Sprint("person", w.named)
	id := chat.UserID(uuid.Must(uuid.NewV7()).String())
	err := w.store.CreateAccount(bg, auth.Account{
		User:        chat.User{ID: id, Username: name, DisplayName: name, CreatedAt: time.Now().UTC().Truncate(time.Microsecond)},
		UsernameKey: name, PasswordHash: "$argon2id$",
	}, false)
	if err != nil {
		w.Fatal(err)
	}
	return id
}

func (w *world) people(n int) []chat.UserID {
	out := make([]chat.UserID, n)
	for i := range out {
		out[i] = w.person()
	}
	return out
}

// group opens a group; the first is its owner.
func (w *world) group(people ...chat.UserID) chat.ConversationID {
	w.Helper()
	c, _, err := w.nodes[0].rules.CreateConversation(bg, people[0], chat.Group, people[1:], "Group")
	if err != nil {
		w.Fatal(err)
	}
	return c.ID
}

func (w *world) head(c chat.ConversationID) chat.Head {
	w.Helper()
	heads, err := w.store.Heads(bg, []chat.ConversationID{c})
	if err != nil {
		w.Fatal(err)
	}
	return heads[c]
}

// send sends and waits for the confirmation.
func (n *node) send(t testing.TB, from chat.UserID, c chat.ConversationID, content string) chat.Message {
	t.Helper()
	m, err := n.trySend(from, c, content, "")
	if err != nil {
		t.Error(err)
	}
	return m
}

// trySend sends until the answer is not that the database was too busy, as a client does.
func (n *node) trySend(from chat.UserID, c chat.ConversationID, content string, origin chat.SessionID) (chat.Message, error) {
	type answer struct {
		sent chat.Sent
		err  error
	}
	key := newID()
	for {
		answered := make(chan answer, 1)
		n.rules.SendMessage(chat.Submission{Conversation: c, Sender: from, ClientMessageID: key, Content: content, Origin: origin},
			func(sent chat.Sent, err error) { answered <- answer{sent, err} })
		if a := <-answered; a.err == nil || chat.AsError(a.err).Code != chat.CodeDBTimeout {
			return a.sent.Message, a.err
		}
	}
}

// event is a frame as a client reads it.
type event struct {
	Type           string                 `json:"type"`
	ConversationID string                 `json:"conversationId"`
	Conversation   *protocol.Conversation `json:"conversation"`
	Message        *protocol.Message      `json:"message"`
	Rev            int64                  `json:"rev"`
	LastRev        int64                  `json:"lastRev"`
	LastSeq        int64                  `json:"lastSeq"`
	UserID         string                 `json:"userId"`
	SenderID       string                 `json:"senderId"`
	Seq            int64                  `json:"seq"`
	UpToSeq        int64                  `json:"upToSeq"`
	LastReadSeq    int64                  `json:"lastReadSeq"`
	Reason         string                 `json:"reason"`
	Code           string                 `json:"code"`
	Ref            string                 `json:"ref"`
	Preview        *string                `json:"preview"`
	UnreadCount    int64                  `json:"unreadCount"`
	HasMore        bool                   `json:"hasMore"`
	Counts         []readCount            `json:"counts"`
	Status         string                 `json:"status"`
	LastSeenAt     *string                `json:"lastSeenAt"`
	Device         string                 `json:"device"`
	Presences      []protocol.Presence    `json:"presences"`
	at             time.Time              // when the client read it
}

type readCount struct {
	MessageID string `json:"messageId"`
	ReadCount int64  `json:"readCount"`
}

// change is the rev that an event stands for, 0 for one that stands in no order.
func (e event) change() int64 {
	switch e.Type {
	case "message:received", "message:updated", "message:deleted":
		return e.Message.Rev
	case "conversation:updated":
		return e.Rev
	}
	return 0
}

// client is a session that reads everything at once.
type client struct {
	testing.TB
	*realtime.Session
	node *node

	mu     sync.Mutex
	news   *sync.Cond
	events []event
	closed *realtime.Closing
}

func (n *node) connect(t testing.TB, u chat.UserID) *client {
	c := &client{TB: t, node: n}
	c.news = sync.NewCond(&c.mu)
	var out *realtime.Outbox
	out = realtime.NewOutbox(func() { go c.drain(out) }, func(realtime.Closing) {})
	c.Session = n.Open(bg, u, chat.LoginID("login of "+u), out)
	n.Welcome(c.Session)
	t.Cleanup(func() { n.Close(c.Session) })
	return c
}

func (c *client) drain(out *realtime.Outbox) {
	for {
		frames, closing := out.Take(nil, 64<<10)
		c.mu.Lock()
		for _, f := range frames {
			var e event
			if err := json.Unmarshal(f, &e); err != nil {
				c.Errorf("%s: %v", f, err)
			}
			e.at = time.Now()
			c.events = append(c.events, e)
		}
		if closing != nil {
			c.closed = closing
		}
		c.news.Broadcast()
		c.mu.Unlock()
		if len(frames) == 0 {
			return
		}
	}
}

// await waits until done is satisfied with what the client has seen.
func (c *client) await(what string, done func([]event) bool) []event {
	c.Helper()
	timer := time.AfterFunc(patience, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.news.Broadcast()
	})
	defer timer.Stop()
	deadline := time.Now().Add(patience)
	c.mu.Lock()
	defer c.mu.Unlock()
	for !done(c.events) {
		if !time.Now().Before(deadline) {
			c.Fatalf("%s did not come; the client saw %d events, the last: %+v", what, len(c.events), c.events[max(0, len(c.events)-5):])
		}
		c.news.Wait()
	}
	return slices.Clone(c.events)
}

func (c *client) awaitType(kind string) event {
	c.Helper()
	events := c.await(kind, func(es []event) bool { return slices.ContainsFunc(es, func(e event) bool { return e.Type == kind }) })
	return events[slices.IndexFunc(events, func(e event) bool { return e.Type == kind })]
}

// awaitRev waits for the change of a conversation that brings the client to rev.
func (c *client) awaitRev(id chat.ConversationID, rev int64) []event {
	c.Helper()
	return c.await(fmt.Sprint("rev ", rev), func(es []event) bool {
		return slices.ContainsFunc(es, func(e event) bool { return e.of(id) && e.change() >= rev })
	})
}

func (e event) of(id chat.ConversationID) bool {
	return e.ConversationID == string(id) || (e.Message != nil && e.Message.ConversationID == string(id))
}

func (c *client) subscribe(id chat.ConversationID, afterRev ...int64) {
	w := realtime.Want{Conversation: id}
	if len(afterRev) > 0 {
		w.AfterRev = &afterRev[0]
	}
	c.node.Subscribe(bg, c.Session, []realtime.Want{w})
}

// revs are the changes of a conversation in the order in which they came.
func revs(events []event, id chat.ConversationID) []int64 {
	var out []int64
	for _, e := range events {
		if e.of(id) && e.change() > 0 {
			out = append(out, e.change())
		}
	}
	return out
}

func types(events []event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

// apartFromReceipts leaves out what tells how far others are and who is there, which comes in its own time.
func apartFromReceipts(events []event) []event {
	return slices.DeleteFunc(slices.Clone(events), func(e event) bool {
		return e.Type == "message:delivered" || e.Type == "receipt:updated" || e.Type == "receipt:count" || e.Type == "presence:state"
	})
}

// upTo is from, from+1 … to.
func upTo(from, to int64) []int64 {
	var out []int64
	for r := from; r <= to; r++ {
		out = append(out, r)
	}
	return out
}

// awaitNothing waits until the client's node has started to listen, which a first subscribe shows.
func (c *client) awaitNothing() { c.subscribe("none"); c.awaitType("error") }

// stall connects somebody who reads nothing at all.
func (n *node) stall(t testing.TB, u chat.UserID) *client {
	c := &client{TB: t, node: n}
	c.news = sync.NewCond(&c.mu)
	c.Session = n.Open(bg, u, chat.LoginID("login of "+u), realtime.NewOutbox(func() {}, func(realtime.Closing) {}))
	n.Welcome(c.Session)
	t.Cleanup(func() { n.Close(c.Session) })
	return c
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (c *client) subscribeAll(ids []chat.ConversationID, afterRev int64) {
	var wants []realtime.Want
	for _, id := range ids {
		wants = append(wants, realtime.Want{Conversation: id, AfterRev: &afterRev})
	}
	c.node.Subscribe(bg, c.Session, wants)
}

// drainForever reads for a client that stalled, until done is closed, and then whatever comes.
func (c *client) drainForever(done <-chan struct{}) {
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		c.drain(c.Outbox)
		runtime.Gosched()
	}
}
