package devicestest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

// tooSlow is how long a case may take, whose times are half a second apart at least.
const tooSlow = 400 * time.Millisecond

// anyOrder makes calls in any order and holds them to a model.
func anyOrder(t *testing.T, w World) {
	rapid.Check(timeless{t}, func(rt *rapid.T) {
		m := &model{house: open(rt, w), people: make(map[chat.UserID]*modelled), began: time.Now()}
		for _, u := range everybody {
			m.people[u] = &modelled{privacy: shared, devices: make(map[string]*modelledDevice), ended: make(map[chat.LoginID]time.Duration)}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"beat":    m.beats,
			"end":     m.ends,
			"privacy": m.privacy,
			"pass":    m.passes,
			"lapse":   m.lapses,
			"settle":  m.settles,
			"":        m.check,
		})
	})
}

// timeless is a test that is not asked for its deadline, which it does not tell in a bubble.
type timeless struct{ *testing.T }

var everybody = []chat.UserID{"anna", "ben", "cem"}

// model is what must come out. Its time is what passed so far.
type model struct {
	*house
	people map[chat.UserID]*modelled
	now    time.Duration
	spent  time.Duration // that tests in a bubble let pass
	began  time.Time
}

type modelled struct {
	devices map[string]*modelledDevice
	ended   map[chat.LoginID]time.Duration
	privacy chat.Privacy
	known   time.Duration // until when the privacy is for certain, though no device is there
	claim   *time.Duration
	claimed *chat.Presence // as it was returned to be settled
	shown   string         // "" for whoever was told nothing that still holds
}

type modelledDevice struct {
	login chat.LoginID
	ends  time.Duration
	away  bool
}

// slow reports whether more time passed than was said to.
func (m *model) slow() bool { return time.Since(m.began)-m.spent > tooSlow }

// settleTime ends leases.
func (m *model) settleTime() {
	for _, p := range m.people {
		there := len(p.devices) > 0
		maps.DeleteFunc(p.devices, func(_ string, d *modelledDevice) bool { return d.ends <= m.now })
		maps.DeleteFunc(p.ended, func(_ chat.LoginID, until time.Duration) bool { return until <= m.now })
		if there && len(p.devices) == 0 {
			now := m.now
			p.claim, p.claimed, p.shown = &now, nil, ""
		}
		if len(p.devices) == 0 && p.known <= m.now {
			p.shown = ""
		}
	}
}

func (p *modelled) status() chat.Status {
	switch {
	case len(p.devices) == 0 || p.privacy.Secret() || p.privacy.Invisible:
		return chat.StatusOffline
	case slices.ContainsFunc(slices.Collect(maps.Values(p.devices)), func(d *modelledDevice) bool { return !d.away }):
		return chat.StatusOnline
	}
	return chat.StatusAway
}

func (m *model) someone(t *rapid.T) (chat.UserID, *modelled) {
	u := rapid.SampledFrom(everybody).Draw(t, "user")
	return u, m.people[u]
}

var (
	privacies = []func(*chat.Privacy){public, friendsOnly, hidden, nobody}
	logins    = []chat.LoginID{"first", "second"}
)

func (m *model) beats(t *rapid.T) {
	if m.slow() {
		return
	}
	m.settleTime()
	u, p := m.someone(t)
	b := chat.Beat{
		User: u, Login: rapid.SampledFrom(logins).Draw(t, "login"), DeviceID: rapid.SampledFrom([]string{"", "x"}).Draw(t, "device"),
		Type: chat.Mobile, Away: rapid.Bool().Draw(t, "away"),
		Heard:   time.Duration(rapid.IntRange(0, 32).Draw(t, "heard"))*time.Second + time.Second/2,
		Privacy: p.privacy,
	}
	if stale := rapid.Bool().Draw(t, "stale"); stale && (len(p.devices) > 0 || p.known > m.now) {
		b.Privacy = rev(0, public)
	}
	changed := m.beat(b)
	if b.Heard >= chat.DeviceLease || p.ended[b.Login] > 0 {
		m.expectNone("by a beat that changes nothing", changed)
		return
	}
	key := fmt.Sprint(b.Login, "/", b.DeviceID)
	d := p.devices[key]
	if d == nil {
		d = &modelledDevice{login: b.Login}
		p.devices[key] = d
	}
	d.ends, d.away, p.claim = max(d.ends, m.now+chat.DeviceLease-b.Heard), b.Away, nil
	p.claimed = nil
	m.expectTold("by a beat", p, changed, chat.StatusOffline)
}

// expectTold says that something is told if it is something else than before.
func (m *model) expectTold(when string, p *modelled, told []chat.Presence, before chat.Status) {
	shown := fmt.Sprint(p.status(), p.privacy)
	want := shown != p.shown
	if p.shown == "" {
		want = p.status() != before
	}
	p.shown = shown
	if want {
		if len(told) != 1 || told[0].Status != p.status() || told[0].Privacy != p.privacy {
			m.Fatalf("%s there is told %+v, want %s", when, told, shown)
		}
	} else if len(told) != 0 {
		m.Fatalf("%s there is told %+v, want nothing after %s", when, told, shown)
	}
}

func (m *model) ends(t *rapid.T) {
	if m.slow() {
		return
	}
	m.settleTime()
	u, p := m.someone(t)
	l := rapid.SampledFrom(logins).Draw(t, "login")
	told := m.end(u, l)
	there := len(p.devices) > 0
	maps.DeleteFunc(p.devices, func(_ string, d *modelledDevice) bool { return d.login == l })
	p.ended[l] = m.now + chat.DeviceLease
	if !there {
		m.expectNone("of who was not there", told)
		return
	}
	p.known = max(p.known, m.now+chat.DeviceLease)
	m.expectTold("by signing out", p, told, chat.StatusOffline)
	if len(p.devices) == 0 {
		claim := m.now
		if len(told) > 0 {
			claim += chat.LapseLease
			p.claimed = &told[0]
		}
		p.claim = &claim
	}
}

func (m *model) privacy(t *rapid.T) {
	if m.slow() {
		return
	}
	m.settleTime()
	u, p := m.someone(t)
	privacy := rev(p.privacy.Rev+1, rapid.SampledFrom(privacies).Draw(t, "privacy"))
	told := m.setPrivacy(u, privacy, then)
	p.privacy, p.known = privacy, m.now+chat.DeviceLease
	p.shown = fmt.Sprint(p.status(), p.privacy)
	if len(told) != 1 || told[0].Status != p.status() || told[0].Privacy != privacy {
		m.Fatalf("by a privacy there is told %+v, want %s", told, p.shown)
	}
}

func (m *model) passes(t *rapid.T) {
	if m.slow() {
		return
	}
	by := time.Duration(rapid.IntRange(1, 20).Draw(t, "seconds")) * time.Second
	before := time.Now()
	m.pass(by)
	if took := time.Since(before); took >= by {
		m.spent += by
	}
	m.now += by
}

func (m *model) lapses(*rapid.T) {
	if m.slow() {
		return
	}
	m.settleTime()
	gone := make(map[chat.UserID]chat.Presence)
	for _, p := range m.lapse(10) {
		gone[p.User] = p
	}
	for u, p := range m.people {
		want := p.claim != nil && *p.claim <= m.now
		returned, is := gone[u]
		if is != want && !m.slow() {
			m.Fatalf("%s lapsed: %v, want %v", u, is, want)
		}
		if want {
			claim := m.now + chat.LapseLease
			p.claim, p.claimed = &claim, &returned
		}
	}
}

func (m *model) settles(*rapid.T) {
	if m.slow() {
		return
	}
	m.settleTime()
	for _, p := range m.people {
		if p.claimed != nil {
			m.settle(*p.claimed)
			p.claim, p.claimed = nil, nil
		}
	}
}

// check holds what is there to the model.
func (m *model) check(*rapid.T) {
	if m.slow() {
		return
	}
	m.settleTime()
	there, sure, err := m.node().Presences(context.Background(), everybody)
	m.ok(err)
	if m.slow() {
		return
	}
	for u, p := range m.people {
		found, is := there[u]
		if is != (len(p.devices) > 0) || is && fmt.Sprint(found.Status, found.Privacy) != p.shown || !sure {
			m.Fatalf("%s is there: %v %+v (sure %v), want %d devices, %s", u, is, found, sure, len(p.devices), p.shown)
		}
	}
}
