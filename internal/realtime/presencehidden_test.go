package realtime_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

func TestNothingMovesWhileSomebodyInvisibleComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := presenceWorld(t)
		people := w.people(4)
		w.group(people...)
		bob := w.nodes[1].come(t, people[1])
		ann, cleo := w.nodes[0].come(t, people[0]), w.nodes[1].come(t, people[2])
		time.Sleep(3 * time.Second)
		beat := func(d time.Duration, all ...*there) {
			for range d / time.Second {
				time.Sleep(time.Second)
				for _, p := range all {
					p.Heard(time.Now())
				}
			}
			synctest.Wait()
		}
		invisible := true
		if _, err := w.nodes[1].rules.UpdateMe(bg, people[1], chat.ProfileEdit{PresenceInvisible: &invisible}); err != nil {
			t.Fatal(err)
		}
		beat(3*time.Second, ann, cleo, bob)
		seenAt := ann.now(people[1]).LastSeenAt
		if seenAt == nil {
			t.Fatal("nobody knows when they were seen last")
		}
		same := func(when string) {
			t.Helper()
			for _, p := range []*there{ann, cleo} {
				p.last(when, people[1], chat.StatusOffline, 1)
				if now := p.now(people[1]).LastSeenAt; now == nil || *now != *seenAt {
					t.Errorf("%s: last seen at %v, before %v", when, now, *seenAt)
				}
			}
		}
		same("invisible")
		w.nodes[1].Close(bob.Session)
		bob.Leave(chat.ExitClosed)
		beat(3*time.Minute, ann, cleo)
		same("gone")
		bob = w.nodes[1].come(t, people[1])
		beat(3*time.Minute, ann, cleo, bob)
		same("back")
		other := w.nodes[0].come(t, people[1])
		beat(3*time.Minute, ann, cleo, bob, other)
		same("on both nodes")
		for _, p := range []*there{ann, other} {
			w.nodes[0].Close(p.Session)
			p.Leave(chat.ExitClosed)
		}
		beat(3*time.Second, cleo, bob)
		// On a node where nobody but themselves watches them.
		other = w.nodes[0].come(t, people[1])
		beat(3*time.Second, cleo, bob, other)
		late := w.nodes[0].come(t, people[3])
		beat(3*time.Second, cleo, bob, late)
		late.last("to who came later", people[1], chat.StatusOffline, 0)
		if now := late.now(people[1]).LastSeenAt; now == nil || *now != *seenAt {
			t.Errorf("to who came later they were last seen at %v, not %v", now, *seenAt)
		}
		for _, n := range w.nodes {
			seen, err := n.rules.SeePresences(bg, people[0], people[1:2])
			if err != nil {
				t.Fatal(err)
			}
			if p := seen[0]; p.Status != chat.StatusOffline || p.SeenAt.IsZero() {
				t.Errorf("REST: %+v", p)
			}
		}
	})
}

// unsureDevices may not know everybody who is there, as a Redis that was emptied.
type unsureDevices struct {
	*inmem.Devices
	unsure atomic.Bool
}

func (d *unsureDevices) Presences(ctx context.Context, users []chat.UserID) (map[chat.UserID]chat.Presence, bool, error) {
	there, _, err := d.Devices.Presences(ctx, users)
	return there, !d.unsure.Load(), err
}

func TestWhileItIsNotKnownWhoIsThereNobodyHiddenIsToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		devices := &unsureDevices{Devices: inmem.NewDevices()}
		w := presenceWorldOn(t, devices)
		people := w.people(5)
		w.group(people...)
		invisible, nobody := true, chat.ShareNobody
		devices.unsure.Store(true) // so that they are taken to be there when they hide
		for _, u := range people[1:3] {
			if _, err := w.nodes[0].rules.UpdateMe(bg, u, chat.ProfileEdit{PresenceInvisible: &invisible}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.nodes[0].rules.UpdateMe(bg, people[3], chat.ProfileEdit{PresenceSharing: &nobody}); err != nil {
			t.Fatal(err)
		}
		// Of all others the second and the fourth are there: invisible, and sharing it with nobody.
		w.nodes[1].come(t, people[1])
		w.nodes[1].come(t, people[3])
		time.Sleep(3 * time.Second)
		ann := w.nodes[0].come(t, people[0])
		time.Sleep(5 * time.Second)
		for _, u := range people[1:] {
			ann.last("while it is not known", u, "", 0)
		}
		seen, err := w.nodes[0].rules.SeePresences(bg, people[0], people[1:])
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range seen {
			if p.Status != chat.StatusOffline || !p.SeenAt.IsZero() {
				t.Errorf("asked for, they are %+v", p)
			}
		}
		devices.unsure.Store(false)
		time.Sleep(10 * time.Second)
		for _, u := range people[1:] {
			ann.last("when it is known", u, chat.StatusOffline, 0)
		}
	})
}
