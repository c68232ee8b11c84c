package realtime_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

func TestWhoConnectsIsToldOfAllWhomTheyWatchAndOfThemselvesAndNotAtOnce(t *testing.T) {
	for _, bus := range []func() realtime.Bus{func() realtime.Bus { return inmem.NewBus() }, func() realtime.Bus { return realtime.Alone{} }} {
		synctest.Test(t, func(t *testing.T) {
			w := newSightWorld(t, 1, 700, bus())
			stranger := chat.UserID(newID())
			w.be(stranger, chat.StatusOnline, everyone)
			for _, u := range w.users[2:5] {
				w.be(u, chat.StatusOffline, chat.Privacy{})
			}
			ann := w.nodes[0].connect(t, w.users[0])
			time.Sleep(299 * time.Millisecond)
			synctest.Wait()
			if seen, _ := ann.sight(); len(seen) > 0 {
				t.Error("somebody was told before they were greeted")
			}
			settle()
			for _, u := range w.users {
				w.sees(ann, u)
			}
			if seen, changes := ann.sight(); len(seen) != 700 || len(changes) > 0 {
				t.Errorf("%d people are known and %d changed", len(seen), len(changes))
			}
			again := w.nodes[0].connect(t, w.users[0])
			settle()
			w.sees(again, w.users[3])
			if n := len(ann.await("", func([]event) bool { return true })); n != 3 {
				t.Errorf("the first session was told %d times", n)
			}
		})
	}
}

func TestAChangeIsToldOnceToEachWhoWatchesOnEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 3, 4, inmem.NewBus())
		var clients []*client
		for i := range w.users {
			clients = append(clients, w.nodes[i%3].connect(t, w.users[i]), w.nodes[(i+1)%3].connect(t, w.users[i]))
		}
		settle()
		for i, status := range []chat.Status{chat.StatusAway, chat.StatusOnline, chat.StatusOffline} {
			p := w.be(w.users[0], status, chat.Privacy{})
			w.nodes[i].PresenceChanged([]chat.Presence{p})
			w.nodes[i].PresenceChanged([]chat.Presence{p})
			settle()
			for _, c := range clients {
				w.sees(c, w.users[0])
				if n := c.changes(w.users[0]); n != i+1 {
					t.Errorf("%s was told %d times of %d changes", c.User, n, i+1)
				}
			}
		}
		for _, c := range clients {
			if n := c.changes(w.users[1]); n != 0 {
				t.Errorf("somebody who did not change was told %d times", n)
			}
		}
	})
}

func TestWhatIsTakenBackInAMomentIsToldToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 2, realtime.Alone{})
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		for _, status := range []chat.Status{chat.StatusOffline, chat.StatusOnline, chat.StatusAway, chat.StatusOnline} {
			w.nodes[0].PresenceChanged([]chat.Presence{w.be(w.users[1], status, chat.Privacy{})})
			time.Sleep(40 * time.Millisecond)
		}
		settle()
		w.sees(ann, w.users[1])
		if n := ann.changes(w.users[1]); n != 0 {
			t.Errorf("it was told %d times", n)
		}
	})
}

func TestWhoBecomesInvisibleIsGoneAtOnceOnAllNodesAndSaysSoToThemselvesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		before := w.persons[w.users[0]]
		own, near, far := w.nodes[0].connect(t, w.users[0]), w.nodes[0].connect(t, w.users[1]), w.nodes[1].connect(t, w.users[2])
		elsewhere := w.nodes[1].connect(t, w.users[0])
		settle()
		hidden := everyone
		hidden.Rev, hidden.Invisible = 2, true
		gone := w.be(w.users[0], chat.StatusOffline, hidden)
		w.nodes[0].PresenceChanged([]chat.Presence{gone})
		time.Sleep(time.Millisecond)
		for _, c := range []*client{own, near, far, elsewhere} {
			w.sees(c, w.users[0])
		}
		w.set(func() {
			if w.heard[w.users[0]] != hidden {
				t.Error("the other node of theirs did not learn it")
			}
		})
		// A node that does not know yet says that they are there: late, and as news.
		w.nodes[0].PresenceChanged([]chat.Presence{before})
		before.Version = gone.Version + 1
		w.nodes[0].PresenceChanged([]chat.Presence{before})
		settle()
		time.Sleep(2 * time.Minute)
		for _, c := range []*client{near, far} {
			synctest.Wait()
			for _, e := range c.await("", func([]event) bool { return true }) {
				if e.Type == "presence:changed" && e.UserID == string(w.users[0]) && e.Status != "offline" {
					t.Errorf("they are seen: %+v", e)
				}
			}
			if status := c.now(w.users[0]).Status; status != "offline" {
				t.Errorf("they are %s", status)
			}
		}
		if status := own.now(w.users[0]).Status; status != "invisible" {
			t.Errorf("they are %s to themselves", status)
		}
	})
}

func TestPrivacyIsHeldForEachWhoWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		w.relate(w.users[0], w.users[1], chat.Relation{Friends: true})
		friend, other := w.nodes[0].connect(t, w.users[1]), w.nodes[1].connect(t, w.users[2])
		settle()
		for i, privacy := range []chat.Privacy{
			{Rev: 2, Enabled: true, Sharing: chat.ShareFriends},
			{Rev: 3, Enabled: true, Sharing: chat.ShareNobody},
			{Rev: 4, Enabled: true, Sharing: chat.ShareEveryone},
			{Rev: 5, Sharing: chat.ShareEveryone},
		} {
			w.nodes[0].PresenceChanged([]chat.Presence{w.be(w.users[0], chat.StatusOnline, privacy)})
			time.Sleep(10 * time.Millisecond)
			w.sees(friend, w.users[0])
			w.sees(other, w.users[0])
			if want := []int{0, 1, 2, 3}[i]; friend.changes(w.users[0]) != want {
				t.Errorf("the friend was told %d times by then, want %d", friend.changes(w.users[0]), want)
			}
		}
	})
}

func TestWhoIsBlockedOrLeavesTheLastConversationInCommonSeesNothingFromThenOn(t *testing.T) {
	for name, relation := range map[string]chat.Relation{"blocked": {Share: true, Blocked: true}, "left": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSightWorld(t, 2, 2, inmem.NewBus())
				ann, bob := w.nodes[0].connect(t, w.users[0]), w.nodes[1].connect(t, w.users[1])
				settle()
				w.relate(w.users[0], w.users[1], relation)
				w.nodes[0].WatchingChanged(w.users...)
				settle()
				time.Sleep(time.Second)
				for _, c := range []*client{ann, bob} {
					other := w.users[0]
					if c == ann {
						other = w.users[1]
					}
					w.sees(c, other)
					w.nodes[0].PresenceChanged([]chat.Presence{w.be(other, chat.StatusAway, chat.Privacy{})})
					settle()
					if n := c.changes(other); n != 1 {
						t.Errorf("it was told %d times", n)
					}
				}
			})
		})
	}
}

func TestWhoAsksIsShownExactlyThoseAsTheyMaySeeThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 3, realtime.Alone{})
		stranger, nobody := chat.UserID(newID()), chat.UserID(newID())
		w.be(stranger, chat.StatusOnline, everyone)
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		w.relate(w.users[0], w.users[2], chat.Relation{})
		asked := []chat.UserID{nobody, w.users[1], stranger, w.users[0], w.users[2]}
		w.nodes[0].WatchingChanged(w.users[0])
		w.nodes[0].ShowPresence(bg, ann.Session, asked)
		synctest.Wait()
		events := ann.await("", func([]event) bool { return true })
		last := events[len(events)-1]
		if last.Type != "presence:state" || len(last.Presences) != len(asked) {
			t.Fatalf("%+v", last)
		}
		for i, want := range []string{"offline", "online", "offline", "online", "offline"} {
			if p := last.Presences[i]; p.UserID != string(asked[i]) || p.Status != want || p.LastSeenAt != nil {
				t.Errorf("%+v", p)
			}
		}
		ctx, cancel := context.WithCancel(bg)
		cancel()
		w.nodes[0].ShowPresence(ctx, ann.Session, asked)
	})
}

func TestWhomPeopleWatchIsNotReadForEveryWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 200, realtime.Alone{})
		for _, u := range w.users {
			w.nodes[0].connect(t, u)
		}
		settle()
		if n := w.queries(); n != 4 {
			t.Errorf("200 who came together were read in %d queries", n)
		}
		for range 50 {
			w.nodes[0].WatchingChanged(w.users[0])
			time.Sleep(100 * time.Millisecond)
		}
		if n := w.queries(); n > 4+50*6 {
			t.Errorf("it was read %d times", n)
		}
		time.Sleep(10 * time.Minute)
		was := w.queries()
		time.Sleep(10 * time.Minute)
		if n := w.queries() - was; n < 190 || n > 210 {
			t.Errorf("in ten minutes all 200 were compared by %d queries", n)
		}
	})
}

func TestWhoLeavesTakesWhatWasKeptForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 20, inmem.NewBus())
		var clients []*client
		for _, u := range w.users {
			clients = append(clients, w.nodes[0].connect(t, u))
		}
		settle()
		if s := w.nodes[0].Stats(); s.Viewers != 20 || s.Watched != 20 || s.Pairs != 400 {
			t.Errorf("%+v", s)
		}
		for _, c := range clients {
			w.nodes[0].Close(c.Session)
		}
		settle()
		if s := w.nodes[0].Stats(); s.Viewers+s.Watched+int(s.Pairs)+s.StatesOwed != 0 || s.Topics != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAPrivacyThatIsToldAloneHidesSomebodyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 2, inmem.NewBus())
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		// The devices are away: nobody knows more than the store, and who else reads them learns nothing.
		hidden := chat.Presence{
			User: w.users[1], Status: chat.StatusOffline, SeenAt: time.Now().UTC().Truncate(time.Millisecond), Privacy: chat.Privacy{Rev: 100, Enabled: true, Sharing: chat.ShareEveryone, Invisible: true},
		}
		w.set(func() {
			p := hidden
			p.Version = w.persons[w.users[1]].Version
			w.persons[w.users[1]] = p
		})
		w.nodes[1].PresenceChanged([]chat.Presence{hidden})
		settle()
		w.sees(ann, w.users[1])
	})
}
