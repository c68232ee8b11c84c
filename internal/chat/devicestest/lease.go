package devicestest

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func coming(t *testing.T, w World) {
	h := open(t, w)
	h.expectThere("anna", "")
	first := h.expect("with the first beat", h.beat(of("anna")), chat.StatusOnline, chat.Desktop)
	if !first.SeenAt.IsZero() || first.Privacy != shared {
		t.Errorf("told is %+v", first)
	}
	h.expectNone("with the second beat", h.beat(of("anna")))
	if p := h.expectThere("anna", chat.StatusOnline); !p.Same(first) {
		t.Errorf("%+v is there, want %+v", p, first)
	}
	h.expectNone("of nobody who lapsed", h.lapse(10))
	h.expectNone("by no beats", h.beat())
}

func leaseEnds(t *testing.T, w World) {
	h := open(t, w)
	h.beat(of("ben"), with(of("anna"), func(b *chat.Beat) { b.Heard = 20 * time.Second }))
	h.pass(8 * time.Second)
	h.expectNone("within the lease", h.lapse(10))
	h.expectThere("anna", chat.StatusOnline)
	h.pass(2 * time.Second)
	h.expectThere("anna", "")
	gone := h.expect("after the lease", h.lapse(10), chat.StatusOffline, "")
	h.expectSeen(gone, chat.DeviceLease)
	if gone.User != "anna" || gone.Privacy != (chat.Privacy{}) {
		t.Errorf("%+v lapsed", gone)
	}
	h.expectNone("a second time", h.lapse(10))
	h.settle(gone)
	h.pass(18 * time.Second)
	h.expectNone("when it is settled", h.lapse(10))
	h.settle(gone)
	h.expectThere("ben", chat.StatusOnline)
	h.pass(2 * time.Second)
	if gone := h.expect("after the other lease", h.lapse(10), chat.StatusOffline, ""); gone.User != "ben" {
		t.Errorf("%+v lapsed", gone)
	}
}

func tooOld(t *testing.T, w World) {
	h := open(t, w)
	for _, age := range []time.Duration{chat.DeviceLease, time.Hour, 10 * 365 * 24 * time.Hour} {
		h.expectNone("with an old beat", h.beat(with(of("anna"), func(b *chat.Beat) { b.Heard, b.Active = age, age })))
	}
	h.expectThere("anna", "")
	h.beat(with(of("anna"), func(b *chat.Beat) { b.Heard = 10 * time.Second }))
	h.expectNone("with an older beat", h.beat(with(of("anna"), func(b *chat.Beat) { b.Heard = 25 * time.Second })))
	h.pass(18 * time.Second)
	h.expectThere("anna", chat.StatusOnline)
	h.pass(2 * time.Second)
	h.expect("after the lease of the younger beat", h.lapse(10), chat.StatusOffline, "")
}

func comingBack(t *testing.T, w World) {
	h := open(t, w)
	h.beat(of("anna"))
	for range 5 {
		h.pass(25 * time.Second)
		h.expectNone("of who comes back", h.beat(of("anna")))
		h.expectNone("to lapse", h.lapse(10))
	}
	h.pass(31 * time.Second)
	h.expect("of who comes back late", h.beat(of("anna")), chat.StatusOnline, chat.Desktop)
	h.expectNone("to lapse", h.lapse(10))
	h.pass(31 * time.Second)
	h.settle(h.lapse(10)...)
	h.expect("of who comes back later still", h.beat(of("anna")), chat.StatusOnline, chat.Desktop)
}

func claims(t *testing.T, w World) {
	h := open(t, w)
	h.beat(of("anna"))
	h.pass(31 * time.Second)
	first := h.expect("after the lease", h.lapse(10), chat.StatusOffline, "")
	for i := range 3 {
		h.pass(chat.LapseLease - time.Second)
		h.expectNone("while it is somebody's", h.lapse(10))
		h.pass(time.Second)
		again := h.expect("when the claim ended", h.lapse(10), chat.StatusOffline, "")
		if again.Version != first.Version {
			t.Errorf("version %d is told again as %d", first.Version, again.Version)
		}
		h.expectSeen(again, 31*time.Second+time.Duration(i+1)*chat.LapseLease)
	}
	h.settle(first)
	h.pass(time.Minute)
	h.expectNone("when one of them settled", h.lapse(10))
}

func backBeforeSettled(t *testing.T, w World) {
	h := open(t, w)
	h.beat(of("anna"))
	h.pass(31 * time.Second)
	gone := h.lapse(10)
	h.expect("of who is back while it is told", h.beat(of("anna")), chat.StatusOnline, chat.Desktop)
	h.settle(gone...)
	h.expectThere("anna", chat.StatusOnline)
	h.pass(chat.LapseLease + time.Second)
	h.expectNone("when the claim ended", h.lapse(10))
	h.pass(chat.DeviceLease)
	h.settle(gone...)
	later := h.expect("after the next lease", h.lapse(10), chat.StatusOffline, "")
	h.settle(gone...)
	h.pass(chat.LapseLease)
	h.expect("that nobody settled", h.lapse(10), chat.StatusOffline, "")
	h.settle(later)
}

func limit(t *testing.T, w World) {
	h := open(t, w)
	for i := range 25 {
		h.beat(of(chat.UserID(rune('a' + i))))
	}
	h.pass(31 * time.Second)
	h.expectNone("with no limit", h.lapse(0))
	once := make(map[chat.UserID]bool)
	for _, want := range []int{10, 10, 5, 0} {
		gone := h.lapse(10)
		for _, p := range gone {
			once[p.User] = true
		}
		if len(gone) != want {
			t.Errorf("%d lapsed, want %d", len(gone), want)
		}
		h.settle(gone...)
	}
	if len(once) != 25 {
		t.Errorf("%d people lapsed", len(once))
	}
}
