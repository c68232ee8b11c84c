package chat_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestWhoMayDoWhat(t *testing.T) {
	w := newWorld(t, 5)
	owner, admin, member, stranger, late := w.people[0], w.people[1], w.people[2], w.people[3], w.people[4]
	c := w.group(t, owner, admin, member)
	if _, err := w.ChangeRole(t.Context(), owner, c, admin, chat.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	mine := w.send(t, c, member, "mine", "Hello")

	for name, try := range map[string]struct {
		do   func() error
		code chat.Code
	}{
		"a stranger reads nothing": {func() error { _, err := w.Conversation(t.Context(), stranger, c); return err }, chat.CodeNotInConversation},
		"a stranger pages nothing": {func() error {
			_, err := w.Messages(t.Context(), stranger, chat.HistoryRequest{HistoryQuery: chat.HistoryQuery{Conversation: c, Limit: 50}})
			return err
		}, chat.CodeNotInConversation},
		"a stranger catches up on nothing":   {func() error { _, err := w.Changes(t.Context(), stranger, c, 0, 10); return err }, chat.CodeNotInConversation},
		"a stranger edits nothing":           {func() error { _, err := w.EditMessage(t.Context(), stranger, c, mine.ID, "x"); return err }, chat.CodeNotInConversation},
		"a member does not rename":           {func() error { _, err := w.RenameConversation(t.Context(), member, c, "x"); return err }, chat.CodeForbidden},
		"a member does not add":              {func() error { _, err := w.AddParticipants(t.Context(), member, c, []chat.UserID{late}); return err }, chat.CodeForbidden},
		"a member does not remove":           {func() error { return w.RemoveParticipant(t.Context(), member, c, admin) }, chat.CodeForbidden},
		"an admin does not remove the owner": {func() error { return w.RemoveParticipant(t.Context(), admin, c, owner) }, chat.CodeForbidden},
		"an admin does not change roles":     {func() error { _, err := w.ChangeRole(t.Context(), admin, c, member, chat.RoleAdmin); return err }, chat.CodeForbidden},
		"an admin does not edit another's":   {func() error { _, err := w.EditMessage(t.Context(), admin, c, mine.ID, "x"); return err }, chat.CodeForbidden},
		"nobody adds who does not exist": {func() error {
			_, err := w.AddParticipants(t.Context(), owner, c, []chat.UserID{chat.UserID(newID())})
			return err
		}, chat.CodeValidation},
		"a message of another id is not there": {func() error {
			_, err := w.EditMessage(t.Context(), member, c, chat.MessageID(newID()), "x")
			return err
		}, chat.CodeNotFound},
	} {
		if err := try.do(); err == nil || chat.AsError(err).Code != try.code {
			t.Errorf("%s: got %v, want %s", name, err, try.code)
		}
	}

	if _, err := w.DeleteMessage(t.Context(), admin, c, mine.ID); err != nil {
		t.Errorf("an admin deletes a member's message: %v", err)
	}
	if m, err := w.DeleteMessage(t.Context(), member, c, mine.ID); err != nil || m.Content != "" {
		t.Errorf("deleting a tombstone: %+v, %v", m, err)
	}
	if got := w.heard.announced(chat.MessageDeleted); len(got) != 1 {
		t.Errorf("the deletion was announced %d times", len(got))
	}
}

func TestGroups(t *testing.T) {
	t.Run("an owner who leaves hands the group over, and the last one ends it", func(t *testing.T) {
		w := newWorld(t, 3)
		c := w.group(t, w.people...)
		if _, err := w.ChangeRole(t.Context(), w.people[0], c, w.people[2], chat.RoleAdmin); err != nil {
			t.Fatal(err)
		}
		if err := w.RemoveParticipant(t.Context(), w.people[0], c, w.people[0]); err != nil {
			t.Fatal(err)
		}
		got, err := w.Conversation(t.Context(), w.people[1], c)
		if err != nil || got.OwnerID != w.people[2] || got.ParticipantCount != 2 {
			t.Fatalf("after the owner left: %+v, %v", got, err)
		}
		for _, u := range w.people[1:] {
			if err := w.RemoveParticipant(t.Context(), u, c, u); err != nil {
				t.Fatal(err)
			}
		}
		_, err = w.Conversation(t.Context(), w.people[1], c)
		wantCode(t, err, chat.CodeNotInConversation)
	})

	t.Run("a group of 1,001 is refused", func(t *testing.T) {
		w := newWorld(t, 1)
		others := make([]chat.UserID, 1000)
		for i := range others {
			others[i] = chat.UserID(newID())
		}
		_, _, err := w.CreateConversation(t.Context(), w.people[0], chat.Group, others, "")
		wantCode(t, err, chat.CodeValidation)
	})

	t.Run("two people have one direct conversation however often they ask", func(t *testing.T) {
		w := newWorld(t, 2)
		var wg sync.WaitGroup
		ids := make([]chat.ConversationID, 10)
		for i := range ids {
			wg.Go(func() {
				c, _, err := w.CreateConversation(t.Context(), w.people[i%2], chat.Direct, []chat.UserID{w.people[1-i%2]}, "")
				if err != nil {
					t.Error(err)
				}
				ids[i] = c.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("several conversations: %v", ids)
			}
		}
		_, _, err := w.CreateConversation(t.Context(), w.people[0], chat.Direct, []chat.UserID{w.people[0]}, "")
		wantCode(t, err, chat.CodeValidation)
	})

	t.Run("who was removed cannot send, whatever the cache says, and a retry still gets the first answer", func(t *testing.T) {
		w := newWorld(t, 2)
		c := w.group(t, w.people...)
		first := w.send(t, c, w.people[1], "one", "Hello")
		// Another node removes the member: this one's cache does not hear of it.
		roster, err := w.store.Roster(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.store.ReviseConversation(t.Context(), chat.Revision{Conversation: c, RosterRev: roster.Rev, Remove: w.people[1:]}); err != nil {
			t.Fatal(err)
		}
		a := <-w.post(c, w.people[1], "two", "Hello")
		wantCode(t, a.err, chat.CodeNotInConversation)
		if again := <-w.post(c, w.people[1], "one", "Hello"); again.err != nil || again.Message.ID != first.ID {
			t.Fatalf("the retry: %+v", again)
		}
	})

	t.Run("sends, joins and leaves at once keep seq and rev dense", func(t *testing.T) {
		w := newWorld(t, 4)
		c := w.group(t, w.people[0])
		var wg sync.WaitGroup
		for i, u := range w.people[1:] {
			wg.Go(func() {
				for range 5 {
					if _, err := w.AddParticipants(t.Context(), w.people[0], c, []chat.UserID{u}); err != nil {
						t.Error(err)
					}
					if err := w.RemoveParticipant(t.Context(), u, c, u); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for n := range 30 {
					if a := <-w.post(c, w.people[0], fmt.Sprint(i, "-", n), "Hello"); a.err != nil {
						t.Error(a.err)
					}
				}
			})
		}
		wg.Wait()
		w.settle(t)
		revs := map[int64]bool{}
		for _, kind := range []chat.ChangeKind{chat.MessageAdded, chat.ConversationRevised} {
			for _, change := range w.heard.announced(kind) {
				revs[change.Rev] = true
			}
		}
		heads, err := w.Heads(t.Context(), []chat.ConversationID{c})
		if err != nil {
			t.Fatal(err)
		}
		if head := heads[c]; head.LastSeq != 90 || head.LastRev != 1+90+30 || len(revs) != int(head.LastRev) {
			t.Fatalf("head %+v, %d revs announced", head, len(revs))
		}
	})
}

func TestTyping(t *testing.T) {
	t.Run("typing ends by itself 6 seconds after the last start", func(t *testing.T) {
		w := newWorld(t, 2)
		c := w.group(t, w.people...)
		roster, err := w.Roster(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			heard := newRecorder()
			s := chat.New(chat.Config{NewID: newID}, fixedRoster{Store: w.store, roster: roster}, heard)
			for range 2 {
				if err := s.Typing(t.Context(), w.people[0], c, true, ""); err != nil {
					t.Fatal(err)
				}
				<-time.After(4 * time.Second)
			}
			<-time.After(1999 * time.Millisecond)
			synctest.Wait()
			if got := heard.typed(); got != "[true true]" {
				t.Fatalf("before 6 s: %s", got)
			}
			<-time.After(2 * time.Millisecond)
			synctest.Wait()
			if got := heard.typed(); got != "[true true false]" {
				t.Fatalf("after 6 s: %s", got)
			}
		})
	})
}

func TestAcknowledging(t *testing.T) {
	w := newWorld(t, 2)
	c := w.group(t, w.people...)
	for i := range 5 {
		w.send(t, c, w.people[0], fmt.Sprint("m", i), "Hello")
	}
	for _, seq := range []int64{2, 1, 2, 1 << 53} {
		if err := w.AcknowledgeDelivery(t.Context(), w.people[1], c, seq); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(w.heard.acks); got != "[2 5]" {
		t.Fatalf("told of %s, want only what is new and exists", got)
	}
}

// TestTheStoreIsNotToldBeforeTheSecondIsOver: who reads it sees no more exactly than who is told when a device was reached.
func TestTheStoreIsNotToldBeforeTheSecondIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		c := w.group(t, w.people...)
		for i := range 3 {
			w.send(t, c, w.people[0], fmt.Sprint("m", i), "Hello")
		}
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second + 300*time.Millisecond)))
		for _, seq := range []int64{1, 2} {
			if err := w.AcknowledgeDelivery(t.Context(), w.people[1], c, seq); err != nil {
				t.Fatal(err)
			}
			w.Flush(t.Context())
			time.Sleep(600 * time.Millisecond)
			w.Flush(t.Context())
			w.wantDelivered(t, c, seq-1)
			time.Sleep(400 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		w.wantDelivered(t, c, 2)
	})
}

// wantDelivered holds what the store says of the second person's devices against seq.
func (w *world) wantDelivered(t *testing.T, c chat.ConversationID, seq int64) {
	t.Helper()
	shown, err := w.store.ShownPositions(t.Context(), []chat.ConversationID{c})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shown[c] {
		if s.User == w.people[1] && s.DeliveredSeq != seq {
			t.Errorf("the store says that %d was delivered, want %d", s.DeliveredSeq, seq)
		}
	}
}

func TestErasing(t *testing.T) {
	w := newWorld(t, 2)
	c := w.group(t, w.people...)
	w.send(t, c, w.people[0], "one", "Hello")
	if err := w.EraseMe(t.Context(), w.people[0], true); err != nil {
		t.Fatal(err)
	}
	got, err := w.Conversation(t.Context(), w.people[1], c)
	if err != nil || got.OwnerID != w.people[1] || got.ParticipantCount != 1 {
		t.Fatalf("the group afterwards: %+v, %v", got, err)
	}
	if got.LastMessage == nil || got.LastMessage.Content != "" {
		t.Fatalf("the message afterwards: %+v", got.LastMessage)
	}
	_, err = w.Me(t.Context(), w.people[0])
	wantCode(t, err, chat.CodeNotFound)
}

// noRosters is a store whose rosters cannot be read.
type noRosters struct{ chat.Store }

func (noRosters) Roster(context.Context, chat.ConversationID) (chat.Roster, error) {
	return chat.Roster{}, &chat.Error{Code: chat.CodeDBTimeout, Message: "The database did not answer in time."}
}

func TestErasingStopsWhereAGroupCannotBeLeft(t *testing.T) {
	w := newWorld(t, 2)
	w.group(t, w.people...)
	unlucky := chat.New(chat.Config{NewID: newID}, noRosters{w.store}, w.heard)
	wantCode(t, unlucky.EraseMe(t.Context(), w.people[0], false), chat.CodeDBTimeout)
	if _, err := w.Me(t.Context(), w.people[0]); err != nil {
		t.Fatalf("erased, and still in a group: %v", err)
	}
}
