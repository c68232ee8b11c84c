package check

import (
	"cmp"
	"slices"
	"time"
)

// The values of the facts that say who may know of whom.
const (
	yes = "yes"
	no  = "no"
)

// pair is two people, in the order of their ids.
type pair struct{ low, high string }

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

// blocking is that one person has blocked another.
type blocking struct{ by, other string }

// place is of somebody in a conversation.
type place struct {
	conversation *conversation
	user         string
}

// sight is who may know of whose presence (C7.4).
type sight struct {
	invisible map[string]*register // by user
	enabled   map[string]*register
	sharing   map[string]*register
	friends   map[pair]*register
	blocked   map[blocking]*register
	seats     map[place]*register
	rooms     map[string][]*conversation // by user, the largest first: in which they were or may have been
}

func newSight(x *index) *sight {
	s := &sight{
		invisible: make(map[string]*register), enabled: make(map[string]*register), sharing: make(map[string]*register),
		friends: make(map[pair]*register), blocked: make(map[blocking]*register), seats: make(map[place]*register), rooms: make(map[string][]*conversation),
	}
	selves := x.selves()
	for i := range x.h.Operations {
		if o := &x.h.Operations[i]; o.Result != Fail {
			s.take(o, selves)
		}
	}
	for _, c := range x.ordered {
		s.takeRoom(c)
	}
	for _, rooms := range s.rooms {
		slices.SortStableFunc(rooms, func(a, b *conversation) int { return cmp.Compare(len(b.people), len(a.people)) })
	}
	return s
}

// of returns the register of a key, with the value that it had before anything was written.
func of[K comparable](all map[K]*register, key K, initial string) *register {
	r := all[key]
	if r == nil {
		r = &register{initial: initial}
		all[key] = r
	}
	return r
}

// take takes in what an operation changes.
func (s *sight) take(o *Operation, selves map[string][]*Observation) {
	switch o.Op {
	case Appear:
		value := no
		if o.Status == "invisible" {
			value = yes
		}
		w := writeOf(o, value)
		if shown := confirmed(o, selves[o.User], w.end); shown != nil {
			w.sure, w.end = true, shown.At
		}
		of(s.invisible, o.User, no).add(w)
	case Sharing:
		if o.Status == "off" {
			of(s.enabled, o.User, yes).add(writeOf(o, no))
			return
		}
		of(s.enabled, o.User, yes).add(writeOf(o, yes))
		of(s.sharing, o.User, "everyone").add(writeOf(o, o.Status))
	case Befriend:
		// Who only asks was no friend before either.
		if o.Result == OK && o.Status != "friends" {
			return
		}
		of(s.friends, pairOf(o.User, o.People[0]), no).add(writeOf(o, yes))
	case Unfriend:
		of(s.friends, pairOf(o.User, o.People[0]), no).add(writeOf(o, no))
	case Block:
		of(s.friends, pairOf(o.User, o.People[0]), no).add(writeOf(o, no))
		of(s.blocked, blocking{o.User, o.People[0]}, no).add(writeOf(o, yes))
	case Unblock:
		of(s.blocked, blocking{o.User, o.People[0]}, no).add(writeOf(o, no))
	}
}

// confirmed is the first time that one of a person's own connections was told what they had asked for.
func confirmed(o *Operation, told []*Observation, before time.Duration) *Observation {
	if o.Result == OK {
		return nil
	}
	for _, t := range told {
		if t.Serial > o.Called && t.At <= before && t.self().Status == o.Status {
			return t
		}
	}
	return nil
}

// self is what a connection was told of its own person.
func (o *Observation) self() Presence {
	for _, p := range o.Presences {
		if p.User == o.User {
			return p
		}
	}
	return Presence{}
}

// selves is what people's connections were told of themselves, by user.
func (x *index) selves() map[string][]*Observation {
	out := make(map[string][]*Observation)
	for i := range x.h.Observations {
		if o := &x.h.Observations[i]; o.Event == PresenceChanged && o.self().User != "" {
			out[o.User] = append(out[o.User], o)
		}
	}
	return out
}

// takeRoom takes in who was in a conversation. Whoever drops a group may have ended it for all.
func (s *sight) takeRoom(c *conversation) {
	for user, m := range c.people {
		initial := no
		if c.created == nil {
			initial = "unknown"
		}
		r := of(s.seats, place{c, user}, initial)
		for _, o := range m.came {
			r.add(writeOf(o, yes))
		}
		for _, o := range m.may {
			r.add(writeOf(o, no))
		}
		for _, o := range c.roster {
			if o.Op == Drop && c.isGroup() && o.User != user {
				w := writeOf(o, no)
				w.sure = false
				r.add(w)
			}
		}
		s.rooms[user] = append(s.rooms[user], c)
	}
}

// shares reports whether two people surely were in a conversation together all the time from a to b; maybe whether they
// may have been at any time.
func (s *sight) shares(x *index, u, v string, a, b time.Duration) (surely, maybe bool) {
	for _, o := range x.unnamed {
		if o.Begin <= b && o.joins(u) && o.joins(v) {
			maybe = true
		}
	}
	for _, c := range s.rooms[u] {
		if c.people[v] == nil {
			continue
		}
		one, other := s.seats[place{c, u}], s.seats[place{c, v}]
		if one.always(yes, a, b) && other.always(yes, a, b) && c.active(a) {
			return true, true
		}
		isIn := func(r *register) bool { return r.may(yes, a, b) || r.may("unknown", a, b) }
		maybe = maybe || isIn(one) && isIn(other)
	}
	return false, maybe
}

func (o *Operation) joins(user string) bool {
	return o.User == user || slices.Contains(o.People, user)
}

// active reports whether something was surely sent before the moment given: of what nobody ever wrote in nobody is watched.
func (c *conversation) active(at time.Duration) bool {
	return len(c.reached) > 0 && c.reached[0].highest.End <= at
}

// lets reports whether a watcher surely may know of a person's presence, and watches it, all the time from a to b; maybe
// whether they may have been let at any time. Whether the person is invisible is another matter.
func (x *index) lets(watcher, user string, a, b time.Duration) (surely, maybe bool) {
	s := x.sight
	enabled, sharing := of(s.enabled, user, yes), of(s.sharing, user, "everyone")
	friends := of(s.friends, pairOf(watcher, user), no)
	one, other := of(s.blocked, blocking{watcher, user}, no), of(s.blocked, blocking{user, watcher}, no)
	if !enabled.may(yes, a, b) || one.always(yes, a, b) || other.always(yes, a, b) {
		return false, false
	}
	shares, mayShare := s.shares(x, watcher, user, a, b)
	mayBeFriends, areFriends := friends.may(yes, a, b), friends.always(yes, a, b)
	maybe = sharing.may("everyone", a, b) && (mayShare || mayBeFriends) || sharing.may("friends", a, b) && mayBeFriends
	surely = enabled.always(yes, a, b) && one.always(no, a, b) && other.always(no, a, b) && !sharing.may("nobody", a, b) &&
		(areFriends || shares && sharing.always("everyone", a, b))
	return surely, maybe
}

// hidden reports whether a person surely was invisible all the time from a to b; shown whether they surely were not.
func (x *index) hidden(user string, a, b time.Duration) (hidden, shown bool) {
	r := of(x.sight.invisible, user, no)
	return r.always(yes, a, b), r.always(no, a, b)
}

// visible reports whether a watcher surely is to be shown a person as they are.
func (x *index) visible(watcher, user string, a, b time.Duration) bool {
	if _, shown := x.hidden(user, a, b); !shown {
		return false
	}
	surely, _ := x.lets(watcher, user, a, b)
	return surely
}

// unsettled reports whether anything that says what a watcher may know of a person may have changed from a to b.
func (x *index) unsettled(watcher, user string, a, b time.Duration) bool {
	s := x.sight
	for _, r := range []*register{
		s.invisible[user], s.enabled[user], s.sharing[user], s.friends[pairOf(watcher, user)],
		s.blocked[blocking{watcher, user}], s.blocked[blocking{user, watcher}],
	} {
		if r != nil && r.written(a, b) {
			return true
		}
	}
	for _, c := range s.rooms[user] {
		if c.people[watcher] != nil && (s.seats[place{c, user}].written(a, b) || s.seats[place{c, watcher}].written(a, b)) {
			return true
		}
	}
	return false
}
