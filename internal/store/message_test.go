package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func draftFor(c chat.Conversation, sender chat.UserID, content string) chat.Draft {
	return chat.Draft{
		ID: newID[chat.MessageID](), Conversation: c.ID, Sender: sender, ClientMessageID: uuid.NewString(),
		Content: content, ContentType: "text", RosterRev: c.RosterRev,
	}
}

func TestTheTimesOfMessagesRiseWhenTheClockHasSteppedBack(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		cs, ada := conversationsFor(t, in.Store)
		c := cs[0]
		append := func(s *store.Store, drafts ...chat.Draft) []chat.Appended {
			t.Helper()
			out, err := s.AppendMessages(t.Context(), drafts)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		ahead := in.WithClock(func() time.Time { return time.Now().Add(time.Hour) })
		last := append(ahead, draftFor(c, ada, "by a node whose clock is an hour ahead"))[0].Message.CreatedAt
		if wait := time.Until(last); wait < 59*time.Minute {
			t.Fatalf("the other node's message is only %v ahead", wait)
		}
		again := draftFor(c, ada, "twice in a batch, so that it goes the exact way")
		for _, drafts := range [][]chat.Draft{
			{draftFor(c, ada, "alone")},
			{draftFor(c, ada, "a"), draftFor(c, ada, "b"), draftFor(c, ada, "c")},
			{again, again},
			{draftFor(c, ada, "alone again")},
		} {
			for _, a := range append(in.Store, drafts...) {
				if a.Duplicate {
					continue
				}
				if got := a.Message.CreatedAt; !got.Equal(last.Add(time.Microsecond)) {
					t.Errorf("%q is at %v, want a microsecond after %v", a.Message.Content, got, last)
				}
				last = a.Message.CreatedAt
			}
		}
		title := "renamed"
		after, err := in.ReviseConversation(t.Context(), chat.Revision{Conversation: c.ID, RosterRev: c.RosterRev, Title: &title})
		if err != nil || after.UpdatedAt.Before(last) {
			t.Errorf("the list's order goes back to %v from %v: %v", after.UpdatedAt, last, err)
		}
	})
}

func TestDeletedTextIsGoneFromTheFile(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	cs, ada := conversationsFor(t, s)
	canary := "canary-" + strings.Repeat("z", 3000)
	appended, err := s.AppendMessages(t.Context(), []chat.Draft{draftFor(cs[0], ada, "stays"), draftFor(cs[0], ada, canary)})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.DeleteMessage(t.Context(), chat.Deletion{Conversation: cs[0].ID, Message: appended[1].Message.ID, RosterRev: cs[0].RosterRev}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte("canary-zzz")) {
			t.Errorf("%s still holds the deleted text", filepath.Base(name))
		}
	}
}

func TestASendThatWaitsTooLongTimesOut(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		cs, ada := conversationsFor(t, in.Store)
		// Somebody holds the row, or on SQLite the whole database.
		tx, err := in.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("UPDATE conversations SET last_rev = last_rev WHERE id = $1", string(cs[0].ID)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err = in.AppendMessages(ctx, []chat.Draft{draftFor(cs[0], ada, "x"), draftFor(cs[1], ada, "y")})
		if got := chat.AsError(err).Code; got != chat.CodeDBTimeout {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		// PostgreSQL may have gone on with it when the row was free again: the outcome was unknown (C2.6).
		appended, err := in.AppendMessages(t.Context(), []chat.Draft{draftFor(cs[0], ada, "x")})
		if err != nil || appended[0].Err != nil {
			t.Errorf("afterwards: %+v, %v", appended, err)
		}
		if findings, err := in.Check(t.Context()); err != nil || len(findings) > 0 {
			t.Errorf("the doctor says %v, %v", findings, err)
		}
	})
}

func TestARevisionThatCommitsWhileABatchWaitsForItsLockMakesTheBatchStale(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		cs, ada := conversationsFor(t, in.Store)
		for i, drafts := range [][]chat.Draft{
			{draftFor(cs[0], ada, "alone")},
			{draftFor(cs[1], ada, "one"), draftFor(cs[1], ada, "two")},
		} {
			c := cs[i]
			tx, err := in.raw.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec("UPDATE conversations SET last_rev = last_rev + 1, roster_rev = last_rev + 1 WHERE id = $1", string(c.ID)); err != nil {
				t.Fatal(err)
			}
			done := make(chan []chat.Appended, 1)
			go func() {
				appended, err := in.AppendMessages(t.Context(), drafts)
				if err != nil {
					t.Error(err)
				}
				done <- appended
			}()
			in.awaitWaiter(t)
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			for _, a := range <-done {
				if !errors.Is(a.Err, chat.ErrStale) {
					t.Errorf("batch of %d: %+v", len(drafts), a)
				}
			}
			heads, err := in.Heads(t.Context(), []chat.ConversationID{c.ID})
			if err != nil || heads[c.ID] != (chat.Head{LastSeq: 0, LastRev: 2, RosterRev: 2}) {
				t.Errorf("the head is %+v, %v", heads, err)
			}
		}
	})
}

// awaitWaiter returns when PostgreSQL has somebody waiting for a lock. SQLite does not tell; there either
// order of the two is right.
func (in inside) awaitWaiter(t *testing.T) {
	t.Helper()
	for waiting := in.Kind() == "sqlite"; !waiting; {
		if err := in.raw.QueryRow("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
}
