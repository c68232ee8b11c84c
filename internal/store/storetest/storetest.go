// Package storetest is the conformance suite of the store: every promise that chat.Store and auth.Store
// make, checked on whatever database it is run with.
package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// Run runs the suite. open returns a migrated, empty store that is closed when its test ends.
func Run(t *testing.T, open func(*testing.T) *store.Store) {
	for _, group := range []struct {
		name string
		run  func(*testing.T, world)
	}{
		{"messages", messages},
		{"history", history},
		{"conversations", conversations},
		{"receipts", receipts},
		{"readers", readers},
		{"users", usersSuite},
		{"friends", friendsSuite},
		{"blocks", blocksSuite},
		{"presence", presence},
		{"logins", logins},
		{"nodes", nodes},
		{"writers", writers},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			w := world{open(t)}
			group.run(t, w)
			t.Run("and the data is sound after all that", w.sound)
		})
	}
}

// sound is that the doctor finds nothing.
func (w world) sound(t *testing.T) {
	findings, err := w.Check(ctx)
	ok(t, err)
	for _, f := range findings {
		t.Error(f)
	}
}

// world is a store with shorthands for making things in it. What a shorthand cannot make fails the test.
type world struct {
	*store.Store
}

var ctx = context.Background()

func newID[S ~string]() S { return S(uuid.Must(uuid.NewV7()).String()) }

var people atomic.Int64

// newAccount is somebody nobody has met.
func newAccount() auth.Account {
	name := fmt.Sprintf("person%d", people.Add(1))
	return auth.Account{
		User:        chat.User{ID: newID[chat.UserID](), Username: name, DisplayName: "The " + name, CreatedAt: time.Now().UTC().Truncate(time.Microsecond)},
		UsernameKey: name, PasswordHash: "$argon2id$",
	}
}

// person registers somebody.
func (w world) person(t testing.TB) chat.UserID {
	t.Helper()
	a := newAccount()
	if err := w.CreateAccount(ctx, a, false); err != nil {
		t.Fatalf("CreateAccount: %v", err)
	}
	return a.ID
}

func (w world) people(t testing.TB, n int) []chat.UserID {
	t.Helper()
	out := make([]chat.UserID, n)
	for i := range out {
		out[i] = w.person(t)
	}
	return out
}

// group opens a group of people, the first its owner.
func (w world) group(t testing.TB, people ...chat.UserID) chat.Conversation {
	t.Helper()
	c, created, err := w.CreateConversation(ctx, chat.NewConversation{
		ID: newID[chat.ConversationID](), Type: chat.Group, Title: "Group", Creator: people[0], Participants: people,
	})
	if err != nil || !created {
		t.Fatalf("CreateConversation: created %v, %v", created, err)
	}
	return c
}

func draft(c chat.Conversation, sender chat.UserID, content string) chat.Draft {
	return chat.Draft{
		ID: newID[chat.MessageID](), Conversation: c.ID, Sender: sender, ClientMessageID: uuid.NewString(),
		Content: content, ContentType: "text", RosterRev: c.RosterRev,
	}
}

// send appends one message.
func (w world) send(t testing.TB, c chat.Conversation, sender chat.UserID, content string) chat.Message {
	t.Helper()
	return w.append(t, draft(c, sender, content))[0].Message
}

// append appends drafts that must all be stored.
func (w world) append(t testing.TB, drafts ...chat.Draft) []chat.Appended {
	t.Helper()
	appended, err := w.AppendMessages(ctx, drafts)
	if err != nil {
		t.Fatalf("AppendMessages: %v", err)
	}
	for i, a := range appended {
		if a.Err != nil {
			t.Fatalf("draft %d: %v", i, a.Err)
		}
	}
	return appended
}

// code is the protocol's word for an error, "" for none.
func code(err error) chat.Code {
	if err == nil {
		return ""
	}
	return chat.AsError(err).Code
}
