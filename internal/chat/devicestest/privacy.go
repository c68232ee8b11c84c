package devicestest

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// then is when an invisible person was seen last.
var then = time.Date(2026, 11, 27, 8, 0, 0, 123456000, time.UTC)

func rev(n int64, change func(*chat.Privacy)) chat.Privacy {
	p := shared
	p.Rev = n
	change(&p)
	return p
}

func friendsOnly(p *chat.Privacy) { p.Sharing = chat.ShareFriends }
func hidden(p *chat.Privacy)      { p.Invisible = true }
func nobody(p *chat.Privacy)      { p.Sharing = chat.ShareNobody }
func off(p *chat.Privacy)         { p.Enabled = false }
func public(*chat.Privacy)        {}

func revisions(t *testing.T, w World) {
	h := open(t, w)
	as := func(p chat.Privacy) chat.Beat { return with(of("anna"), func(b *chat.Beat) { b.Privacy = p }) }
	h.beat(as(rev(5, public)))
	newer := func(when string, p, want chat.Privacy) {
		t.Helper()
		changed, newer, err := h.node().Beat(t.Context(), []chat.Beat{of("ben"), as(p)})
		h.ok(err)
		for _, c := range changed {
			if c.User == "anna" {
				t.Errorf("%s there is told %+v", when, c)
			}
		}
		got, is := newer["anna"]
		if _, other := newer["ben"]; other || is != (want != chat.Privacy{}) || got != want {
			t.Errorf("%s the newer ones are %+v, want %+v", when, newer, want)
		}
	}
	newer("by an older one", rev(4, nobody), rev(5, public))
	newer("by the same one", rev(5, public), chat.Privacy{})
	told := h.expect("by a newer beat", h.beat(as(rev(6, friendsOnly))), chat.StatusOnline, chat.Desktop)
	if told.Privacy != rev(6, friendsOnly) {
		t.Errorf("told is %+v", told)
	}
	h.expectNone("by an older change", h.setPrivacy("anna", rev(5, hidden), then))
	again := h.expect("by the same change", h.setPrivacy("anna", rev(6, friendsOnly), time.Time{}), chat.StatusOnline, chat.Desktop)
	if again.Privacy != told.Privacy {
		t.Errorf("told is %+v after %+v", again, told)
	}
	told = h.expect("by a newer change", h.setPrivacy("anna", rev(7, public), time.Time{}), chat.StatusOnline, chat.Desktop)
	if told.Privacy != rev(7, public) {
		t.Errorf("told is %+v", told)
	}
	newer("by an older one", rev(6, friendsOnly), rev(7, public))
	if p := h.expectThere("anna", chat.StatusOnline); p.Privacy != rev(7, public) {
		t.Errorf("%+v is there", p)
	}
}

func invisible(t *testing.T, w World) {
	h := open(t, w)
	visible := h.beat(of("anna"))[0]
	gone := h.expect("at the switch", h.setPrivacy("anna", rev(2, hidden), then), chat.StatusOffline, "")
	if !gone.SeenAt.Equal(then) || gone.Privacy != rev(2, hidden) || gone.Version <= visible.Version {
		t.Errorf("told is %+v", gone)
	}
	seeming := func(p chat.Presence) {
		t.Helper()
		if !p.Same(gone) {
			t.Errorf("%+v is there, want %+v", p, gone)
		}
	}
	as := with(of("anna"), func(b *chat.Beat) { b.Privacy = rev(2, hidden) })
	seeming(h.expectThere("anna", chat.StatusOffline))
	h.pass(20 * time.Second)
	h.expectNone("by beats", h.beat(as, with(as, func(b *chat.Beat) { b.DeviceID, b.Away = "2", true }), of("anna")))
	h.expectNone("by signing out of another login", h.end("anna", "other"))
	seeming(h.expectThere("anna", chat.StatusOffline))
	back := h.expect("visible again", h.setPrivacy("anna", rev(3, public), time.Time{}), chat.StatusOnline, chat.Desktop)
	if !back.SeenAt.IsZero() {
		t.Errorf("told is %+v", back)
	}
	h.setPrivacy("anna", rev(4, hidden), then)
	h.expectNone("by signing out", h.end("anna", of("anna").Login))
	if p := h.expect("to be settled", h.lapse(10), chat.StatusOffline, ""); p.Privacy != (chat.Privacy{}) {
		t.Errorf("%+v lapses", p)
	}

	as.User = "ben"
	h.expectNone("of one who comes invisible", h.beat(as))
	if p := h.expectThere("ben", chat.StatusOffline); !p.SeenAt.IsZero() || p.Privacy != as.Privacy {
		t.Errorf("%+v is there", p)
	}
	h.pass(31 * time.Second)
	h.expectNone("of one who comes back invisible", h.beat(as))
}

func secret(t *testing.T, w World) {
	h := open(t, w)
	for i, hides := range []func(*chat.Privacy){nobody, off, func(p *chat.Privacy) { nobody(p); hidden(p) }} {
		u := chat.UserID(rune('a' + i))
		h.beat(of(u))
		told := h.expect("at the switch", h.setPrivacy(u, rev(2, hides), then), chat.StatusOffline, "")
		there := h.expectThere(u, chat.StatusOffline)
		as := with(of(u), func(b *chat.Beat) { b.Privacy = rev(2, hides) })
		h.expectNone("by beats", h.beat(as))
		h.expectNone("by signing out", h.end(u, as.Login))
		if !told.SeenAt.IsZero() || !there.Same(told) {
			t.Errorf("told is %+v, and there %+v", told, there)
		}
		gone := h.expect("to be settled", h.lapse(10), chat.StatusOffline, "")
		h.expectSeen(gone, 0)
		h.settle(gone)
	}
	h.expectNone("of one who comes secret", h.beat(with(of("z"), func(b *chat.Beat) { b.Privacy = rev(1, nobody) })))
	told := h.expect("by a beat that is secret no more", h.beat(with(of("z"), func(b *chat.Beat) { b.Privacy = rev(2, public) })), chat.StatusOnline, chat.Desktop)
	if told.Privacy != rev(2, public) {
		t.Errorf("told is %+v", told)
	}
}

func privacyOfAbsent(t *testing.T, w World) {
	h := open(t, w)
	told := h.expect("of one who is not there", h.setPrivacy("anna", rev(3, hidden), then), chat.StatusOffline, "")
	if !told.SeenAt.Equal(then) || told.Privacy != rev(3, hidden) {
		t.Errorf("told is %+v", told)
	}
	h.expectThere("anna", "")
	h.pass(28 * time.Second)
	changed, newer, err := h.node().Beat(t.Context(), []chat.Beat{with(of("anna"), func(b *chat.Beat) { b.Privacy = rev(2, public) })})
	h.ok(err)
	h.expectNone("by one who does not know", changed)
	if newer["anna"] != rev(3, hidden) {
		t.Errorf("the newer ones are %+v", newer)
	}
	if p := h.expectThere("anna", chat.StatusOffline); !p.SeenAt.Equal(then) {
		t.Errorf("%+v is there", p)
	}
	told = h.expect("of one who is not there", h.setPrivacy("ben", rev(3, public), then), chat.StatusOffline, "")
	if !told.SeenAt.IsZero() {
		t.Errorf("told is %+v", told)
	}
	h.expectNone("to lapse", h.lapse(10))
	h.expect("of one who comes", h.beat(of("ben")), chat.StatusOnline, chat.Desktop)
}
