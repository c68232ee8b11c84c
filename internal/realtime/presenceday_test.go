package realtime_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime/bustest"
)

func TestWhateverTheBusLosesEverybodySeesInTheEndWhatTheyMay(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { presenceDay(t, seed) })
		})
	}
}

// presenceDayOf is a day of people who come and go, hide, meet and part, over a bus that loses, doubles and turns round
// what it carries.
type presenceDayOf struct {
	*sightWorld
	rand    *rand.Rand
	bus     *bustest.Faulty
	clients []*client
	hidden  map[chat.UserID]time.Time // since when somebody is invisible
	told    time.Time                 // when everything lost was last told as lost, and could be read
}

func presenceDay(t *testing.T, seed uint64) {
	bus := bustest.NewFaulty(inmem.NewBus(), seed)
	d := &presenceDayOf{
		sightWorld: newSightWorld(t, 3, 7, bus), rand: rand.New(rand.NewPCG(seed, 1)), bus: bus,
		hidden: make(map[chat.UserID]time.Time),
	}
	for range 9 {
		d.connect()
	}
	for range 150 {
		d.act()
		time.Sleep(time.Duration(d.rand.IntN(1500)) * time.Millisecond)
		d.check(t)
	}
	d.set(func() { d.away, d.unsure = false, false })
	bus.Thaw()
	bus.Admit()
	time.Sleep(25 * time.Second)
	synctest.Wait()
	for _, c := range d.clients {
		seen, _ := c.sight()
		for _, u := range d.users {
			d.mu.Lock()
			want := protocol.PresenceOf(d.see(c.User, u), true)
			d.mu.Unlock()
			got, told := seen[string(u)]
			if !told {
				got = protocol.PresenceOf(chat.Presence{User: u, Status: chat.StatusOffline}, false)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s on %s sees of %s:\n%s", c.User, c.node.NodeID(), u, diff)
			}
		}
		d.differs(t, c)
	}
}

func (d *presenceDayOf) connect() {
	n := d.nodes[d.rand.IntN(3)]
	d.clients = append(d.clients, n.connect(d, d.someone()))
}

func (d *presenceDayOf) someone() chat.UserID { return d.users[d.rand.IntN(len(d.users))] }

func (d *presenceDayOf) announce(p chat.Presence) {
	if p.Privacy.Invisible {
		if d.hidden[p.User].IsZero() {
			d.hidden[p.User] = time.Now()
		}
	} else {
		delete(d.hidden, p.User)
	}
	d.nodes[d.rand.IntN(3)].PresenceChanged([]chat.Presence{p})
}

func (d *presenceDayOf) act() {
	u, other := d.someone(), d.someone()
	switch d.rand.IntN(14) {
	case 0:
		i := d.rand.IntN(len(d.clients))
		c := d.clients[i]
		d.clients = append(d.clients[:i:i], d.clients[i+1:]...)
		c.node.Close(c.Session)
		d.connect()
	case 1, 2, 3, 4, 5:
		status := []chat.Status{chat.StatusOnline, chat.StatusAway, chat.StatusOffline}[d.rand.IntN(3)]
		d.announce(d.be(u, status, chat.Privacy{}))
	case 6, 7:
		d.mu.Lock()
		privacy := chat.Privacy{Rev: d.persons[u].Privacy.Rev + 1, Enabled: d.rand.IntN(5) > 0, Sharing: chat.ShareEveryone, Invisible: d.rand.IntN(3) == 0}
		d.mu.Unlock()
		privacy.Sharing = []chat.Sharing{chat.ShareEveryone, chat.ShareFriends, chat.ShareNobody}[d.rand.IntN(3)]
		d.announce(d.be(u, chat.StatusOnline, privacy))
	case 8, 9:
		if u != other {
			d.relate(u, other, chat.Relation{Friends: d.rand.IntN(2) == 0, Share: d.rand.IntN(2) == 0, Blocked: d.rand.IntN(4) == 0})
			d.nodes[d.rand.IntN(3)].WatchingChanged(u, other)
		}
	case 10:
		d.bus.Freeze()
	case 11:
		d.bus.Thaw()
	case 12:
		if time.Since(d.told) < 2*time.Second {
			// It may not have been read yet.
			d.told = time.Time{}
		}
		d.set(func() { d.away, d.unsure = d.rand.IntN(3) == 0, d.rand.IntN(3) == 0 })
	default:
		d.set(func() { d.away, d.unsure = false, false })
		d.bus.Thaw()
		d.bus.Admit()
		d.told = time.Now()
	}
}

// check holds that nobody is shown as there who was hidden before everything lost was told as lost, so that every
// node has looked.
func (d *presenceDayOf) check(t *testing.T) {
	for _, c := range d.clients {
		c.mu.Lock()
		for _, e := range c.events {
			since := d.hidden[chat.UserID(e.UserID)]
			if e.Type != "presence:changed" || e.Status != "online" && e.Status != "away" || since.IsZero() || string(c.User) == e.UserID {
				continue
			}
			if d.told.After(since) && e.at.After(d.told.Add(2*time.Second)) {
				t.Errorf("%s is told that %s is %s, who has been invisible since %v", c.User, e.UserID, e.Status, since)
			}
		}
		c.mu.Unlock()
	}
}

// differs holds that whatever was told as changed was another thing than the client knew.
func (d *presenceDayOf) differs(t *testing.T, c *client) {
	known := make(map[string]protocol.Presence)
	for _, e := range c.await("", func([]event) bool { return true }) {
		for _, p := range e.Presences {
			known[p.UserID] = p
		}
		if e.Type != "presence:changed" {
			continue
		}
		is := protocol.Presence{UserID: e.UserID, Status: e.Status, Device: e.Device}
		if e.LastSeenAt != nil {
			at := protocol.Time(*e.LastSeenAt)
			is.LastSeenAt = &at
		}
		if was, told := known[e.UserID]; told && cmp.Equal(was, is) {
			t.Errorf("%s is told again what they know: %+v", c.User, is)
		}
		known[e.UserID] = is
	}
}
