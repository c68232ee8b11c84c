package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

// reading is two people in a small group of whom one follows and the other has read the first of three messages.
func reading(t *testing.T) (w *world, n *node, bob *client, ada chat.UserID, c chat.ConversationID, m []chat.Message) {
	w = newWorld(t, 2, inmem.NewBus())
	n = w.nodes[1]
	people := w.people(3)
	ada, c = people[0], w.group(people...)
	for i := range 3 {
		m = append(m, n.send(t, people[2], c, fmt.Sprint("message ", i+1)))
	}
	if _, err := n.rules.AdvanceRead(bg, ada, c, m[0].ID); err != nil {
		t.Fatal(err)
	}
	bob = n.connect(t, people[1])
	bob.subscribe(c, 0)
	time.Sleep(steady)
	bob.told(ada, 1)
	return w, n, bob, ada, c, m
}

// told holds the positions of a person that the client was told, 0 for nothing, against those wanted.
func (c *client) told(u chat.UserID, want ...int64) {
	c.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []int64
	for _, e := range c.events {
		if e.Type == "receipt:updated" && e.UserID == string(u) {
			got = append(got, e.Seq)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		c.Errorf("the client was told of positions %v, want %v", got, want)
	}
}

func shown(m chat.Message, u chat.UserID) chat.Shown {
	return chat.Shown{Conversation: m.Conversation, User: u, Message: m.ID, Seq: m.Seq, At: time.Now()}
}

func TestAPositionThatComesLateIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n, bob, ada, c, m := reading(t)
		if _, err := n.rules.AdvanceRead(bg, ada, c, m[2].ID); err != nil {
			t.Fatal(err)
		}
		n.PositionShown(shown(m[1], ada))
		n.PositionShown(shown(m[2], ada))
		time.Sleep(time.Minute)
		bob.told(ada, 1, 3)
	})
}

func TestWhatWasReadBeforeSomebodyLetNobodyKnowIsNotShownAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n, bob, ada, c, m := reading(t)
		off := false
		if _, err := n.rules.UpdateMe(bg, ada, chat.ProfileEdit{ReadReceiptsEnabled: &off}); err != nil {
			t.Fatal(err)
		}
		n.PositionShown(shown(m[1], ada))
		time.Sleep(time.Minute)
		bob.told(ada, 1, 0)
		on := true
		if _, err := n.rules.UpdateMe(bg, ada, chat.ProfileEdit{ReadReceiptsEnabled: &on}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.rules.AdvanceRead(bg, ada, c, m[1].ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		bob.told(ada, 1, 0, 2)
	})
}

func TestAPositionThatNobodyToldIsFoundInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, bob, ada, c, m := reading(t)
		// Whoever wrote it died before they said so.
		if _, _, err := w.store.AdvanceRead(bg, c, ada, m[1].ID, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		bob.told(ada, 1, 2)
	})
}

func TestThatSomebodyLetsNobodyKnowIsFoundByWhoComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n, bob, ada, c, _ := reading(t)
		n.Unsubscribe(bob.Session, c)
		time.Sleep(time.Second)
		off := false
		if _, err := n.rules.UpdateMe(bg, ada, chat.ProfileEdit{ReadReceiptsEnabled: &off}); err != nil {
			t.Fatal(err)
		}
		bob.subscribe(c, 4)
		time.Sleep(time.Second)
		bob.told(ada, 1, 0)
	})
}

func TestWhoHasReadNothingIsNamedTooWhenAConversationBecomesSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, inmem.NewBus())
		n := w.nodes[1]
		people := w.people(chat.ReadThreshold)
		c := w.group(people...)
		m := n.send(t, people[0], c, "Has anybody read this?")
		leaver, stays := people[1], people[2]
		if _, err := n.rules.AdvanceRead(bg, leaver, c, m.ID); err != nil {
			t.Fatal(err)
		}
		sender := n.connect(t, people[0])
		sender.subscribe(c, 0)
		time.Sleep(time.Minute)
		sender.told(stays)
		if err := n.rules.RemoveParticipant(bg, leaver, c, leaver); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		sender.told(stays, 0)
	})
}

func TestAPositionThatComesLateIsPassedOverAlsoByATopicThatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n, bob, ada, c, m := reading(t)
		if _, err := n.rules.AdvanceRead(bg, ada, c, m[2].ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		// Nobody else follows here: what the topic knew goes with it.
		n.Unsubscribe(bob.Session, c)
		bob.subscribe(c, 4)
		n.PositionShown(shown(m[1], ada))
		time.Sleep(time.Minute)
		bob.told(ada, 1, 3, 3)
	})
}

func TestCountsThatComeLateArePassedOverAlsoByATopicThatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOf(t, 1, inmem.NewBus(), func(rules *chat.Service) realtime.Source { return rules }, func(s chat.Store) chat.Store { return s }, inmem.NewReaders())
		n, people := w.nodes[0], w.people(12)
		c := w.group(people...)
		bob := n.connect(t, people[1])
		bob.subscribe(c, 0)
		m := n.send(t, people[0], c, "Hello")
		for _, u := range people[2:6] {
			if _, err := n.rules.AdvanceRead(bg, u, c, m.ID); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second)
		n.Unsubscribe(bob.Session, c)
		bob.subscribe(c, 2)
		n.ReadersCounted(chat.ReadCounts{Conversation: c, Version: 1, LastSeq: 1, Counts: []chat.ReadCount{{Message: m.ID, Count: 1}}})
		time.Sleep(time.Minute)
		synctest.Wait()
		bob.mu.Lock()
		defer bob.mu.Unlock()
		last := int64(0)
		for _, e := range bob.events {
			for _, counted := range e.Counts {
				if counted.ReadCount < last {
					t.Errorf("the client was told of %d readers after %d", counted.ReadCount, last)
				}
				last = counted.ReadCount
			}
		}
		if last != 4 {
			t.Errorf("the client ended with %d readers", last)
		}
	})
}

// torn is a store that cannot read the newest messages of one conversation, the first time by a fault of the program.
type torn struct {
	chat.Store
	conversation chat.ConversationID
	asked        int
}

func (s *torn) NewestMessages(ctx context.Context, c chat.ConversationID, limit int) ([]chat.Counted, error) {
	if c != s.conversation {
		return s.Store.NewestMessages(ctx, c, limit)
	}
	if s.asked++; s.asked == 1 {
		panic("a fault")
	}
	return nil, errors.New("a broken page")
}

func TestWhoFollowsAConversationThatCannotBeReadIsToldOfTheReadersOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := &torn{}
		w := newWorldOn(t, 1, inmem.NewBus(), func(rules *chat.Service) realtime.Source { return rules }, func(s chat.Store) chat.Store {
			broken.Store = s
			return broken
		})
		n := w.nodes[0]
		people := w.people(chat.ReadThreshold)
		large, small := w.group(people...), w.group(people[:2]...)
		broken.conversation = large
		m := n.send(t, people[0], small, "Hello")
		bob := n.connect(t, people[1])
		bob.subscribe(large, 0)
		bob.subscribe(small, 0)
		time.Sleep(10 * time.Second)
		bob.told(people[0], m.Seq)
		if broken.asked < 2 {
			t.Errorf("the other was tried %d times", broken.asked)
		}
	})
}
