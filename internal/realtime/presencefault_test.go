package realtime_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

func TestAFaultWhilePresenceIsToldEndsNothingAndEverythingIsToldAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 5, inmem.NewBus())
		ann, ben, away := w.nodes[0].connect(t, w.users[0]), w.nodes[0].connect(t, w.users[1]), w.nodes[1].connect(t, w.users[2])
		leaves := w.nodes[0].connect(t, w.users[4])
		settle()
		before := w.nodes[0].Stats()
		// Of somebody who is connected here another node tells a newer privacy, which the rules are told of.
		w.set(func() { w.faults = 2 })
		for rev := range 2 {
			privacy := everyone
			privacy.Rev = int64(2 + rev)
			w.nodes[1].PresenceChanged([]chat.Presence{w.be(w.users[1], chat.StatusOnline, privacy)})
			w.nodes[0].Close(leaves.Session)
			// Meanwhile others change and are not seen any more, somebody comes and somebody goes.
			w.nodes[1].PresenceChanged([]chat.Presence{w.be(w.users[2], chat.StatusAway, chat.Privacy{})})
			w.relate(w.users[0], w.users[3], chat.Relation{})
			w.nodes[1].WatchingChanged(w.users[0], w.users[3])
			time.Sleep(10 * time.Second)
		}
		late := w.nodes[0].connect(t, w.users[3])
		time.Sleep(20 * time.Second)
		w.set(func() {
			if w.faults != 0 {
				t.Fatalf("%d faults did not come", w.faults)
			}
		})
		for _, c := range []*client{ann, ben, away, late} {
			for _, u := range w.users[:4] {
				// Who came late was never told of somebody whom they do not watch.
				if c != late || u != w.users[0] {
					w.sees(c, u)
				}
			}
		}
		after := w.nodes[0].Stats()
		if after.Viewers != 3 || after.Watched != before.Watched || after.Topics != before.Topics || after.StatesOwed != 0 {
			t.Errorf("there were %+v, and are %+v", before, after)
		}
		w.nodes[1].PresenceChanged([]chat.Presence{w.be(w.users[2], chat.StatusOnline, chat.Privacy{})})
		settle()
		w.sees(ben, w.users[2])
		if n := ann.changes(w.users[3]); n != 1 {
			t.Errorf("it was told %d times that somebody is not seen any more", n)
		}
	})
}

func TestWhenPresenceCannotBeginAnewEitherSessionsAreClosedAndThoseWhoComeBackAreToldAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		ann, ben, away := w.nodes[0].connect(t, w.users[0]), w.nodes[0].connect(t, w.users[1]), w.nodes[1].connect(t, w.users[2])
		settle()
		before := w.nodes[0].Stats()
		w.nodes[0].DamagePresence()
		settle()
		for _, c := range []*client{ann, ben} {
			if c.closed == nil || c.closed.Code != 1011 {
				t.Errorf("%s: closed with %+v", c.User, c.closed)
			}
			w.nodes[0].Close(c.Session)
		}
		if away.closed != nil {
			t.Errorf("another node closed with %+v", away.closed)
		}
		time.Sleep(10 * time.Second)
		settle()
		if s := w.nodes[0].Stats(); s.Viewers != 0 || s.Watched != 0 || s.Pairs != 0 || s.Topics >= before.Topics {
			t.Errorf("there were %+v, and are %+v", before, s)
		}
		ann, ben = w.nodes[0].connect(t, w.users[0]), w.nodes[0].connect(t, w.users[1])
		time.Sleep(10 * time.Second)
		settle()
		for _, c := range []*client{ann, ben, away} {
			for _, u := range w.users {
				w.sees(c, u)
			}
		}
		if s := w.nodes[0].Stats(); s.Viewers != before.Viewers || s.Watched != before.Watched || s.Pairs != before.Pairs || s.Topics != before.Topics {
			t.Errorf("there were %+v, and are %+v", before, s)
		}
	})
}
