package devicestest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func racingSweeps(t *testing.T, w World) {
	h := open(t, w)
	const people, sweepers = 300, 4
	name := func(i int) chat.UserID { return chat.UserID(fmt.Sprint("person ", i)) }
	for i := range people {
		h.beat(of(name(i)))
	}
	h.pass(31 * time.Second)
	var mu sync.Mutex
	claimed, back := make(map[chat.UserID]chat.Presence), make(map[chat.UserID]chat.Presence)
	var all sync.WaitGroup
	for s := range sweepers {
		node := h.nodes[s%len(h.nodes)]
		all.Go(func() {
			for {
				gone, err := node.Lapse(context.Background(), 7)
				if err != nil || len(gone) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, p := range gone {
					if _, twice := claimed[p.User]; twice {
						t.Errorf("%s is claimed twice", p.User)
					}
					claimed[p.User] = p
				}
				mu.Unlock()
				if err := node.Settle(context.Background(), gone); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for i := s; i < people; i += 2 * sweepers {
				changed, _, err := node.Beat(context.Background(), []chat.Beat{of(name(i))})
				if err != nil || len(changed) != 1 {
					t.Errorf("of %s who is back there is told %+v (%v)", name(i), changed, err)
					continue
				}
				mu.Lock()
				back[name(i)] = changed[0]
				mu.Unlock()
			}
		})
	}
	all.Wait()
	var users []chat.UserID
	for i := range people {
		users = append(users, name(i))
		_, gone := claimed[name(i)]
		now, is := back[name(i)]
		if !gone && !is {
			t.Errorf("%s is gone and was claimed by nobody", name(i))
		}
		if gone && is && claimed[name(i)].Version > now.Version {
			t.Errorf("%s who is back with version %d is told to be gone with %d", name(i), now.Version, claimed[name(i)].Version)
		}
	}
	there, _, err := h.node().Presences(t.Context(), users)
	if err != nil || len(there) != len(back) {
		t.Errorf("%d are there of %d who are back (%v)", len(there), len(back), err)
	}
	h.pass(31 * time.Second)
	if lapsed := h.lapse(people); len(lapsed) != len(back) {
		t.Errorf("%d of %d who were back lapse", len(lapsed), len(back))
	}
}

func loss(t *testing.T, w World) {
	h := open(t, w)
	h.beat(of("anna"), of("ben"), of("cem"))
	h.pass(20 * time.Second)
	h.beat(of("anna"), of("ben"))
	h.pass(11 * time.Second)
	expect := func(when string, wantSure bool, want ...chat.UserID) {
		t.Helper()
		there, sure, err := h.node().Presences(t.Context(), []chat.UserID{"anna", "ben", "cem"})
		h.ok(err)
		for _, u := range want {
			if there[u].Status != chat.StatusOnline {
				t.Errorf("%s %s is not there", when, u)
			}
		}
		if sure != wantSure || len(there) != len(want) {
			t.Errorf("%s there are %+v (sure %v)", when, there, sure)
		}
	}
	expect("before", true, "anna", "ben")
	h.world.Empty(t)
	expect("after the loss", false)
	h.expectNone("to lapse", h.lapse(10))
	h.expect("of who beats again", h.beat(of("anna")), chat.StatusOnline, chat.Desktop)
	expect("after a beat", false, "anna")
	h.pass(20 * time.Second)
	h.expectNone("to lapse", h.lapse(10))
	h.beat(of("anna"))
	h.pass(11 * time.Second)
	expect("after a lease", true, "anna")
	h.pass(20 * time.Second)
	h.expect("after the next", h.lapse(10), chat.StatusOffline, "")
}

func versionsOverLoss(t *testing.T, w World) {
	h := open(t, w)
	for range 4 {
		for range h.nodes {
			h.beat(of("anna"))
			h.setPrivacy("anna", shared, time.Time{})
			h.beat(with(of("anna"), func(b *chat.Beat) { b.Away = true }))
			h.world.Empty(t)
		}
	}
}
