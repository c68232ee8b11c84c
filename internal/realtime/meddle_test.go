package realtime_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

// meddling are the rules of a node to which something happens between two of its readings.
type meddling struct {
	*chat.Service
	beforeConversation, afterRoster atomic.Pointer[func()]
}

func (m *meddling) Conversation(ctx context.Context, u chat.UserID, c chat.ConversationID) (chat.Conversation, error) {
	if meddle := m.beforeConversation.Swap(nil); meddle != nil {
		(*meddle)()
	}
	return m.Service.Conversation(ctx, u, c)
}

func (m *meddling) Roster(ctx context.Context, c chat.ConversationID) (chat.Roster, error) {
	roster, err := m.Service.Roster(ctx, c)
	if meddle := m.afterRoster.Swap(nil); meddle != nil {
		(*meddle)()
	}
	return roster, err
}

// meddled is a world with one more node, whose source meddles.
func meddled(t *testing.T) (*world, *node, *meddling) {
	bus := inmem.NewBus()
	w := newWorld(t, 1, bus)
	hub := realtime.NewHub(realtime.Config{NodeID: "meddled"}, bus)
	rules := chat.New(chat.Config{NewID: newID}, w.store, hub)
	source := &meddling{Service: rules}
	ctx, stop := context.WithCancel(bg)
	var running sync.WaitGroup
	running.Go(func() { _ = rules.Run(ctx) })
	running.Go(func() { _ = hub.Run(ctx, source) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return w, &node{hub, rules}, source
}

func TestWhoIsRemovedWhileAChangeIsReadIsNotToldOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n, source := meddled(t)
		people := w.people(2)
		c := w.group(people...)
		bob := n.connect(t, people[1])
		time.Sleep(time.Second)
		roster, err := n.rules.Roster(bg, c)
		if err != nil {
			t.Fatal(err)
		}
		title := "a new title, of which nobody was told"
		renamed, err := w.store.ReviseConversation(bg, chat.Revision{Conversation: c, RosterRev: roster.Rev, Title: &title})
		if err != nil {
			t.Fatal(err)
		}
		remove := func() {
			if _, err := w.store.ReviseConversation(bg, chat.Revision{Conversation: c, RosterRev: renamed.RosterRev, Remove: people[1:]}); err != nil {
				t.Error(err)
			}
		}
		source.beforeConversation.Store(&remove)
		ada := n.connect(t, people[0])
		n.Suspect(c)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		bob.mu.Lock()
		defer bob.mu.Unlock()
		if got := types(apartFromReceipts(bob.events)); !slices.Equal(got, []string{"conversation:removed"}) {
			t.Errorf("who was removed was told %v", got)
		}
		ada.mu.Lock()
		defer ada.mu.Unlock()
		if got := types(ada.events); !slices.Contains(got, "conversation:updated") {
			t.Errorf("who is in it was told %v", got)
		}
	})
}

func TestASessionThatWasToldOfARemovalIsToldNothingOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n, source := meddled(t)
		people := w.people(2)
		c := w.group(people...)
		bob := n.connect(t, people[1])
		bob.subscribe(c)
		time.Sleep(time.Second)
		// The topic brings the removal while those are looked up who are to be told of the title.
		remove := func() {
			if err := n.rules.RemoveParticipant(bg, people[0], c, people[1]); err != nil {
				t.Error(err)
			}
		}
		source.afterRoster.Store(&remove)
		if _, err := n.rules.RenameConversation(bg, people[0], c, "a new title"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		bob.mu.Lock()
		defer bob.mu.Unlock()
		if got := types(apartFromReceipts(bob.events)); !slices.Equal(got, []string{"subscribed", "caught:up", "conversation:updated", "conversation:removed"}) {
			t.Errorf("who was removed was told %v", got)
		}
	})
}
