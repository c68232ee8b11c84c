package demo

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func empty(t *testing.T) (*store.Store, *auth.Service) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config{Key: []byte(strings.Repeat("k", 32)), NewID: newID}, s)
	if err != nil {
		t.Fatal(err)
	}
	return s, accounts
}

// heads lists every conversation of the demo's people with the number of its messages.
func heads(t *testing.T, s *store.Store) map[chat.ConversationID]int64 {
	t.Helper()
	out := make(map[chat.ConversationID]int64)
	for _, name := range []string{"alice", "bob", "carla", "deniz", "emi", "farid", "echo"} {
		p, err := s.AccountByName(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		cs, _, err := s.Conversations(t.Context(), chat.ListQuery{Viewer: p.ID, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cs {
			out[c.ID] = c.LastSeq
		}
	}
	return out
}

func TestTheDemoIsSeededOnce(t *testing.T) {
	s, accounts := empty(t)
	began := time.Now()
	echo, err := Seed(t.Context(), s, accounts, newID)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seeded in %v", time.Since(began))
	first := heads(t, s)
	longest := int64(0)
	for _, n := range first {
		longest = max(longest, n)
	}
	if len(first) != 8 || longest != 10_000 {
		t.Errorf("%d conversations, the longest of %d messages", len(first), longest)
	}
	again, err := Seed(t.Context(), s, accounts, newID)
	if err != nil || again != echo {
		t.Fatalf("the bot was %s and is %s: %v", echo, again, err)
	}
	for id, n := range heads(t, s) {
		if first[id] != n {
			t.Errorf("conversation %s had %d messages and has %d", id, first[id], n)
		}
	}
	if made, err := Made(t.Context(), s); err != nil || !made {
		t.Errorf("the data is not marked: %v", err)
	}
	for _, name := range []string{"alice", "bob"} {
		if _, err := accounts.Login(t.Context(), auth.Credentials{Username: name, Password: name + "-demo"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cutOff fails every append from the n-th on, as a crash would.
type cutOff struct {
	*store.Store
	left int
}

func (c *cutOff) AppendMessages(ctx context.Context, d []chat.Draft) ([]chat.Appended, error) {
	if c.left--; c.left < 0 {
		return nil, errors.New("cut off")
	}
	return c.Store.AppendMessages(ctx, d)
}

func TestASeedingThatWasCutOffIsFinishedByTheNextStart(t *testing.T) {
	s, accounts := empty(t)
	const long = 2 * batch
	for _, left := range []int{0, 1, 5} {
		if _, err := seed(t.Context(), &cutOff{s, left}, accounts, newID, long); err == nil {
			t.Fatal("it was not cut off")
		}
	}
	if _, err := seed(t.Context(), s, accounts, newID, long); err != nil {
		t.Fatal(err)
	}
	interrupted := heads(t, s)
	fresh, others := empty(t)
	if _, err := seed(t.Context(), fresh, others, newID, long); err != nil {
		t.Fatal(err)
	}
	if whole := heads(t, fresh); len(interrupted) != len(whole) || sum(interrupted) != sum(whole) {
		t.Errorf("%d conversations with %d messages, want %d with %d", len(interrupted), sum(interrupted), len(whole), sum(whole))
	}
}

func sum(heads map[chat.ConversationID]int64) (n int64) {
	for _, messages := range heads {
		n += messages
	}
	return n
}

func TestTheDemoLeavesRealDataAlone(t *testing.T) {
	s, accounts := empty(t)
	if _, err := accounts.CreateAccount(t.Context(), auth.NewAccount{Username: "alice", Password: "a-real-password"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Seed(t.Context(), s, accounts, newID); !errors.Is(err, ErrRealData) {
		t.Errorf("got %v", err)
	}
}

// announcements keeps what is told, by kind.
type announcements struct {
	chat.Announcer
	typing    chan bool
	read      chan chat.ReadState
	delivered chan int64
	changes   chan chat.Change
}

func (a *announcements) Announce(changes []chat.Change) {
	for _, c := range changes {
		a.changes <- c
	}
}
func (a *announcements) Committing(int) (done func())                        { return func() {} }
func (a *announcements) PresenceChanged([]chat.Presence)                     {}
func (a *announcements) WatchingChanged(...chat.UserID)                      {}
func (a *announcements) FriendshipChanged(chat.UserID, chat.Friend)          {}
func (a *announcements) BlockChanged(_, _ chat.UserID, _ bool)               {}
func (a *announcements) Gather() (release func())                            { return func() {} }
func (a *announcements) ConversationReturned(chat.UserID, chat.Conversation) {}
func (a *announcements) ReadTogether(_ chat.ConversationID, states map[chat.UserID]chat.ReadState) {
	for _, state := range states {
		a.read <- state
	}
}
func (a *announcements) PositionShown(chat.Shown)                     {}
func (a *announcements) ReadersCounted(chat.ReadCounts)               {}
func (a *announcements) ReceiptsChanged(chat.ConversationID)          {}
func (a *announcements) ReadAdvanced(_ chat.UserID, s chat.ReadState) { a.read <- s }
func (a *announcements) TypingChanged(_ chat.ConversationID, _ chat.UserID, typing bool, _ chat.SessionID) {
	a.typing <- typing
}
func (a *announcements) Delivered(_ chat.ConversationID, _ chat.UserID, upTo int64) {
	a.delivered <- upTo
}

func TestTheBotReadsTypesAndAnswersLikeAPerson(t *testing.T) {
	s, accounts := empty(t)
	echo, err := seed(t.Context(), s, accounts, newID, 1)
	if err != nil {
		t.Fatal(err)
	}
	told := &announcements{
		typing: make(chan bool, 10), read: make(chan chat.ReadState, 10),
		delivered: make(chan int64, 10), changes: make(chan chat.Change, 10),
	}
	bot := NewBot(echo, slog.New(slog.DiscardHandler))
	service := chat.New(chat.Config{NewID: newID, Sent: bot.Hear}, s, told)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- service.Run(ctx) }()
	go func() { ended <- bot.Run(ctx, service) }()
	defer func() {
		cancel()
		<-ended
		<-ended
	}()

	bob, err := s.AccountByName(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := service.CreateConversation(t.Context(), bob.ID, chat.Direct, []chat.UserID{echo}, "")
	if err != nil {
		t.Fatal(err)
	}
	service.SendMessage(chat.Submission{Conversation: c.ID, Sender: bob.ID, ClientMessageID: "1", Content: "Hello?"}, func(_ chat.Sent, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	mine := receive(t, told.changes).Message
	if upTo := receive(t, told.delivered); upTo != mine.Seq {
		t.Errorf("delivered up to %d, want %d", upTo, mine.Seq)
	}
	if read := receive(t, told.read); read.LastReadMessageID != mine.ID {
		t.Errorf("read up to %s, want %s", read.LastReadMessageID, mine.ID)
	}
	if !receive(t, told.typing) {
		t.Error("it stopped typing before it began")
	}
	if receive(t, told.typing) {
		t.Error("it did not stop typing")
	}
	answer := receive(t, told.changes).Message
	if answer.Sender != echo || answer.Content != "Hello?" || answer.ClientMessageID != "echo-"+string(mine.ID) {
		t.Errorf("it answered %+v", answer)
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
