package realtime_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

// countedWorld is two nodes that have in common what is known of readers, and a group of twelve with a message that
// everybody but its sender has read. Bob looks at it on the second node.
func countedWorld(t *testing.T) (w *world, bob *client, people []chat.UserID, m chat.Message) {
	w = newWorldOf(t, 2, inmem.NewBus(), func(rules *chat.Service) realtime.Source { return rules },
		func(s chat.Store) chat.Store { return s }, inmem.NewReaders())
	people = w.people(13)
	c := w.group(people[:12]...)
	m = w.nodes[0].send(t, people[0], c, "hello")
	bob = w.nodes[1].connect(t, people[1])
	bob.subscribe(c, 0)
	for _, u := range people[1:12] {
		if _, err := w.nodes[0].rules.AdvanceRead(bg, u, c, m.ID); err != nil {
			t.Fatal(err)
		}
	}
	// Until all of it is written: who writes has everybody counted anew too.
	time.Sleep(15 * time.Second)
	bob.readBy(m, 11)
	return w, bob, people, m
}

// readBy holds what the client was last told of a message's readers against what is wanted.
func (c *client) readBy(m chat.Message, want int64) {
	c.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	got := int64(-1)
	for _, e := range c.events {
		if i := slices.IndexFunc(e.Counts, func(r readCount) bool { return r.MessageID == string(m.ID) }); i >= 0 {
			got = e.Counts[i].ReadCount
		}
	}
	if got != want {
		c.Errorf("the client was told of %d readers, want %d", got, want)
	}
}

func TestReadersAreCountedAnewThoughWhoeverChangedTheirGroupDiedBeforeItWasSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, bob, people, m := countedWorld(t)
		roster, err := w.store.Roster(bg, m.Conversation)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.store.ReviseConversation(bg, chat.Revision{Conversation: m.Conversation, RosterRev: roster.Rev, Remove: people[5:6]}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(steady)
		bob.readBy(m, 10)
	})
}

func TestReadersAreCountedAnewThoughWhoeverChangedTheirGroupCouldNotHaveItDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, bob, people, m := countedWorld(t)
		// A third node, which is told of nothing and cannot reach what counts.
		hub := realtime.NewHub(realtime.Config{NodeID: "cut off"}, w.bus)
		rules := chat.New(chat.Config{NewID: newID}, w.store, hub)
		w.run(hub)
		if err := rules.RemoveParticipant(bg, people[0], m.Conversation, people[5]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		// What the node that is cut off tells comes out of the store; what the next one tells shows what is counted.
		next := w.nodes[0].send(t, people[0], m.Conversation, "again")
		if _, err := w.nodes[0].rules.AdvanceRead(bg, people[2], m.Conversation, next.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		bob.readBy(next, 1)
		bob.readBy(m, 10)
	})
}
