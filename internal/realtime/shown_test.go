package realtime_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

// atReading has something happen between a reading of who has read what and its being shown; an error is its answer instead.
type atReading struct {
	realtime.Source
	happens atomic.Pointer[func() error]
}

// meanwhile is for the next reading.
func (s *atReading) meanwhile(happens func() error) { s.happens.Store(&happens) }

func (s *atReading) Receipts(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID]chat.Receipts, error) {
	read, err := s.Source.Receipts(ctx, cs)
	if happens := s.happens.Swap(nil); happens != nil {
		if wrong := (*happens)(); wrong != nil {
			return nil, wrong
		}
	}
	return read, err
}

// coming is a conversation of three messages of which ada has read one. Bob follows it on a node; cyd is about to, and may know more
// than that node.
type coming struct {
	*world
	*node
	source   *atReading
	ada      chat.UserID
	c        chat.ConversationID
	m        []chat.Message
	bob, cyd *client
}

func newComing(t *testing.T, people int) *coming {
	s := &coming{source: &atReading{}}
	s.world = newWorldOf(t, 1, inmem.NewBus(), func(rules *chat.Service) realtime.Source {
		s.source.Source = rules
		return s.source
	}, func(st chat.Store) chat.Store { return st }, inmem.NewReaders())
	s.node = s.nodes[0]
	all := s.people(people)
	s.ada, s.c = all[0], s.group(all...)
	for range 3 {
		s.m = append(s.m, s.node.send(t, all[1], s.c, "Hello"))
	}
	if _, err := s.rules.AdvanceRead(bg, s.ada, s.c, s.m[0].ID); err != nil {
		t.Fatal(err)
	}
	s.bob, s.cyd = s.connect(t, all[1]), s.connect(t, all[2])
	s.bob.subscribe(s.c, 0)
	time.Sleep(2 * steady)
	return s
}

// readsElsewhere moves ada's position, of which this node is told nothing.
func (s *coming) readsElsewhere(m chat.Message) {
	if _, _, err := s.store.AdvanceRead(bg, s.c, s.ada, m.ID, false); err != nil {
		s.Fatal(err)
	}
}

func (s *coming) reads(m chat.Message) {
	if _, err := s.rules.AdvanceRead(bg, s.ada, s.c, m.ID); err != nil {
		s.Error(err)
	}
}

func (s *coming) letsNobodyKnow() {
	off := false
	if _, err := s.rules.UpdateMe(bg, s.ada, chat.ProfileEdit{ReadReceiptsEnabled: &off}); err != nil {
		s.Error(err)
	}
}

func TestWhoComesFromAnotherNodeIsNotToldOfAPositionThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 3)
		s.readsElsewhere(s.m[2])
		s.cyd.subscribe(s.c, 4)
		s.PositionShown(shown(s.m[1], s.ada))
		time.Sleep(time.Minute)
		s.cyd.told(s.ada, 3)
		s.bob.told(s.ada, 1, 2, 3)
	})
}

func TestAPositionThatIsLateDoesNotGoOverAFurtherOneThatWasReadMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 3)
		s.readsElsewhere(s.m[2])
		s.source.meanwhile(func() error { s.PositionShown(shown(s.m[1], s.ada)); return nil })
		s.cyd.subscribe(s.c, 4)
		time.Sleep(time.Minute)
		s.cyd.told(s.ada, 3)
		s.bob.told(s.ada, 1, 2, 3)
	})
}

func TestWhatIsReadBetweenTheReadingAndItsBeingShownReachesWhoComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 3)
		s.source.meanwhile(func() error { s.reads(s.m[2]); return nil })
		s.cyd.subscribe(s.c, 4)
		time.Sleep(time.Second)
		s.cyd.told(s.ada, 3)
	})
}

func TestWhatIsReadWhileTheStoreCannotBeReadReachesWhoComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 3)
		s.source.meanwhile(func() error {
			s.Lose(nil)
			s.reads(s.m[1])
			return errors.New("out of reach")
		})
		s.cyd.subscribe(s.c, 4)
		time.Sleep(200 * time.Millisecond)
		s.cyd.told(s.ada)
		s.reads(s.m[2])
		time.Sleep(time.Second)
		s.cyd.told(s.ada, 3)
	})
}

func TestWhoFollowsAnewWhileTheStoreIsReadIsShownWhatIsReadAfterIt(t *testing.T) {
	for name, again := range map[string]func(*coming){
		"in place of the subscription before": func(s *coming) { s.cyd.subscribe(s.c, 4) },
		"after having unsubscribed": func(s *coming) {
			s.Unsubscribe(s.cyd.Session, s.c)
			s.cyd.subscribe(s.c, 4)
		},
		"after the last one had unsubscribed": func(s *coming) {
			s.Unsubscribe(s.bob.Session, s.c)
			s.Unsubscribe(s.cyd.Session, s.c)
			s.cyd.subscribe(s.c, 4)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newComing(t, 3)
				s.source.meanwhile(func() error {
					again(s)
					s.reads(s.m[2])
					return nil
				})
				s.cyd.subscribe(s.c, 4)
				time.Sleep(time.Minute)
				synctest.Wait()
				s.cyd.mu.Lock()
				defer s.cyd.mu.Unlock()
				last := int64(0)
				for _, e := range s.cyd.events {
					if e.Type != "receipt:updated" || e.UserID != string(s.ada) {
						continue
					}
					if e.Seq < last {
						t.Errorf("the client was told of %d after %d", e.Seq, last)
					}
					last = e.Seq
				}
				if last != 3 {
					t.Errorf("the client ended with %d", last)
				}
			})
		})
	}
}

func TestWhoFollowsAnewInPlaceIsToldThatSomebodyLetsNobodyKnowSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 3)
		s.bob.subscribe(s.c)
		s.letsNobodyKnow()
		time.Sleep(time.Minute)
		s.bob.told(s.ada, 1, 0)
	})
}

func TestWhoLetsNobodyKnowIsNotShownByAPositionThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 3)
		off := false
		// The node is told nothing of it.
		if _, err := s.store.UpdateMe(bg, s.ada, chat.ProfileEdit{ReadReceiptsEnabled: &off}, false); err != nil {
			t.Fatal(err)
		}
		s.source.meanwhile(func() error { s.PositionShown(shown(s.m[1], s.ada)); return nil })
		s.cyd.subscribe(s.c, 4)
		time.Sleep(time.Second)
		s.cyd.told(s.ada, 0)
		s.bob.told(s.ada, 1, 2, 0)
	})
}

func TestWhoComesFromAnotherNodeIsNotToldOfDeliveriesThatAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 3)
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second - 5*time.Millisecond)))
		if err := s.store.AdvanceDelivered(bg, []chat.DeliveredStep{{Conversation: s.c, User: s.ada, Seq: 3}}); err != nil {
			t.Fatal(err)
		}
		s.Delivered(s.c, s.ada, 2)
		s.cyd.subscribe(s.c, 4)
		time.Sleep(time.Minute)
		// Once as it was read, and once with the others, who were told of less.
		s.cyd.has("a minute later", s.ada, 3, 3)
		s.bob.has("a minute later", s.ada, 1, 2, 3)
	})
}

func TestWhoComesFromAnotherNodeIsNotToldOfCountsThatAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 12)
		read, err := s.rules.Receipts(bg, []chat.ConversationID{s.c})
		if err != nil {
			t.Fatal(err)
		}
		late := *read[s.c].Counts
		late.Version++
		for i := range late.Counts {
			late.Counts[i].Count = 0
		}
		s.cyd.subscribe(s.c, 4)
		s.ReadersCounted(late)
		time.Sleep(time.Minute)
		synctest.Wait()
		s.cyd.mu.Lock()
		defer s.cyd.mu.Unlock()
		counted := 0
		for _, e := range s.cyd.events {
			for _, r := range e.Counts {
				counted++
				if r.MessageID == string(s.m[0].ID) && r.ReadCount != 1 {
					t.Errorf("the client was told of %d readers, want 1", r.ReadCount)
				}
			}
		}
		if counted == 0 {
			t.Error("the client was told of no counts")
		}
	})
}

func TestADeviceThatComesFromAnotherNodeIsNotToldOfAReadPositionThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newComing(t, 3)
		first := s.connect(t, s.ada)
		time.Sleep(time.Second)
		late, in, err := s.rules.TrueReadState(bg, s.c, s.ada)
		if err != nil || !in {
			t.Fatal(in, err)
		}
		s.readsElsewhere(s.m[2])
		second := s.connect(t, s.ada)
		late.LastReadMessageID, late.LastReadSeq = s.m[1].ID, 2
		s.ReadAdvanced(s.ada, late)
		time.Sleep(time.Minute)
		if got := first.synced(); !slices.Equal(got, []int64{3}) {
			t.Errorf("the first device was told that it has read up to %v, want 3", got)
		}
		// Who comes lists it by itself.
		if got := second.synced(); slices.Contains(got, 2) {
			t.Errorf("the device that came was told that it has read up to %v", got)
		}
	})
}

// synced are the own read positions that the client was told.
func (c *client) synced() (got []int64) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Type == "receipt:synced" {
			got = append(got, e.LastReadSeq)
		}
	}
	return got
}
