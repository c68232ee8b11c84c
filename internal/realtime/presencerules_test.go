package realtime_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

// there is a person with a device that is connected, as its client sees others.
type there struct {
	*client
	*chat.Attendance
}

// presenceWorld is two nodes with all that belongs to presence: the rules, a SQLite file and the devices.
func presenceWorld(t *testing.T) *world { return presenceWorldOn(t, inmem.NewDevices()) }

func presenceWorldOn(t *testing.T, devices chat.Devices) *world {
	return newWorldWith(t, 2, inmem.NewBus(), func(rules *chat.Service) realtime.Source { return rules },
		func(s chat.Store) chat.Store { return s }, chat.Config{Devices: devices})
}

func (n *node) come(t *testing.T, u chat.UserID) *there {
	c := n.connect(t, u)
	a := n.rules.Attend(u, chat.LoginID("login of "+u), chat.Device{}, chat.Trace{})
	return &there{c, a}
}

// last holds the last status that was told of somebody, and how often they changed, against what is wanted.
func (c *client) last(when string, u chat.UserID, status chat.Status, changes int) {
	c.Helper()
	synctest.Wait()
	if seen := c.now(u); seen.Status != string(status) {
		c.Errorf("%s: %s is told as %+v, want %s", when, u, seen, status)
	}
	if n := c.changes(u); n != changes {
		c.Errorf("%s: %s changed %d times, want %d", when, u, n, changes)
	}
}

func TestFromADevicesFirstSignToItsLastEverybodyWhoMayIsToldOnceByTheWholeNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := presenceWorld(t)
		people := w.people(3)
		w.group(people[0], people[1])
		bob := w.nodes[1].come(t, people[1])
		time.Sleep(3 * time.Second)
		ann, stranger := w.nodes[0].come(t, people[0]), w.nodes[0].come(t, people[2])
		time.Sleep(3 * time.Second)
		ann.last("at first", people[1], chat.StatusOnline, 0)
		bob.last("when ann came", people[0], chat.StatusOnline, 1)
		stranger.last("to a stranger", people[1], "", 0)
		invisible := true
		if _, err := w.nodes[1].rules.UpdateMe(bg, people[1], chat.ProfileEdit{PresenceInvisible: &invisible}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		ann.last("invisible", people[1], chat.StatusOffline, 1)
		if got := bob.now(people[1]).Status; got != "invisible" {
			t.Errorf("to themselves they are %s", got)
		}
		invisible = false
		if _, err := w.nodes[1].rules.UpdateMe(bg, people[1], chat.ProfileEdit{PresenceInvisible: &invisible}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		ann.last("visible again", people[1], chat.StatusOnline, 2)
		for range 40 {
			time.Sleep(time.Second)
			for _, p := range []*there{ann, bob, stranger} {
				p.Heard(time.Now())
			}
		}
		ann.last("while they are heard", people[1], chat.StatusOnline, 2)
		w.nodes[1].Close(bob.Session)
		bob.Leave(chat.ExitClosed)
		for range 35 {
			time.Sleep(time.Second)
			ann.Heard(time.Now())
		}
		ann.last("gone", people[1], chat.StatusOffline, 3)
		if ann.now(people[1]).LastSeenAt == nil {
			t.Error("nobody knows when they were seen last")
		}
	})
}

func TestWhoComesIntoAGroupIsSeenThereAndWhoIsTakenOutOfItIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := presenceWorld(t)
		people := w.people(4)
		c := w.group(people[0], people[1])
		var all []*there
		for i, u := range people[:3] {
			all = append(all, w.nodes[i%2].come(t, u))
		}
		ann, bob, cleo := all[0], all[1], all[2]
		time.Sleep(3 * time.Second)
		cleo.last("before", people[0], "", 0)
		if _, err := w.nodes[0].rules.AddParticipants(bg, people[0], c, people[2:3]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		for _, u := range people[:2] {
			cleo.last("in the group", u, chat.StatusOnline, 0)
		}
		ann.last("in the group", people[2], chat.StatusOnline, 0)
		bob.last("in the group", people[2], chat.StatusOnline, 0)
		if err := w.nodes[1].rules.RemoveParticipant(bg, people[0], c, people[2]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		for _, u := range people[:2] {
			cleo.last("out of the group", u, chat.StatusOffline, 1)
		}
		ann.last("out of the group", people[2], chat.StatusOffline, 1)
		bob.last("out of the group", people[2], chat.StatusOffline, 1)
		if _, _, err := w.nodes[0].rules.Block(bg, people[0], people[1]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		ann.last("blocked", people[1], chat.StatusOffline, 1)
		bob.last("blocked", people[0], chat.StatusOffline, 1)
	})
}

func TestWhoWasTakenOutByANodeThatDiedBeforeItSaidSoIsSeenNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := presenceWorld(t)
		people := w.people(3)
		c := w.group(people...)
		ann := w.nodes[0].come(t, people[0])
		w.nodes[1].come(t, people[1])
		time.Sleep(3 * time.Second)
		ann.last("in the group", people[1], chat.StatusOnline, 0)
		roster, err := w.store.Roster(bg, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.store.ReviseConversation(bg, chat.Revision{Conversation: c, RosterRev: roster.Rev, Remove: people[1:2]}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		ann.last("out of it", people[1], chat.StatusOffline, 1)
		if ann.now(people[1]).LastSeenAt != nil {
			t.Error("it is shown when they were seen last")
		}
	})
}
