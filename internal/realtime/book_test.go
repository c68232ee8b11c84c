package realtime_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/realtime/bustest"
)

// deafWorld is two nodes that do not hear each other.
func deafWorld(t *testing.T) (*world, *bustest.Faulty) {
	bus := bustest.NewFaulty(inmem.NewBus(), 1).Calm()
	bus.Deafen(true)
	return newWorld(t, 2, bus), bus
}

func (c *client) seen(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return count(c.events, kind)
}

// within waits in fake time and asks whether the client has seen so many of a kind.
func (c *client) within(d time.Duration, kind string, want int) {
	c.Helper()
	time.Sleep(d)
	synctest.Wait()
	if got := c.seen(kind); got != want {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.Errorf("after %v the client had seen %d %s, want %d; it saw %v", d, got, kind, want, types(c.events))
	}
}

// steady is how long the steady comparison takes at most to find and tell something.
const steady = 7 * time.Second

func TestWhatTheBusNeverSaidIsToldByTheSteadyComparison(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(w *world, group, direct chat.ConversationID, people []chat.UserID) error
		kind string
	}{
		{"a message", func(w *world, group, _ chat.ConversationID, people []chat.UserID) error {
			_, err := w.nodes[0].trySend(people[0], group, "hello", "")
			return err
		}, "conversation:activity"},
		{"a new title", func(w *world, group, _ chat.ConversationID, people []chat.UserID) error {
			_, err := w.nodes[0].rules.RenameConversation(bg, people[0], group, "New")
			return err
		}, "conversation:updated"},
		{"a removal", func(w *world, group, _ chat.ConversationID, people []chat.UserID) error {
			return w.nodes[0].rules.RemoveParticipant(bg, people[0], group, people[1])
		}, "conversation:removed"},
		{"an end", func(w *world, group, _ chat.ConversationID, people []chat.UserID) error {
			return w.nodes[0].rules.DeleteConversation(bg, people[0], group)
		}, "conversation:removed"},
		{"a new conversation", func(w *world, _, _ chat.ConversationID, people []chat.UserID) error {
			_, _, err := w.nodes[0].rules.CreateConversation(bg, people[0], chat.Group, people[1:2], "")
			return err
		}, "conversation:added"},
		{"a hidden conversation", func(w *world, _, direct chat.ConversationID, people []chat.UserID) error {
			return w.nodes[0].rules.DeleteConversation(bg, people[1], direct)
		}, "conversation:removed"},
		{"a read position", func(w *world, group, _ chat.ConversationID, people []chat.UserID) error {
			m, _, err := w.store.Messages(bg, chat.HistoryQuery{Conversation: group, Limit: 1})
			if err == nil {
				_, err = w.nodes[0].rules.AdvanceRead(bg, people[1], group, m[0].ID)
			}
			return err
		}, "receipt:synced"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, _ := deafWorld(t)
				people := w.people(3)
				group := w.group(people...)
				direct, _, err := w.nodes[0].rules.CreateConversation(bg, people[0], chat.Direct, people[1:2], "")
				if err != nil {
					t.Fatal(err)
				}
				w.nodes[0].send(t, people[0], group, "before")
				bob := w.nodes[1].connect(t, people[1])
				time.Sleep(steady)
				if err := tt.do(w, group, direct.ID, people); err != nil {
					t.Fatal(err)
				}
				bob.within(steady, tt.kind, 1)
				bob.within(3*steady, tt.kind, 1)
				if s := w.nodes[1].Stats(); s.Behind == 0 {
					t.Errorf("nothing was found behind: %+v", s)
				}
			})
		})
	}
}

func TestAHiddenConversationThatWasAskedForAgainIsShownThoughTheBusLostBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, bus := deafWorld(t)
		people := w.people(2)
		direct, _, err := w.nodes[0].rules.CreateConversation(bg, people[0], chat.Direct, people[1:], "")
		if err != nil {
			t.Fatal(err)
		}
		ada := w.nodes[1].connect(t, people[0])
		if err := w.nodes[0].rules.DeleteConversation(bg, people[0], direct.ID); err != nil {
			t.Fatal(err)
		}
		ada.within(steady, "conversation:removed", 1)
		if _, _, err := w.nodes[0].rules.CreateConversation(bg, people[0], chat.Direct, people[1:], ""); err != nil {
			t.Fatal(err)
		}
		bus.Admit(realtime.UserTopic(people[0]))
		ada.within(time.Second, "conversation:added", 1)
	})
}

func TestWhatTheBusAdmitsToHaveLostIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, bus := deafWorld(t)
		people := w.people(3)
		c := w.group(people[:2]...)
		bob, carol := w.nodes[1].connect(t, people[1]), w.nodes[1].connect(t, people[2])
		synctest.Wait()
		w.nodes[0].send(t, people[0], c, "hello")
		bus.Admit(realtime.ConversationTopic(c))
		bob.within(100*time.Millisecond, "conversation:activity", 1)
		if _, err := w.nodes[0].rules.AddParticipants(bg, people[0], c, people[2:]); err != nil {
			t.Fatal(err)
		}
		bus.Admit(realtime.UserTopic(people[2]))
		carol.within(100*time.Millisecond, "conversation:added", 1)
		if err := w.nodes[0].rules.DeleteConversation(bg, people[0], c); err != nil {
			t.Fatal(err)
		}
		bus.Admit()
		bob.within(100*time.Millisecond, "conversation:removed", 1)
		carol.within(100*time.Millisecond, "conversation:removed", 1)
		if s := w.nodes[1].Stats(); s.Lost < 3 || s.Behind < 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhileTheBusIsDegradedMessagesStillCrossWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, bus := deafWorld(t)
		bus.Degrade(true)
		people := w.people(2)
		c := w.group(people...)
		bob := w.nodes[1].connect(t, people[1])
		bob.subscribe(c)
		for i := range 20 {
			time.Sleep(time.Duration(i) * 37 * time.Millisecond)
			m := w.nodes[0].send(t, people[0], c, "hello")
			time.Sleep(time.Second - time.Millisecond)
			synctest.Wait()
			if got := revs(bob.await("", func([]event) bool { return true }), c); !slices.Contains(got, m.Rev) {
				t.Fatalf("message %d is not there after a second", i)
			}
		}
		// Nobody tells this node of removals: it must not answer from memory.
		if _, err := w.nodes[1].rules.Conversation(bg, people[1], c); err != nil {
			t.Fatal(err)
		}
		if err := w.nodes[0].rules.RemoveParticipant(bg, people[0], c, people[1]); err != nil {
			t.Fatal(err)
		}
		bob.within(time.Second, "conversation:removed", 1)
		if _, err := w.nodes[1].rules.Roster(bg, c); err != nil {
			t.Fatal(err)
		}
		if _, err := w.nodes[1].rules.Changes(bg, people[1], c, 0, 10); chat.AsError(err).Code != chat.CodeNotInConversation {
			t.Errorf("the removed person read: %v", err)
		}
	})
}

func TestARemovalIsKnownToNodesThatFollowNothingOfTheConversation(t *testing.T) {
	w := newWorld(t, 3, inmem.NewBus())
	people := w.people(2)
	c := w.group(people...)
	witness := w.nodes[2].connect(t, w.person())
	for _, n := range w.nodes {
		if _, err := n.rules.Changes(bg, people[1], c, 0, 10); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.nodes[0].rules.RemoveParticipant(bg, people[0], c, people[1]); err != nil {
		t.Fatal(err)
	}
	// What is sent on the same topic afterwards shows that it arrived.
	w.nodes[0].EndLogin(chat.LoginID("login of " + witness.User))
	witness.await("the close", func([]event) bool { return witness.closed != nil })
	if _, err := w.nodes[2].rules.Changes(bg, people[1], c, 0, 10); chat.AsError(err).Code != chat.CodeNotInConversation {
		t.Errorf("the removed person read: %v", err)
	}
}

func TestWhoWasRemovedGetsNothingPastThatFromANodeThatWasFrozenThen(t *testing.T) {
	for _, subscribed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			bus := bustest.NewFaulty(inmem.NewBus(), 1).Calm()
			w := newWorld(t, 2, bus)
			people := w.people(3)
			c := w.group(people...)
			bob := w.nodes[1].connect(t, people[1])
			if subscribed {
				bob.subscribe(c)
			}
			w.nodes[0].send(t, people[0], c, "known to all")
			time.Sleep(2 * time.Second)
			bus.Freeze()
			for range 3 {
				w.nodes[0].send(t, people[0], c, "still for all")
			}
			if err := w.nodes[0].rules.RemoveParticipant(bg, people[0], c, people[1]); err != nil {
				t.Fatal(err)
			}
			removed := w.head(c).RosterRev
			for range 3 {
				w.nodes[0].send(t, people[0], c, "secret")
			}
			// Somebody else writes on the node that has heard of nothing.
			w.nodes[1].send(t, people[2], c, "secret")
			time.Sleep(10 * time.Second)
			bus.Thaw()
			w.nodes[1].send(t, people[2], c, "secret")
			bob.within(10*time.Second, "conversation:removed", 1)
			for _, e := range bob.await("", func([]event) bool { return true }) {
				if e.change() > removed || (e.Preview != nil && *e.Preview == "secret") {
					t.Errorf("subscribed %v: the removed person was told %+v", subscribed, e)
				}
			}
		})
	}
}

func TestWhoseRemovalTheBusLostIsNotToldOfTheNextMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, bus := deafWorld(t)
		people := w.people(3)
		c := w.group(people...)
		bob, carol := w.nodes[1].connect(t, people[1]), w.nodes[1].connect(t, people[2])
		if _, err := w.nodes[1].rules.Roster(bg, c); err != nil {
			t.Fatal(err)
		}
		if err := w.nodes[0].rules.RemoveParticipant(bg, people[0], c, people[1]); err != nil {
			t.Fatal(err)
		}
		bus.Deafen(false)
		w.nodes[0].send(t, people[0], c, "secret")
		// A second one may come once the conversation has been quiet for a second.
		carol.within(time.Second/2, "conversation:activity", 1)
		bob.within(time.Second, "conversation:activity", 0)
		bob.within(time.Second, "conversation:removed", 1)
	})
}

// slowSource is what hubs read, held up or failing as a test says.
type slowSource struct {
	*chat.Service
	asked atomic.Int64
	fails atomic.Bool

	mu   sync.Mutex
	hold chan struct{}
}

func (s *slowSource) Interests(ctx context.Context, users []chat.UserID) (map[chat.UserID][]chat.Interest, error) {
	s.asked.Add(1)
	if s.fails.Load() {
		return nil, errors.New("the database is away")
	}
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return s.Service.Interests(ctx, users)
}

func slowWorld(t *testing.T, nodes int, bus realtime.Bus) (*world, []*slowSource) {
	var sources []*slowSource
	w := newWorldOver(t, nodes, bus, func(rules *chat.Service) realtime.Source {
		s := &slowSource{Service: rules}
		sources = append(sources, s)
		return s
	})
	return w, sources
}

func TestASessionBeginsWhenItsPersonsConversationsAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, sources := slowWorld(t, 1, inmem.NewBus())
		bob := w.person()
		w.group(w.person(), bob)
		hold := make(chan struct{})
		sources[0].hold = hold
		began := time.Now()
		time.AfterFunc(time.Second, func() { close(hold) })
		w.nodes[0].connect(t, bob)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it began after %v", took)
		}
		if s := w.nodes[0].Stats(); s.People != 1 || s.Conversations != 1 || s.Topics != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestASessionBeginsAfterTwoSecondsThoughTheDatabaseIsAwayAndIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, sources := slowWorld(t, 2, inmem.NewBus())
		people := w.people(3)
		known, fresh := w.group(people[:2]...), w.group(people[:2]...)
		sources[1].fails.Store(true)
		began := time.Now()
		bob := w.nodes[1].connect(t, people[1])
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it began after %v", took)
		}
		w.nodes[0].send(t, people[0], known, "while nobody here knew")
		if err := w.nodes[0].rules.RemoveParticipant(bg, people[0], fresh, people[1]); err != nil {
			t.Fatal(err)
		}
		sources[1].fails.Store(false)
		bob.within(3*time.Second, "conversation:added", 1)
		w.nodes[0].send(t, people[0], known, "and now")
		bob.within(2*time.Second, "conversation:activity", 1)
	})
}

func TestASecondSessionOfSomebodyWhoseAdditionWasLostIsToldOfTheRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, bus := deafWorld(t)
		people := w.people(2)
		w.nodes[1].connect(t, people[1])
		time.Sleep(steady)
		c := w.group(people...)
		second := w.nodes[1].connect(t, people[1]) // it lists the group
		if err := w.nodes[0].rules.RemoveParticipant(bg, people[0], c, people[1]); err != nil {
			t.Fatal(err)
		}
		bus.Admit()
		second.within(2*time.Second, "conversation:removed", 1)
	})
}

func TestAThousandWhoComeAtOnceAreReadTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, sources := slowWorld(t, 1, inmem.NewBus())
		people := w.people(1000)
		w.group(people...)
		hold := make(chan struct{})
		sources[0].hold = hold
		var coming sync.WaitGroup
		for _, u := range people {
			coming.Go(func() { w.nodes[0].connect(t, u) })
		}
		synctest.Wait()
		close(hold)
		coming.Wait()
		if asked := sources[0].asked.Load(); asked > 10 {
			t.Errorf("%d statements", asked)
		}
	})
}

func TestANodeThatIsAloneKeepsNoBook(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	c := w.group(people...)
	bob := n.connect(t, people[1])
	bob.subscribe(c)
	m := n.send(t, people[0], c, "hello")
	bob.awaitRev(c, m.Rev)
	if s := n.Stats(); s.People+s.Conversations+s.Topics != 0 || s.Comparisons+s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}
