package devicestest

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func signingOut(t *testing.T, w World) {
	h := open(t, w)
	h.beat(with(of("anna"), func(b *chat.Beat) { b.Heard = 5 * time.Second }), with(of("anna"), func(b *chat.Beat) { b.DeviceID, b.Heard = "2", 10*time.Second }))
	gone := h.expect("at once", h.end("anna", of("anna").Login), chat.StatusOffline, "")
	h.expectSeen(gone, 5*time.Second)
	if gone.Privacy != shared {
		t.Errorf("told is %+v", gone)
	}
	h.expectThere("anna", "")
	h.settle(gone)
	h.expectNone("a second time", h.end("anna", of("anna").Login))
	late := []chat.Beat{of("anna"), with(of("anna"), func(b *chat.Beat) { b.DeviceID = "3" })}
	h.expectNone("by late beats", h.beat(late...))
	h.pass(28 * time.Second)
	h.expectNone("by later beats", h.beat(late...))
	h.expectNone("to lapse", h.lapse(10))
	h.expectThere("anna", "")
	back := h.expect("by another login", h.beat(with(of("anna"), func(b *chat.Beat) { b.Login = "new" })), chat.StatusOnline, chat.Desktop)
	if back.Version <= gone.Version {
		t.Errorf("version %d comes after %d", back.Version, gone.Version)
	}
	h.expectNone("by the ended login beside it", h.beat(late...))
	h.pass(3 * time.Second)
	h.end("anna", "new")
	h.expect("when it was forgotten", h.beat(of("anna")), chat.StatusOnline, chat.Desktop)
}

func signingOutHalf(t *testing.T, w World) {
	h := open(t, w)
	h.beat(of("anna"))
	gone := h.end("anna", of("anna").Login)
	h.expectNone("while it is the caller's", h.lapse(10))
	h.pass(chat.LapseLease)
	again := h.expect("that the caller did not settle", h.lapse(10), chat.StatusOffline, "")
	if again.Version != gone[0].Version {
		t.Errorf("%+v is told again as %+v", gone, again)
	}
	h.expectSeen(again, chat.LapseLease)
	h.settle(again)
	h.pass(time.Minute)
	h.expectNone("when it is settled", h.lapse(10))
}

func signingOutOfOne(t *testing.T, w World) {
	h := open(t, w)
	h.beat(of("anna"), with(of("anna"), func(b *chat.Beat) { b.Login, b.Type, b.Away, b.Active = "phone", chat.Mobile, true, time.Minute }))
	h.expect("of those that are left", h.end("anna", of("anna").Login), chat.StatusAway, chat.Mobile)
	h.expectNone("to lapse", h.lapse(10))
	h.expectThere("anna", chat.StatusAway)
	h.pass(31 * time.Second)
	h.expect("after the lease", h.lapse(10), chat.StatusOffline, "")
}

func endOfUnknown(t *testing.T, w World) {
	h := open(t, w)
	h.expectNone("of who was not there", h.end("anna", of("anna").Login))
	h.expectNone("by a late beat", h.beat(of("anna")))
	h.expectThere("anna", "")
	h.expectNone("to lapse", h.lapse(10))
	h.pass(31 * time.Second)
	h.expectNone("to lapse", h.lapse(10))
	h.expect("when it was forgotten", h.beat(of("anna")), chat.StatusOnline, chat.Desktop)
	for i := range 3 * chat.MaxDevices {
		h.end("anna", chat.LoginID(rune('a'+i)))
	}
	h.expectNone("by the login that ended last", h.beat(with(of("anna"), func(b *chat.Beat) { b.Login = chat.LoginID(rune('a' + 3*chat.MaxDevices - 1)) })))
}
