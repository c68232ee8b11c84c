package check

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// life is one socket of a person, as its client saw it.
type life struct {
	began    *Observation // Online
	user     string
	node     string
	from, to time.Duration
	ended    source // what ended it; nothing for one that lasted
	// until is until when the person at least is there by it.
	until time.Duration
	// words are what this socket was told of everybody, by user, in order.
	words map[string][]word
}

// word is what a socket was told of somebody.
type word struct {
	*Presence
	from *Observation
}

func (w word) there() bool    { return w.Status != "offline" }
func (w word) source() source { return source{saw: w.from, told: w.Presence} }

// wish is a stretch in which a client wanted a connection: its person may be there in it.
type wish struct {
	from, to time.Duration
	// gone is from when on the person may not be told to be there by it.
	gone  time.Duration
	began *Operation
	ended *Operation
}

// people are everybody's connections.
type people struct {
	lives  []*life            // by their beginning
	byUser map[string][]*life // by their beginning
	wishes map[string][]wish  // by user, by their beginning
}

// takePeople makes everybody's connections out of what was done and seen.
func (x *index) takePeople() {
	x.people = people{byUser: make(map[string][]*life), wishes: make(map[string][]wish)}
	if !x.speaksOfPresence() {
		return
	}
	for _, s := range x.streams {
		x.people.takeStream(x, s)
	}
	byBeginning := func(a, b *life) int { return cmp.Compare(a.began.Serial, b.began.Serial) }
	slices.SortFunc(x.people.lives, byBeginning)
	for user := range x.people.byUser {
		slices.SortFunc(x.people.byUser[user], byBeginning)
		slices.SortFunc(x.people.wishes[user], func(a, b wish) int { return cmp.Compare(a.from, b.from) })
	}
}

// speaksOfPresence reports whether anybody was told of anybody's presence: not all programs listen to it.
func (x *index) speaksOfPresence() bool {
	return slices.ContainsFunc(x.h.Observations, func(o Observation) bool { return len(o.Presences) > 0 })
}

// takeStream takes in the connections of one client.
func (p *people) takeStream(x *index, s *stream) {
	var current *life
	end := func(at time.Duration, from source) {
		if current != nil {
			current.to, current.ended = at, from
			current = nil
		}
	}
	did := 0
	// leave takes in what the client did before a serial number: whether it wanted a connection.
	leave := func(before int64) {
		for ; did < len(s.did) && s.did[did].Called < before; did++ {
			switch o := s.did[did]; o.Op {
			case Connect:
				p.wishes[o.User] = append(p.wishes[o.User], wish{from: o.Begin, to: x.h.Run.Ended, gone: x.h.Run.Ended, began: o})
			case Disconnect:
				p.leave(x, o)
				end(o.Begin, source{did: o})
			case Logout:
				// A login that was to be ended may have been at any time from then on, and with it all of its devices.
				for _, l := range p.byUser[o.User] {
					if l.began.Client == o.Client {
						l.until = min(l.until, o.Begin)
					}
				}
				p.logout(x, o)
			}
		}
	}
	for _, o := range s.saw {
		leave(o.Serial)
		switch o.Event {
		case Online:
			end(o.At, saw(o))
			current = &life{began: o, user: o.User, node: o.Node, from: o.At, to: x.h.Run.Ended, until: math.MaxInt64, words: make(map[string][]word)}
			p.lives = append(p.lives, current)
			p.byUser[o.User] = append(p.byUser[o.User], current)
		case Offline:
			end(o.At, saw(o))
		case PresenceState, PresenceChanged:
			if current == nil {
				continue
			}
			for i := range o.Presences {
				told := &o.Presences[i]
				current.words[told.User] = append(current.words[told.User], word{told, o})
			}
		}
	}
	leave(1 << 62)
	for _, l := range p.byUser[s.user()] {
		if l.began.Client == s.client {
			l.until = min(l.until, l.to+x.lease(l))
		}
	}
}

// leave notes that a client does not want a connection any more.
func (p *people) leave(x *index, o *Operation) {
	if w := p.wish(o); w != nil {
		w.to, w.ended, w.gone = o.End, o, min(w.gone, o.End+x.b.Gone)
	}
}

// logout notes that a login has ended.
func (p *people) logout(x *index, o *Operation) {
	if w := p.wish(o); w != nil && o.Result == OK {
		w.to, w.ended, w.gone = min(w.to, o.End), o, min(w.gone, o.End+x.b.Left)
	}
}

// wish is the client's last one.
func (p *people) wish(o *Operation) *wish {
	all := p.wishes[o.User]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].began.Client == o.Client {
			return &all[i]
		}
	}
	return nil
}

// lease is how long after the end of a socket its person is there at least.
func (x *index) lease(l *life) time.Duration {
	for _, f := range x.faults {
		if f.Target == l.node && f.From <= l.to+time.Second && l.to <= f.To+time.Second {
			return x.b.Bereft
		}
	}
	return x.b.Lease
}

// at returns what a socket was told of somebody last at a moment, by the end of it; nil for nothing.
func (l *life) at(user string, moment time.Duration) *word {
	all := l.words[user]
	i, _ := slices.BinarySearchFunc(all, moment, func(w word, at time.Duration) int {
		if w.from.At <= at {
			return -1
		}
		return 1
	})
	if i == 0 {
		return nil
	}
	return &all[i-1]
}

// mayBeThere reports whether a person may be told at a moment to be there: they are connected or wish to be, or were not
// long enough ago.
func (x *index) mayBeThere(user string, at time.Duration) bool {
	for _, w := range x.people.wishes[user] {
		if w.from <= at && at <= x.lateBy(w.to, w.gone, x.b.Gone) {
			return true
		}
	}
	return false
}

// lateBy is until when something may be told that happened at a moment and is told by another one: each fault in between
// under which not everybody hears puts it off, until so long after its end.
func (x *index) lateBy(happened, by, after time.Duration) time.Duration {
	for moved := true; moved; {
		moved = false
		for _, f := range x.deaf {
			if f.from <= by && f.to >= happened && f.to+after > by {
				by, moved = f.to+after, true
			}
		}
	}
	return by
}

// aware returns the latest moment of which everybody has surely heard by the one given: since then a second passed in
// which nothing kept them from it. -1 when there was none.
func (x *index) aware(at time.Duration) time.Duration {
	const heard = time.Second
	bound := heard + x.b.Slack
	for i := len(x.deafened) - 1; i >= 0; i-- {
		d := x.deafened[i]
		if d.from >= at {
			continue
		}
		if at-d.to >= bound {
			break
		}
		at = d.from
	}
	if at < bound {
		return -1
	}
	return at - bound
}

// interrupted reports whether signs of life may have been kept back for so long before a moment that their leases ended, or
// were forgotten: who is connected says at once that they are, who is not is forgotten for good.
func (x *index) interrupted(kept *life, at time.Duration) bool {
	total := time.Duration(0)
	from := min(kept.from, at-2*x.b.Lease)
	for _, l := range x.lapsing {
		if part := min(l.to, at) - max(l.from, from); part > 0 {
			total += part
		}
	}
	if total >= x.b.Unrenewed {
		return true
	}
	forgotten := x.b.Lease
	if at <= kept.to {
		forgotten = x.b.There + unsure
	}
	return slices.ContainsFunc(x.emptied, func(e span) bool { return e.from <= at && at <= e.to+forgotten })
}

// unknown reports whether a connection that knew nothing may have been told nothing true at a moment: what everybody hears of
// was away, or was a while ago.
func (x *index) unknown(at time.Duration) bool {
	return slices.ContainsFunc(x.deaf, func(d span) bool { return d.from <= at && at <= d.to+x.b.Rebuilt })
}
