package inmem

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// person is what is known of one person's presence.
type person struct {
	devices []device
	ended   []endedLogin
	seen    time.Time // the last sign of life

	private bool // whether the privacy is known
	privacy chat.Privacy
	frozen  time.Time // what they were seen last while they are invisible

	shown   chat.Presence  // what others may know; without a version nothing was told
	lapsed  *chat.Presence // how their being offline is told, until it is settled
	claimed time.Time      // until when that is somebody's

	keep    time.Time // until when something is remembered though no device is there
	at      time.Time // when something is due
	index   int       // in the queue; -1 outside
	touched bool      // by the beats of this call
}

// device is one device that has a lease.
type device struct {
	login  chat.LoginID
	id     string
	kind   chat.DeviceType
	away   bool
	heard  time.Time
	active time.Time
	held   time.Time // when the beat was told that holds
}

// endedLogin is a login whose beats change nothing for a while.
type endedLogin struct {
	login chat.LoginID
	until time.Time
}

// hasEnded reports whether the login was ended a moment ago; of nobody none was.
func (p *person) hasEnded(l chat.LoginID, now time.Time) bool {
	return p != nil && slices.ContainsFunc(p.ended, func(e endedLogin) bool { return e.login == l && e.until.After(now) })
}

// take takes a sign of life.
func (p *person) take(b chat.Beat, now time.Time) {
	p.lapsed = nil
	if !p.private || b.Privacy.Rev > p.privacy.Rev {
		p.private, p.privacy, p.frozen = true, b.Privacy, time.Time{}
	}
	heard, active := now.Add(-max(b.Heard, 0)), now.Add(-max(b.Active, 0))
	p.seen = later(p.seen, heard)
	i := slices.IndexFunc(p.devices, func(d device) bool { return d.login == b.Login && d.id == b.DeviceID })
	if i < 0 {
		i = len(p.devices)
		p.devices = append(p.devices, device{login: b.Login, id: b.DeviceID})
		defer p.bound()
	}
	d := &p.devices[i]
	d.heard = later(d.heard, heard)
	if active.Before(d.active.Add(-chat.SameActivity)) && now.Sub(d.held) < chat.BeatHolds {
		return
	}
	d.kind, d.away, d.active, d.held = b.Type, b.Away, active, now
}

// bound leaves as many devices as may be known.
func (p *person) bound() {
	if len(p.devices) <= chat.MaxDevices {
		return
	}
	idlest := 0
	for i := range p.devices {
		if p.devices[i].active.Before(p.devices[idlest].active) {
			idlest = i
		}
	}
	p.devices = slices.Delete(p.devices, idlest, idlest+1)
}

// end ends the devices of a login.
func (p *person) end(l chat.LoginID, now time.Time) {
	p.devices = slices.DeleteFunc(p.devices, func(d device) bool { return d.login == l })
	p.ended = slices.DeleteFunc(p.ended, func(e endedLogin) bool { return e.login == l || !e.until.After(now) })
	if len(p.ended) == chat.MaxDevices {
		p.ended = slices.Delete(p.ended, 0, 1)
	}
	p.keep = now.Add(chat.DeviceLease)
	p.ended = append(p.ended, endedLogin{l, p.keep})
}

// expire drops the devices whose lease has ended. With the last of them the person lapses.
func (p *person) expire(now time.Time) {
	if len(p.devices) == 0 {
		return
	}
	p.devices = slices.DeleteFunc(p.devices, func(d device) bool { return !d.heard.Add(chat.DeviceLease).After(now) })
	if len(p.devices) == 0 {
		p.lapsed = &chat.Presence{User: p.shown.User, Status: chat.StatusOffline, SeenAt: p.seen}
		p.claimed = now
		p.shown = chat.Presence{User: p.shown.User, Status: chat.StatusOffline}
	}
}

// public is what others may know; seen is when somebody visible was seen last of whom nothing is there.
func (p *person) public(seen time.Time) chat.Presence {
	shown := chat.Presence{User: p.shown.User, Status: chat.StatusOffline, Privacy: p.privacy}
	switch {
	case p.privacy.Secret():
	case p.privacy.Invisible:
		shown.SeenAt = p.frozen
	case len(p.devices) > 0:
		shown.Status, shown.Device = p.best()
	default:
		shown.SeenAt = seen
	}
	return shown
}

// best is the best status of all devices, and the type of the one that was active last.
func (p *person) best() (chat.Status, chat.DeviceType) {
	status, last := chat.StatusAway, &p.devices[0]
	for i := range p.devices {
		d := &p.devices[i]
		if !d.away {
			status = chat.StatusOnline
		}
		if d.active.After(last.active) {
			last = d
		}
	}
	return status, last.kind
}

// lease is when the last lease ends; zero without one.
func (p *person) lease() (end time.Time) {
	for _, d := range p.devices {
		end = later(end, d.heard.Add(chat.DeviceLease))
	}
	return end
}

// next is when something is due: the end of the last lease, somebody's claim to tell of it, or what is remembered.
func (p *person) next() time.Time {
	switch {
	case len(p.devices) > 0:
		return p.lease()
	case p.lapsed != nil:
		return p.claimed
	}
	return p.keep
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
