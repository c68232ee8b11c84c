package check_test

import (
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// presences is who is there and who may know it.
type presences struct {
	until            map[string]time.Duration // by client, the end of the lease of who has gone
	seen             map[string]int64         // the last sign of life, µs
	idle             map[string]bool          // by client
	invisible, off   map[string]bool
	sharing          map[string]string
	friends, blocked map[[2]string]bool
}

// showPresence has the model tell who is there.
func (m *model) showPresence() {
	m.presence = &presences{
		until: map[string]time.Duration{}, seen: map[string]int64{}, idle: map[string]bool{}, invisible: map[string]bool{}, off: map[string]bool{},
		sharing: map[string]string{}, friends: map[[2]string]bool{}, blocked: map[[2]string]bool{},
	}
}

// pass lets time go by.
func (m *model) pass(d time.Duration) {
	if m.presence == nil {
		m.now += d
		return
	}
	for end := m.now + d; m.now < end; m.now += 250 * time.Millisecond {
		m.tellPresence()
	}
}

func (m *model) connected(user string) bool {
	return slices.ContainsFunc(m.people, func(p *person) bool { return p.actor.User == user && p.online })
}

// there reports whether somebody is connected, or was a moment ago.
func (m *model) there(user string) bool {
	return slices.ContainsFunc(m.people, func(p *person) bool { return p.actor.User == user && m.counts(p) })
}

func (m *model) counts(p *person) bool { return p.online || m.now < m.presence.until[p.actor.Client] }

// idle reports whether nobody is active on any of their devices.
func (m *model) idle(user string) bool {
	return !slices.ContainsFunc(m.people, func(p *person) bool { return p.actor.User == user && m.counts(p) && !m.presence.idle[p.actor.Client] })
}

func (m *model) users() []string {
	all := map[string]bool{}
	for _, p := range m.people {
		all[p.actor.User] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func (m *model) lets(watcher, user string) bool {
	s := m.presence
	friends := s.friends[[2]string{watcher, user}]
	share := slices.ContainsFunc(m.rooms, func(r *room) bool { return r.in(watcher) && r.in(user) })
	switch {
	case s.off[user], s.sharing[user] == "nobody", s.blocked[[2]string{watcher, user}], s.blocked[[2]string{user, watcher}]:
		return false
	case s.sharing[user] == "friends":
		return friends
	}
	return friends || share
}

// view is what one person is to be shown of another.
func (m *model) view(watcher, user string) check.Presence {
	s := m.presence
	out := check.Presence{User: user, Status: "offline"}
	switch {
	case !m.lets(watcher, user):
	case !s.invisible[user] && m.there(user):
		out.Status, out.Device = "online", "desktop"
		if m.idle(user) {
			out.Status = "away"
		}
	default:
		out.SeenAt = s.seen[user]
	}
	return out
}

// tellPresence tells everybody who is connected what differs from what they were told.
func (m *model) tellPresence() {
	if m.presence == nil {
		return
	}
	for _, p := range m.people {
		if !p.online || p.told == nil {
			continue
		}
		for _, u := range m.users() {
			if v := m.view(p.actor.User, u); u != p.actor.User && p.told[u] != v {
				p.told[u] = v
				p.saw(check.Observation{Event: check.PresenceChanged, Presences: []check.Presence{v}})
			}
		}
	}
}

// comes and goes are the socket's beginning and end.
func (p *person) comes() {
	if p.model.presence == nil {
		return
	}
	p.told = map[string]check.Presence{}
	o := check.Observation{Event: check.PresenceState}
	for _, u := range p.model.users() {
		if u != p.actor.User {
			p.told[u] = p.model.view(p.actor.User, u)
			o.Presences = append(o.Presences, p.told[u])
		}
	}
	p.saw(o)
	p.model.tellPresence()
}

func (p *person) goes() {
	s, user := p.model.presence, p.actor.User
	if s == nil {
		return
	}
	s.until[p.actor.Client] = p.model.now + 30*time.Second
	s.idle[p.actor.Client] = s.idle[p.actor.Client] && !p.left
	if !s.invisible[user] {
		s.seen[user] = p.model.at().UnixMicro()
	}
}

// leave ends the wish for a connection; with the next connect another one begins.
func (p *person) leave() {
	if !p.online {
		return
	}
	p.online, p.left, p.queue, p.current = false, true, nil, map[string]bool{}
	p.actor.Session, p.actor.Node = "", ""
	p.goes()
	p.model.done(p, check.Operation{Op: check.Disconnect})
}

// logout ends the login, and with it the connection.
func (p *person) logout() {
	o := p.model.begin(p, check.Operation{Op: check.Logout})
	p.online, p.left, p.queue, p.current = false, true, nil, map[string]bool{}
	p.actor.Session, p.actor.Node = "", ""
	p.goes()
	p.model.presence.until[p.actor.Client] = p.model.now
	p.model.end(o, check.OK)
	p.model.done(p, check.Operation{Op: check.Disconnect})
}

func (p *person) hide(invisible bool) {
	status, s := "online", p.model.presence
	if invisible {
		status = "invisible"
	}
	o := p.model.begin(p, check.Operation{Op: check.Appear, Status: status})
	if invisible && !s.invisible[p.actor.User] && p.model.connected(p.actor.User) {
		s.seen[p.actor.User] = p.model.at().UnixMicro()
	}
	s.invisible[p.actor.User] = invisible
	p.model.end(o, check.OK)
}

func (p *person) rest(idle bool) {
	if !p.online {
		return
	}
	o := p.model.begin(p, check.Operation{Op: check.Idle, On: idle, Async: true})
	p.model.presence.idle[p.actor.Client] = idle
	p.model.end(o, check.Info)
}

func (p *person) share(with string) {
	o := p.model.begin(p, check.Operation{Op: check.Sharing, Status: with})
	if p.model.presence.off[p.actor.User] = with == "off"; with != "off" {
		p.model.presence.sharing[p.actor.User] = with
	}
	p.model.end(o, check.OK)
}

func (p *person) befriend(user string, friends bool) {
	o := p.model.begin(p, check.Operation{Op: check.Befriend, People: []string{user}, Status: "friends"})
	if !friends {
		o.Op, o.Status = check.Unfriend, ""
	}
	p.model.presence.friends[[2]string{user, p.actor.User}] = friends
	p.model.presence.friends[[2]string{p.actor.User, user}] = friends
	p.model.end(o, check.OK)
}

func (p *person) block(user string, blocked bool) {
	o := p.model.begin(p, check.Operation{Op: check.Block, People: []string{user}})
	if !blocked {
		o.Op = check.Unblock
	} else {
		p.model.presence.friends[[2]string{user, p.actor.User}] = false
		p.model.presence.friends[[2]string{p.actor.User, user}] = false
	}
	p.model.presence.blocked[[2]string{p.actor.User, user}] = blocked
	p.model.end(o, check.OK)
}

// types tells the others in a room that somebody types, who is not invisible.
func (p *person) types(r *room) {
	for _, q := range p.model.people {
		if q.online && q.current[r.id] && q.actor.User != p.actor.User && !p.model.presence.invisible[p.actor.User] {
			q.saw(check.Observation{Event: check.Typing, Conversation: r.id, Peer: p.actor.User})
		}
	}
}
