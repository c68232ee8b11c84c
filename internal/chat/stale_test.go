package chat_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// other is the rules of another node on the same store, which nobody tells of anything.
func (w *world) other(t *testing.T) *world {
	t.Helper()
	o := &world{store: w.store, heard: newRecorder(), people: w.people}
	o.Service = chat.New(chat.Config{NewID: newID}, o.store, o.heard)
	o.run(t)
	return o
}

// remembers has a node remember who is in a conversation.
func (w *world) remembers(t *testing.T, c chat.ConversationID) {
	t.Helper()
	if _, err := w.Roster(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestWhoWasAddedByAnotherNodeIsRefusedNothing(t *testing.T) {
	w := newWorld(t, 3)
	ada, bob, cyd := w.people[0], w.people[1], w.people[2]
	o := w.other(t)
	for name, asks := range map[string]func(chat.ConversationID) error{
		"sending": func(c chat.ConversationID) error { return (<-o.post(c, bob, newID(), "hello")).err },
		"reading": func(c chat.ConversationID) error {
			_, err := o.Messages(t.Context(), bob, chat.HistoryRequest{HistoryQuery: chat.HistoryQuery{Conversation: c, Limit: 10}})
			return err
		},
		"leaving":       func(c chat.ConversationID) error { return o.RemoveParticipant(t.Context(), bob, c, bob) },
		"being removed": func(c chat.ConversationID) error { return o.RemoveParticipant(t.Context(), ada, c, bob) },
		"becoming an admin": func(c chat.ConversationID) error {
			_, err := o.ChangeRole(t.Context(), ada, c, bob, chat.RoleAdmin)
			return err
		},
	} {
		c := w.group(t, ada, cyd)
		o.remembers(t, c)
		if _, err := w.AddParticipants(t.Context(), ada, c, []chat.UserID{bob}); err != nil {
			t.Fatal(err)
		}
		if err := asks(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoWasRemovedByAnotherNodeReadsNothing(t *testing.T) {
	w := newWorld(t, 2)
	ada, bob := w.people[0], w.people[1]
	o := w.other(t)
	o.TrustRosters(time.Now().Add(time.Hour))
	history := func(q chat.HistoryRequest) error {
		q.Limit = 10
		_, err := o.Messages(t.Context(), bob, q)
		return err
	}
	for name, read := range map[string]func(chat.Message) error{
		"history": func(m chat.Message) error {
			return history(chat.HistoryRequest{HistoryQuery: chat.HistoryQuery{Conversation: m.Conversation}})
		},
		"around a message": func(m chat.Message) error {
			return history(chat.HistoryRequest{HistoryQuery: chat.HistoryQuery{Conversation: m.Conversation}, Around: m.ID})
		},
		"changes": func(m chat.Message) error {
			_, err := o.Changes(t.Context(), bob, m.Conversation, 0, 10)
			return err
		},
		"participants": func(m chat.Message) error {
			_, _, err := o.Participants(t.Context(), bob, m.Conversation, chat.ParticipantCursor{}, 10)
			return err
		},
		"the conversation": func(m chat.Message) error {
			_, err := o.Conversation(t.Context(), bob, m.Conversation)
			return err
		},
	} {
		c := w.group(t, ada, bob)
		m := w.send(t, c, ada, newID(), "not for everybody")
		if err := read(m); err != nil {
			t.Errorf("%s, while he is in it: %v", name, err)
		}
		o.remembers(t, c)
		if err := w.RemoveParticipant(t.Context(), ada, c, bob); err != nil {
			t.Fatal(err)
		}
		if err := read(m); chat.AsError(err).Code != chat.CodeNotInConversation {
			t.Errorf("%s, when he has been removed: %v", name, err)
		}
	}
}

// endedAfter is a store in which somebody ends the conversation as soon as it has been revised.
type endedAfter struct {
	chat.Store
	end func()
}

func (s endedAfter) ReviseConversation(ctx context.Context, r chat.Revision) (chat.Conversation, error) {
	after, err := s.Store.ReviseConversation(ctx, r)
	s.end()
	return after, err
}

func TestWhatWasDoneIsNotRefusedBecauseTheConversationEndedSince(t *testing.T) {
	w := newWorld(t, 3)
	ada, bob, cyd := w.people[0], w.people[1], w.people[2]
	for name, does := range map[string]func(*chat.Service, chat.ConversationID) (chat.Conversation, error){
		"adding": func(s *chat.Service, c chat.ConversationID) (chat.Conversation, error) {
			return s.AddParticipants(t.Context(), ada, c, []chat.UserID{cyd})
		},
		"renaming": func(s *chat.Service, c chat.ConversationID) (chat.Conversation, error) {
			return s.RenameConversation(t.Context(), ada, c, "Another name")
		},
		"changing a role": func(s *chat.Service, c chat.ConversationID) (chat.Conversation, error) {
			return s.ChangeRole(t.Context(), ada, c, bob, chat.RoleAdmin)
		},
	} {
		c := w.group(t, ada, bob)
		ending := endedAfter{w.store, func() {
			if err := w.DeleteConversation(t.Context(), ada, c); err != nil {
				t.Fatal(err)
			}
		}}
		s := chat.New(chat.Config{NewID: newID}, ending, newRecorder())
		after, err := does(s, c)
		if err != nil || after.ID != c || after.LastRev != 2 {
			t.Errorf("%s: %v, and the conversation %q at rev %d", name, err, after.ID, after.LastRev)
		}
	}
}

func TestNothingToDoIsAnsweredOnlyWhenItIsTrue(t *testing.T) {
	w := newWorld(t, 2)
	ada, bob := w.people[0], w.people[1]
	o := w.other(t)
	c := w.group(t, ada, bob)
	o.remembers(t, c)
	if err := w.RemoveParticipant(t.Context(), ada, c, bob); err != nil {
		t.Fatal(err)
	}
	// The other node remembers that he is in it.
	after, err := o.AddParticipants(t.Context(), ada, c, []chat.UserID{bob})
	if err != nil || after.ParticipantCount != 2 {
		t.Errorf("%d participants after taking him in again, %v", after.ParticipantCount, err)
	}
	o.remembers(t, c)
	if _, err := w.ChangeRole(t.Context(), ada, c, bob, chat.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if after, err = o.ChangeRole(t.Context(), ada, c, bob, chat.RoleMember); err != nil {
		t.Fatal(err)
	}
	if got := after.Participants[1].Role; got != chat.RoleMember {
		t.Errorf("he is %s after having been made a member", got)
	}
}

func TestARetryIsNotAnsweredWithATextThatWasEditedOrDeletedSince(t *testing.T) {
	w := newWorld(t, 1)
	ada := w.people[0]
	o := w.other(t)
	c := w.group(t, ada)
	edited, deleted := w.send(t, c, ada, "edited", "before"), w.send(t, c, ada, "deleted", "before")
	if _, err := w.EditMessage(t.Context(), ada, c, edited.ID, "after"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DeleteMessage(t.Context(), ada, c, deleted.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if m := o.send(t, c, ada, "edited", "before"); m.ID != edited.ID || m.Content != "after" {
			t.Errorf("the edited message is answered as %+v", m)
		}
		if m := o.send(t, c, ada, "deleted", "before"); m.ID != deleted.ID || m.Content != "" {
			t.Errorf("the deleted message is answered as %+v", m)
		}
	}
}

func TestARetryOfWhoLeftIsNotRefusedForGoodWhenNobodyKnowsWhetherItWasStored(t *testing.T) {
	w := newWorld(t, 2)
	ada, bob := w.people[0], w.people[1]
	o := w.other(t)
	c := w.group(t, ada, bob)
	first := w.send(t, c, bob, "once", "hello")
	if err := w.RemoveParticipant(t.Context(), ada, c, bob); err != nil {
		t.Fatal(err)
	}
	lookUp := func(err error) {
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		w.store.blind = err
	}
	lookUp(&chat.Error{Code: chat.CodeDBConnectionLost, Message: "The database cannot be reached."})
	a := <-o.post(c, bob, "once", "hello")
	wantCode(t, a.err, chat.CodeDBConnectionLost)
	if got := chat.AsError(a.err).Outcome; got != chat.OutcomeUnknown {
		t.Errorf("the outcome is %s", got)
	}
	lookUp(nil)
	if again := o.send(t, c, bob, "once", "hello"); again.ID != first.ID {
		t.Errorf("the retry is another message: %+v", again)
	}
	a = <-o.post(c, bob, "another", "hello")
	wantCode(t, a.err, chat.CodeNotInConversation)
}
