package chat_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// presencesOf is what was told of a person's presence, and no other's.
func (w attended) presencesOf(u chat.UserID) (out []chat.Presence) {
	synctest.Wait()
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	for _, s := range w.heard.seen {
		if s.User == u {
			out = append(out, s.Presence)
		}
	}
	return out
}

func (w attended) edit(t *testing.T, u chat.UserID, e chat.ProfileEdit) {
	t.Helper()
	if _, err := w.UpdateMe(t.Context(), u, e); err != nil {
		t.Fatal(err)
	}
}

func TestWhoBecomesInvisibleIsOfflineAtOnceAndHasStoppedTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 3)
		ada := w.people[0]
		c := w.group(t, w.people...)
		m := w.send(t, c, w.people[1], "one", "Hello")
		seat := w.come(t, 0, "", chat.Desktop)
		defer seat.Leave(chat.ExitSignedOut)
		time.Sleep(2 * time.Second)
		if err := w.Typing(t.Context(), ada, c, true, "session"); err != nil {
			t.Fatal(err)
		}
		w.edit(t, ada, chat.ProfileEdit{PresenceInvisible: &yes})
		now := time.Now()
		told := w.presencesOf(ada)
		if last := told[len(told)-1]; last.Status != chat.StatusOffline || !last.SeenAt.Equal(now) || !last.Privacy.Invisible || last.Version == 0 {
			t.Errorf("told %+v", told)
		}
		if got := w.heard.typed(); got != "[true false]" {
			t.Errorf("typing was told as %s", got)
		}
		// What follows is heard by nobody.
		for range 3 {
			if err := w.Typing(t.Context(), ada, c, true, "session"); err != nil {
				t.Fatal(err)
			}
			if err := w.AcknowledgeDelivery(t.Context(), ada, c, m.Seq); err != nil {
				t.Fatal(err)
			}
			if _, err := w.AdvanceRead(t.Context(), ada, c, m.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		w.heard.mu.Lock()
		if len(w.heard.acks) > 0 || slices.ContainsFunc(w.heard.shown, func(s chat.Shown) bool { return s.User == ada }) || len(w.heard.unsure) > 0 {
			t.Errorf("acks %v, positions %v, receipts of %v were told", w.heard.acks, w.heard.shown, w.heard.unsure)
		}
		w.heard.mu.Unlock()
		w.edit(t, ada, chat.ProfileEdit{PresenceInvisible: &no})
		synctest.Wait()
		told = w.presencesOf(ada)
		if last := told[len(told)-1]; last.Status != chat.StatusOnline || last.Privacy.Invisible {
			t.Errorf("visible again, told %+v", last)
		}
		w.heard.mu.Lock()
		if !slices.Equal(w.heard.unsure, []chat.ConversationID{c}) {
			t.Errorf("visible again, receipts of %v were told", w.heard.unsure)
		}
		w.heard.mu.Unlock()
		// A device acknowledges anew what came meanwhile.
		if err := w.AcknowledgeDelivery(t.Context(), ada, c, m.Seq); err != nil || len(w.heard.acks) != 1 {
			t.Errorf("acks %v, %v", w.heard.acks, err)
		}
	})
}

func TestAPrivacyIsToldAloneWhileTheDevicesAreAwayAndWholeWhenTheyAreBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		ada := w.people[0]
		seat := w.Attend(ada, "login", chat.Device{}, chat.Trace{})
		defer seat.Leave(chat.ExitSignedOut)
		time.Sleep(2 * time.Second)
		before := len(w.presencesOf(ada))
		w.devices.away.Store(true)
		w.edit(t, ada, chat.ProfileEdit{PresenceSharing: &nobody})
		told := w.presencesOf(ada)[before:]
		if len(told) == 0 || told[0].Version != 0 || told[0].Status != chat.StatusOffline || told[0].Privacy.Sharing != chat.ShareNobody || !told[0].SeenAt.IsZero() {
			t.Fatalf("while they are away, told %+v", told)
		}
		w.edit(t, ada, chat.ProfileEdit{PresenceInvisible: &yes})
		time.Sleep(5 * time.Second)
		w.devices.away.Store(false)
		time.Sleep(3 * time.Second)
		told = w.presencesOf(ada)
		if last := told[len(told)-1]; last.Version == 0 || last.Privacy.Rev != 2 || !last.Privacy.Invisible {
			t.Errorf("back again, told %+v", last)
		}
		quiet := len(told)
		time.Sleep(10 * time.Second)
		if told := w.presencesOf(ada); len(told) != quiet {
			t.Errorf("told again and again: %+v", told[quiet:])
		}
	})
}

// unanswered is a store that answers so late that nobody knows what became of an edit.
type unanswered struct{ chat.Store }

func (l unanswered) UpdateMe(ctx context.Context, u chat.UserID, e chat.ProfileEdit, there bool) (chat.ProfileChange, error) {
	after, err := l.Store.UpdateMe(ctx, u, e, there)
	if err == nil && e != (chat.ProfileEdit{}) {
		return chat.ProfileChange{}, &chat.Error{Code: chat.CodeDBTimeout, Outcome: chat.OutcomeUnknown}
	}
	return after, err
}

func TestAPrivacyOfWhichTheCommitWasNotAnsweredIsLookedUpAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		ada := w.people[0]
		node := attended{&world{store: w.store, heard: newRecorder(), people: w.people}, w.devices}
		node.Service = chat.New(chat.Config{NewID: newID, Devices: w.devices}, unanswered{w.store}, node.heard)
		node.run(t)
		if _, err := node.UpdateMe(t.Context(), ada, chat.ProfileEdit{PresenceInvisible: &yes}); err == nil {
			t.Fatal("the answer came")
		}
		time.Sleep(time.Minute)
		told := node.presencesOf(ada)
		if len(told) == 0 || !told[len(told)-1].Privacy.Invisible || told[len(told)-1].Privacy.Rev != 1 {
			t.Errorf("told %+v", told)
		}
	})
}
