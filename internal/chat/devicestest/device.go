package devicestest

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// on is a beat of one of anna's devices.
func on(id string, kind chat.DeviceType, active time.Duration, away bool) chat.Beat {
	return with(of("anna"), func(b *chat.Beat) { b.DeviceID, b.Type, b.Active, b.Away = id, kind, active, away })
}

func best(t *testing.T, w World) {
	h := open(t, w)
	h.expect("by one who is away", h.beat(on("1", chat.Mobile, 10*time.Second, true)), chat.StatusAway, chat.Mobile)
	h.expect("by another who is online", h.beat(on("2", chat.Desktop, 20*time.Second, false)), chat.StatusOnline, chat.Mobile)
	h.expect("by activity", h.beat(on("2", chat.Desktop, 5*time.Second, false)), chat.StatusOnline, chat.Desktop)
	h.expectNone("by what is not better", h.beat(on("3", "", 40*time.Second, true)))
	h.expect("when the best is away", h.beat(on("2", chat.Desktop, 3*time.Second, true)), chat.StatusAway, chat.Desktop)
	h.expect("by who does not say what it is", h.beat(on("4", "", 0, false)), chat.StatusOnline, "")
	h.expectThere("anna", chat.StatusOnline)
	h.pass(3 * time.Second)
	h.expect("of several beats at once the outcome", h.beat(
		on("2", chat.Desktop, 0, false), on("4", "", time.Second, true), on("5", chat.Mobile, 10*time.Second, false), on("2", chat.Desktop, 0, true),
	), chat.StatusOnline, chat.Desktop)
}

func oneFallsSilent(t *testing.T, w World) {
	h := open(t, w)
	h.beat(on("1", chat.Desktop, 0, false), on("2", chat.Mobile, time.Minute, true))
	h.pass(20 * time.Second)
	h.expectNone("of the other", h.beat(on("2", chat.Mobile, 80*time.Second, true)))
	h.pass(11 * time.Second)
	h.expectNone("to lapse", h.lapse(10))
	h.expectThere("anna", chat.StatusOnline)
	h.expect("with the next beat", h.beat(on("2", chat.Mobile, 91*time.Second, true)), chat.StatusAway, chat.Mobile)
	h.expectThere("anna", chat.StatusAway)
}

func activeLast(t *testing.T, w World) {
	h := open(t, w)
	h.beat(on("1", chat.Desktop, 10*time.Second, false))
	h.expectNone("by one that was active before", h.beat(on("1", chat.Mobile, 20*time.Second, true)))
	h.expectNone("by one that was active long before", h.beat(on("1", chat.Mobile, time.Hour, true)))
	h.expect("by one of the same activity, as far as ages tell", h.beat(on("1", chat.Mobile, 10*time.Second+chat.SameActivity/2, true)), chat.StatusAway, chat.Mobile)
	h.expect("by one that was active since", h.beat(on("1", chat.Desktop, 5*time.Second, false)), chat.StatusOnline, chat.Desktop)
	h.expectNone("of a beat that does not hold but was heard", h.beat(on("1", chat.Mobile, time.Minute, true)))
	h.pass(12 * time.Second)
	h.expectNone("of a beat that does not hold but was heard", h.beat(on("1", chat.Mobile, time.Minute, true)))
	h.pass(20 * time.Second)
	h.expectNone("to lapse", h.lapse(10))
	h.expectThere("anna", chat.StatusOnline)
}

func holdEnds(t *testing.T, w World) {
	h := open(t, w)
	h.beat(on("1", chat.Desktop, 0, false))
	h.pass(chat.BeatHolds - 2*time.Second)
	h.expectNone("while the other holds", h.beat(on("1", chat.Mobile, time.Minute, true)))
	h.pass(2 * time.Second)
	h.expect("then", h.beat(on("1", chat.Mobile, time.Minute, true)), chat.StatusAway, chat.Mobile)
}

func manyDevices(t *testing.T, w World) {
	h := open(t, w)
	const most, idle = 10_000, 30 * time.Minute
	var beats []chat.Beat
	for i := range most {
		// The later half was active later.
		b := on(fmt.Sprint(i), chat.Mobile, idle-time.Duration(i)*100*time.Millisecond, true)
		b.Login = "of the idle"
		if i >= most-chat.MaxDevices {
			b.Login = "of the busy"
		}
		beats = append(beats, b)
	}
	h.expect("of ten thousand", h.beat(beats...), chat.StatusAway, chat.Mobile)
	h.expectNone("of one that is not known", h.end("anna", "of the idle"))
	h.expectThere("anna", chat.StatusAway)
	h.expect("of all that are known", h.end("anna", "of the busy"), chat.StatusOffline, "")
	h.beat(of("ben"))
	for i := range 2 * chat.MaxDevices {
		h.expectNone("of one that was active before all", h.beat(with(of("ben"), func(b *chat.Beat) {
			b.DeviceID, b.Type, b.Active, b.Away = fmt.Sprint(i), chat.Mobile, time.Minute, true
		})))
	}
	h.expect("of the one that was active last", h.beat(with(of("ben"), func(b *chat.Beat) { b.Away = true })), chat.StatusAway, chat.Desktop)
}

func crowd(t *testing.T, w World) {
	h := open(t, w)
	const people = 1000
	var beats []chat.Beat
	for i := range people {
		u := chat.UserID(fmt.Sprint("person ", i))
		beats = append(beats, of(u))
		if i%3 == 0 {
			beats = append(beats, with(of(u), func(b *chat.Beat) { b.DeviceID, b.Type = "phone", chat.Mobile }))
		}
	}
	for i := range people / 3 {
		beats = append(beats, with(of(chat.UserID(fmt.Sprint("person ", 3*i))), func(b *chat.Beat) { b.DeviceID, b.Type = "phone", chat.Mobile }))
	}
	if changed := h.beat(beats...); len(changed) != people {
		t.Errorf("%d people are told of", len(changed))
	}
	h.expectNone("of the crowd again", h.beat(beats...))
	var users []chat.UserID
	for _, b := range beats {
		users = append(users, b.User)
	}
	there, sure, err := h.node().Presences(t.Context(), users)
	if err != nil || !sure || len(there) != people {
		t.Errorf("%d people are there (sure %v, %v)", len(there), sure, err)
	}
	h.pass(31 * time.Second)
	gone := 0
	for lapsed := h.lapse(300); len(lapsed) > 0; lapsed = h.lapse(300) {
		gone += len(lapsed)
		h.settle(lapsed...)
	}
	if gone != people {
		t.Errorf("%d people lapsed", gone)
	}
}

func oddNames(t *testing.T, w World) {
	h := open(t, w)
	ids := []string{"", " ", `"`, `\`, `"devices":{}`, "|", "a b", "life", "{}"}
	for _, id := range ids {
		h.beat(with(of("anna"), func(b *chat.Beat) { b.DeviceID = id }))
	}
	for _, id := range ids {
		h.beat(with(of("anna"), func(b *chat.Beat) { b.DeviceID, b.Login = id, chat.LoginID("login "+id) }))
	}
	h.expectThere("anna", chat.StatusOnline)
	h.expectNone("of one login of many", h.end("anna", of("anna").Login))
	for i, id := range ids {
		told := h.end("anna", chat.LoginID("login "+id))
		if want := i == len(ids)-1; len(told) == 1 != want {
			t.Errorf("without %q there is told %+v", id, told)
		}
	}
}
