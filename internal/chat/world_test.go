package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// world is the rules over a real SQLite store, with an announcer that records.
type world struct {
	*chat.Service
	store  *faultyStore
	heard  *recorder
	people []chat.UserID
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func newWorld(t *testing.T, people int) *world {
	t.Helper()
	return newWorldWith(t, people, chat.Config{NewID: newID})
}

func newWorldWith(t *testing.T, people int, cfg chat.Config) *world {
	t.Helper()
	return newWorldOn(t, store.Config{DataDir: t.TempDir()}, people, cfg)
}

func newWorldOn(t *testing.T, where store.Config, people int, cfg chat.Config) *world {
	t.Helper()
	db, err := store.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := &world{store: &faultyStore{Store: db}, heard: newRecorder()}
	for i := range people {
		id := chat.UserID(newID())
		name := fmt.Sprintf("person%d", i)
		account := auth.Account{
			User:        chat.User{ID: id, Username: name, DisplayName: "Person " + name, CreatedAt: time.Now().UTC()},
			UsernameKey: name,
		}
		if err := db.CreateAccount(t.Context(), account, false); err != nil {
			t.Fatal(err)
		}
		w.people = append(w.people, id)
	}
	w.Service = chat.New(cfg, w.store, w.heard)
	w.run(t)
	return w
}

// run runs the rules until the test ends.
func (w *world) run(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() {
		w.Run(ctx)
		close(ran)
	}()
	t.Cleanup(func() {
		stop()
		<-ran
	})
}

func (w *world) group(t *testing.T, members ...chat.UserID) chat.ConversationID {
	t.Helper()
	c, created, err := w.CreateConversation(t.Context(), members[0], chat.Group, members[1:], "A group")
	if err != nil || !created {
		t.Fatalf("creating a group: created %v, %v", created, err)
	}
	return c.ID
}

type answer struct {
	chat.Sent
	err error
}

// post submits without waiting.
func (w *world) post(c chat.ConversationID, sender chat.UserID, clientID, content string) <-chan answer {
	out := make(chan answer, 1)
	w.SendMessage(chat.Submission{Conversation: c, Sender: sender, ClientMessageID: clientID, Content: content},
		func(s chat.Sent, err error) { out <- answer{s, err} })
	return out
}

func (w *world) send(t *testing.T, c chat.ConversationID, sender chat.UserID, clientID, content string) chat.Message {
	t.Helper()
	a := <-w.post(c, sender, clientID, content)
	if a.err != nil {
		t.Fatalf("sending %s: %v", clientID, a.err)
	}
	return a.Message
}

func wantCode(t *testing.T, err error, code chat.Code) {
	t.Helper()
	var e *chat.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

// settle waits until everything that was answered before has been announced too: a lane announces one
// batch before it takes the next.
func (w *world) settle(t *testing.T) {
	t.Helper()
	marker := w.group(t, w.people[0])
	m := w.send(t, marker, w.people[0], "marker", "marker")
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	for !slices.ContainsFunc(w.heard.changes, func(c chat.Change) bool { return c.Message != nil && c.Message.ID == m.ID }) {
		w.heard.more.Wait()
	}
	w.heard.changes = slices.DeleteFunc(w.heard.changes, func(c chat.Change) bool { return c.Conversation == marker })
}

// recorder is an announcer that remembers.
type recorder struct {
	relations
	mu       sync.Mutex
	more     sync.Cond // under mu, when changes, shown or counted has grown
	changes  []chat.Change
	suspects []chat.ConversationID
	typing   []bool
	acks     []int64
	shown    []chat.Shown
	counted  []chat.ReadCounts
	unsure   []chat.ConversationID // whose receipts are to be looked up
	seen     []sighting
	watching []chat.UserID // whose watching is to be read anew
}

// sighting is a presence that was told, and when.
type sighting struct {
	chat.Presence
	at time.Time
}

func newRecorder() *recorder {
	r := &recorder{}
	r.more.L = &r.mu
	return r
}

func (r *recorder) typed() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.typing)
}

func (r *recorder) Announce(changes []chat.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, changes...)
	r.more.Broadcast()
}

func (r *recorder) Suspect(c chat.ConversationID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suspects = append(r.suspects, c)
}

func (r *recorder) TypingChanged(_ chat.ConversationID, _ chat.UserID, typing bool, _ chat.SessionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.typing = append(r.typing, typing)
}

func (r *recorder) Delivered(_ chat.ConversationID, _ chat.UserID, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acks = append(r.acks, seq)
}

func (r *recorder) PositionShown(s chat.Shown) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown = append(r.shown, s)
	r.more.Broadcast()
}

func (r *recorder) ReadersCounted(c chat.ReadCounts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counted = append(r.counted, c)
	r.more.Broadcast()
}

func (r *recorder) PresenceChanged(told []chat.Presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range told {
		r.seen = append(r.seen, sighting{p, time.Now()})
	}
	r.more.Broadcast()
}

func (r *recorder) WatchingChanged(us ...chat.UserID) {
	r.relations.WatchingChanged(us...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watching = append(r.watching, us...)
}

func (r *recorder) ReadTogether(chat.ConversationID, map[chat.UserID]chat.ReadState) {}

func (r *recorder) ReceiptsChanged(c chat.ConversationID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsure = append(r.unsure, c)
}

func (r *recorder) Committing(int) (done func())                               { return func() {} }
func (r *recorder) Gather() (release func())                                   { return func() {} }
func (r *recorder) ReadAdvanced(chat.UserID, chat.ReadState)                   {}
func (r *recorder) ConversationHidden(chat.UserID, chat.ConversationID, int64) {}
func (r *recorder) ConversationReturned(chat.UserID, chat.Conversation)        {}

func (r *recorder) announced(kind chat.ChangeKind) []chat.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []chat.Change
	for _, c := range r.changes {
		if c.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}

// faultyStore is a real store whose appends a test can hold up, fail, or lose the answer of.
type faultyStore struct {
	chat.Store
	mu     sync.Mutex
	blind  error // of looking up what was sent before
	await  func(context.Context) error
	append func(ctx context.Context, drafts []chat.Draft, commit func() ([]chat.Appended, error)) ([]chat.Appended, error)
}

func (f *faultyStore) fault(append func(context.Context, []chat.Draft, func() ([]chat.Appended, error)) ([]chat.Appended, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.append = append
}

// awaits has a test say when the store is there.
func (f *faultyStore) awaits(await func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.await = await
}

func (f *faultyStore) Await(ctx context.Context) error {
	f.mu.Lock()
	await := f.await
	f.mu.Unlock()
	if await == nil {
		return f.Store.Await(ctx)
	}
	return await(ctx)
}

func (f *faultyStore) MessageByClientID(ctx context.Context, c chat.ConversationID, sender chat.UserID, key string) (chat.Message, error) {
	f.mu.Lock()
	blind := f.blind
	f.mu.Unlock()
	if blind != nil {
		return chat.Message{}, blind
	}
	return f.Store.MessageByClientID(ctx, c, sender, key)
}

func (f *faultyStore) AppendMessages(ctx context.Context, drafts []chat.Draft) ([]chat.Appended, error) {
	f.mu.Lock()
	fault := f.append
	f.mu.Unlock()
	commit := func() ([]chat.Appended, error) { return f.Store.AppendMessages(context.WithoutCancel(ctx), drafts) }
	if fault == nil {
		return commit()
	}
	return fault(ctx, drafts, commit)
}

// fixedRoster answers without a database, for tests in fake time.
type fixedRoster struct {
	chat.Store
	roster chat.Roster
}

func (fixedRoster) Await(context.Context) error { return nil }

func (f fixedRoster) Roster(context.Context, chat.ConversationID) (chat.Roster, error) {
	return f.roster, nil
}
