package realtime_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

func TestWhoReadsTooSlowlyIsToldEverythingLaterAndNotInTheWayOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 600, realtime.Alone{})
		n := w.nodes[0]
		slow := n.stall(t, w.users[0])
		settle()
		slow.drain(slow.Outbox)
		w.sees(slow, w.users[1])
		long := make([]byte, 120<<10)
		copy(long, `{"type":"`)
		for i := 9; i < len(long)-2; i++ {
			long[i] = 'x'
		}
		copy(long[len(long)-2:], `"}`)
		slow.Send(long)
		gone := w.users[7]
		w.relate(w.users[0], gone, chat.Relation{})
		n.WatchingChanged(w.users[0])
		for _, u := range w.users[1:7] {
			n.PresenceChanged([]chat.Presence{w.be(u, chat.StatusOffline, chat.Privacy{})})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s := n.Stats(); s.StatesOwed != 1 {
			t.Errorf("%d sessions are owed a state", s.StatesOwed)
		}
		slow.drain(slow.Outbox)
		if n := slow.changes(w.users[1]); n != 0 {
			t.Errorf("a slow session was told %d changes", n)
		}
		settle()
		slow.drain(slow.Outbox)
		for _, u := range w.users[1:] {
			w.sees(slow, u)
		}
		if s := n.Stats(); s.StatesOwed != 0 || slow.Ended() {
			t.Errorf("%d sessions are owed a state", s.StatesOwed)
		}
	})
}

func TestWhatCannotBeReadStaysAsItWasToldUntilItIsKnownForSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		w.set(func() { w.away = true })
		w.nodes[0].Lose(nil)
		late := w.nodes[1].connect(t, w.users[2])
		time.Sleep(20 * time.Second)
		w.set(func() { w.away, w.unsure = false, true })
		time.Sleep(20 * time.Second)
		w.sees(ann, w.users[1])
		if n := ann.changes(w.users[1]); n != 0 {
			t.Errorf("%d changes were told of somebody who had none", n)
		}
		if seen := late.now(w.users[1]); seen.Status != "" {
			t.Errorf("somebody of whom nothing is known is told as %s", seen.Status)
		}
		w.be(w.users[1], chat.StatusOffline, chat.Privacy{})
		w.set(func() { w.unsure = false })
		time.Sleep(15 * time.Second)
		w.sees(ann, w.users[1])
		w.sees(late, w.users[1])
		if n := ann.changes(w.users[1]); n != 1 {
			t.Errorf("one change was told %d times", n)
		}
	})
}

func TestWhoIsReadAgainAndAgainBeforeItIsSaidThatTheyLeftIsToldAsGoneOnce(t *testing.T) {
	for name, before := range map[string]func(w *sightWorld, gone, other chat.UserID){
		"since the bus loses something": func(w *sightWorld, gone, _ chat.UserID) {
			w.set(func() { w.expired[gone] = true })
			for range 3 {
				w.nodes[0].Lose(nil)
				time.Sleep(300 * time.Millisecond)
			}
		},
		"since another one was not found before": func(w *sightWorld, gone, other chat.UserID) {
			w.set(func() { w.expired[other] = true })
			w.nodes[0].Lose(nil)
			time.Sleep(4700 * time.Millisecond)
			w.set(func() { w.expired[gone], w.expired[other] = true, false })
			w.nodes[0].Lose(nil)
			time.Sleep(700 * time.Millisecond)
		},
		"since they were not found once before": func(w *sightWorld, gone, _ chat.UserID) {
			for range 2 {
				w.set(func() { w.expired[gone] = true })
				w.nodes[0].Lose(nil)
				time.Sleep(700 * time.Millisecond)
				w.set(func() { w.expired[gone] = false })
				w.nodes[0].Lose(nil)
				time.Sleep(2 * time.Second)
			}
			w.set(func() { w.expired[gone] = true })
			w.nodes[0].Lose(nil)
			time.Sleep(700 * time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSightWorld(t, 1, 3, inmem.NewBus())
				ann := w.nodes[0].connect(t, w.users[0])
				settle()
				gone, other := w.users[1], w.users[2]
				before(w, gone, other)
				synctest.Wait()
				if n := ann.changes(gone); n != 0 {
					t.Errorf("before it is said that they left %d changes were told", n)
				}
				w.nodes[0].PresenceChanged([]chat.Presence{w.be(gone, chat.StatusOffline, chat.Privacy{})})
				time.Sleep(15 * time.Second)
				w.sees(ann, gone)
				if told := [2]int{ann.changes(gone), ann.changes(other)}; told != [2]int{1, 0} {
					t.Errorf("of who left, and of who stayed, %v changes were told", told)
				}
			})
		})
	}
}

func TestWhoIsNotFoundForAWhileIsToldAsGoneThoughNobodySaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 2, inmem.NewBus())
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		w.be(w.users[1], chat.StatusOffline, chat.Privacy{})
		w.nodes[0].Lose(nil)
		time.Sleep(7 * time.Second)
		w.sees(ann, w.users[1])
		if n := ann.changes(w.users[1]); n != 1 {
			t.Errorf("one change was told %d times", n)
		}
	})
}

func TestARedisThatComesBackWithAnEarlierClockIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 2, inmem.NewBus())
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		w.be(w.users[1], chat.StatusAway, chat.Privacy{})
		w.set(func() {
			p := w.persons[w.users[1]]
			p.Version -= int64(time.Hour / time.Microsecond)
			w.persons[w.users[1]] = p
		})
		w.nodes[0].Lose([]string{realtime.PresenceTopic(w.users[1])})
		settle()
		w.sees(ann, w.users[1])
		var p chat.Presence
		w.set(func() {
			p = w.persons[w.users[1]]
			p.Version, p.Status = p.Version+1, chat.StatusOnline
			w.persons[w.users[1]] = p
		})
		w.nodes[1].PresenceChanged([]chat.Presence{p})
		settle()
		w.sees(ann, w.users[1])
	})
}

func TestWhoHidesWhileTheDevicesAreAwayIsGoneAtOnceOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		own, far := w.nodes[0].connect(t, w.users[0]), w.nodes[1].connect(t, w.users[2])
		settle()
		before := w.persons[w.users[0]]
		hidden := everyone
		hidden.Rev, hidden.Invisible = 2, true
		w.set(func() { w.away = true })
		gone := w.be(w.users[0], chat.StatusOffline, hidden)
		alone := gone
		alone.Version = 0
		w.nodes[0].PresenceChanged([]chat.Presence{alone})
		time.Sleep(time.Millisecond)
		w.sees(own, w.users[0])
		w.sees(far, w.users[0])
		// The devices are back, and do not know it yet.
		w.set(func() { w.away, w.persons[w.users[0]] = false, before })
		w.nodes[1].Lose(nil)
		settle()
		w.set(func() { w.persons[w.users[0]] = gone })
		w.nodes[0].PresenceChanged([]chat.Presence{gone})
		settle()
		w.sees(far, w.users[0])
		if n := far.changes(w.users[0]); n != 1 {
			t.Errorf("one change was told %d times", n)
		}
	})
}

func TestANodeThatMissedThatSomebodyHidLearnsItWhereTheyAreConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 2, inmem.NewBus())
		w.nodes[0].connect(t, w.users[0])
		settle()
		hidden := everyone
		hidden.Rev, hidden.Invisible = 2, true
		w.be(w.users[0], chat.StatusOffline, hidden)
		w.set(func() { w.heard = make(map[chat.UserID]chat.Privacy) })
		w.nodes[0].Lose([]string{realtime.PresenceTopic(w.users[0])})
		settle()
		w.set(func() {
			if w.heard[w.users[0]] != hidden {
				t.Errorf("the rules know %+v", w.heard)
			}
		})
	})
}

func TestWhoShowsThemselvesWhileTheDevicesAreAwayIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		hidden := everyone
		hidden.Rev, hidden.Invisible = 2, true
		w.be(w.users[0], chat.StatusOffline, hidden)
		far := w.nodes[1].connect(t, w.users[2])
		settle()
		w.set(func() { w.away = true })
		shown := everyone
		shown.Rev = 3
		w.be(w.users[0], chat.StatusOnline, shown)
		w.nodes[0].PresenceChanged([]chat.Presence{{User: w.users[0], Status: chat.StatusOffline, Privacy: shown}})
		settle()
		if n := far.changes(w.users[0]); n != 0 {
			t.Errorf("%d changes were told while nothing was known", n)
		}
		w.set(func() { w.away = false })
		time.Sleep(10 * time.Second)
		w.sees(far, w.users[0])
		if n := far.changes(w.users[0]); n != 1 {
			t.Errorf("one change was told %d times", n)
		}
	})
}

func TestAnEnvelopeThatCannotBeTrueIsReadAnewAndNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := inmem.NewBus()
		w := newSightWorld(t, 2, 3, bus)
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		good := w.persons[w.users[1]]
		forge := func(change func(*chat.Presence)) {
			p := good
			p.Version = time.Now().UnixMicro()
			p.Status = chat.StatusAway
			change(&p)
			bus.Publish(realtime.PresenceTopic(w.users[1]), realtime.PresenceEnvelope("forger", p))
		}
		for _, change := range []func(*chat.Presence){
			func(p *chat.Presence) { p.Version = 1 << 62 },
			func(p *chat.Presence) { p.Version = 0 },
			func(p *chat.Presence) { p.User = w.users[2] },
			func(p *chat.Presence) { p.Status = "busy" },
			func(p *chat.Presence) { p.Status = chat.StatusInvisible },
			func(p *chat.Presence) { p.Device = "toaster" },
			func(p *chat.Presence) { p.SeenAt = time.Now() },
			func(p *chat.Presence) { p.Status, p.SeenAt = chat.StatusOffline, time.Now().Add(48*time.Hour) },
			func(p *chat.Presence) { p.Privacy.Rev = 1 << 60 },
			func(p *chat.Presence) { p.Privacy.Rev = -1 },
			func(p *chat.Presence) { p.Privacy.Sharing = "some" },
			func(p *chat.Presence) { p.Privacy.Invisible = true },
			func(p *chat.Presence) { p.Privacy.Enabled = false },
		} {
			forge(change)
		}
		bus.Publish(realtime.PresenceTopic(w.users[1]), []byte(`{"type":"presence:changed","serverId":"x","payload":7}`))
		bus.Publish(realtime.PresenceTopic(w.users[1]), []byte(`{"type":"presence:dreamt","serverId":"x","payload":7}`))
		bus.Publish(realtime.UserTopic(w.users[0]), []byte(`{"type":"presence:watching","serverId":"x","payload":{"User":"other"}}`))
		settle()
		w.sees(ann, w.users[1])
		if n := ann.changes(w.users[1]) + ann.changes(w.users[2]); n != 0 {
			t.Errorf("%d changes were told", n)
		}
		if s := w.nodes[0].Stats(); s.Misheard != 15 {
			t.Errorf("%d envelopes were misheard", s.Misheard)
		}
	})
}
