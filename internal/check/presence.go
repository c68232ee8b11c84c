package check

import (
	"maps"
	"slices"
	"time"
)

// told visits every word that connections were told of others, with the one before it on the same connection, or nil.
func (x *index) told(visit func(l *life, user string, before *word, w word)) {
	for _, l := range x.people.lives {
		for _, user := range slices.Sorted(maps.Keys(l.words)) {
			if user == l.user {
				continue
			}
			all := l.words[user]
			for i := range all {
				var before *word
				if i > 0 {
					before = &all[i-1]
				}
				visit(l, user, before, all[i])
			}
		}
	}
}

// watching visits every connection of others that lasted from one moment to another.
func (x *index) watching(user string, from, to time.Duration, visit func(*life)) {
	for _, l := range x.people.lives {
		if l.from > from {
			break
		}
		if l.user != user && l.to >= to {
			visit(l)
		}
	}
}

// presenceOnce: a connection is never told the same of somebody twice in a row, nor of one departure twice, apart from a full
// state (C7.5).
func presenceOnce(x *index, f *finding) {
	x.told(func(l *life, user string, before *word, w word) {
		if w.from.Event != PresenceChanged {
			return
		}
		f.Checked++
		switch {
		case before == nil:
		case *before.Presence == *w.Presence:
			f.violated(x, nil, []source{before.source(), w.source()}, "the same was told twice of somebody's presence")
		case !before.there() && !w.there() && before.from.Event == PresenceChanged && w.SeenAt != 0 &&
			!x.unsettled(l.user, user, x.aware(before.from.At), w.from.At) && !x.wished(user, before.from.At-x.b.There, w.from.At):
			f.violated(x, nil, []source{before.source(), w.source()}, "one departure was told twice")
		}
	})
}

// wished reports whether somebody wanted a connection at any time between two moments.
func (x *index) wished(user string, from, to time.Duration) bool {
	return slices.ContainsFunc(x.people.wishes[user], func(w wish) bool { return w.from <= to && w.to >= from })
}

// thereIsNotOffline: nobody is told to be offline while they are connected, nor before their lease has ended after it (C7.1, C7.5).
func thereIsNotOffline(x *index, f *finding) {
	x.told(func(l *life, user string, before *word, w word) {
		at := w.from.At
		if w.there() {
			return
		}
		aware := x.aware(at)
		kept := x.kept(user, aware, at)
		if kept == nil || !x.visible(l.user, user, aware, at) || x.interrupted(kept, at) {
			return
		}
		if knew := before != nil && before.there(); !knew && x.unknown(at) {
			return
		}
		f.Checked++
		records := []source{saw(kept.began), kept.ended, w.source()}
		if before != nil {
			records = append(records, before.source())
		}
		if at <= kept.to {
			f.violated(x, nil, records, "somebody was told to be offline while they were connected")
			return
		}
		f.violated(x, nil, records, "somebody was told to be offline %v after their last connection, before their lease of %v had ended",
			short(at-kept.to), short(x.lease(kept)))
	})
	// What was told rightly was looked at too.
	x.told(func(_ *life, _ string, _ *word, w word) {
		if w.there() {
			f.Checked++
		}
	})
}

// early is by how much a lease may seem to end before its time: a client notices the end of a connection a little later
// than the server.
const early = 2 * time.Second

// kept returns a connection by which somebody surely is there at a moment, and was when everybody had heard of it.
func (x *index) kept(user string, aware, at time.Duration) *life {
	for _, l := range x.people.byUser[user] {
		if l.from <= aware && l.from+x.bound(l.from, at) <= at && at < l.until-early {
			return l
		}
	}
	return nil
}

// bound is how long after a connect its person may be told to be offline.
func (x *index) bound(from, to time.Duration) time.Duration {
	if x.calm(from, to) {
		return x.b.There
	}
	return x.b.There + unsure
}

// unsure is by how much longer it may take while something is broken, and for a connection that has just begun: its full state may wait
// until more is known.
const unsure = 3 * time.Second

// presenceInTime: who comes is told to be there, and who goes to be offline, in time (C7.1, C7.3).
func presenceInTime(x *index, f *finding) {
	for _, l := range x.people.lives {
		arrives(x, f, l)
	}
	for _, user := range slices.Sorted(maps.Keys(x.people.wishes)) {
		for i := range x.people.wishes[user] {
			departs(x, f, user, &x.people.wishes[user][i])
		}
	}
}

func arrives(x *index, f *finding, came *life) {
	bound := x.bound(came.from, came.from+x.b.There)
	by := x.lateBy(came.from, came.from+bound, x.b.Rebuilt)
	if came.to < by || came.until < by {
		return
	}
	aware := min(x.aware(by), came.from)
	x.watching(came.user, by-x.b.There-unsure, by, func(l *life) {
		if !x.visible(l.user, came.user, aware, by) {
			return
		}
		f.Checked++
		if w := l.at(came.user, by); w == nil || !w.there() {
			records := []source{saw(came.began), saw(l.began)}
			if w != nil {
				records = append(records, w.source())
			}
			f.violated(x, nil, records, "%s was not told within %v that user %s is there", l.began.Client, short(by-came.from), came.user)
		}
	})
}

func departs(x *index, f *finding, user string, w *wish) {
	if w.ended == nil {
		return
	}
	by := x.lateBy(w.to, w.gone, x.b.Gone)
	if by > x.h.Run.Ended || x.mayStay(user, w, by) {
		return
	}
	x.watching(user, by, by, func(l *life) {
		last := l.at(user, by)
		if last == nil {
			return
		}
		f.Checked++
		if last.there() {
			f.violated(x, nil, []source{did(w.ended), last.source()}, "%s was still told that user %s is there, %v after they had gone",
				l.began.Client, user, short(by-w.to))
		}
	})
}

// mayStay reports whether another wish than one that ended has somebody be there at a moment.
func (x *index) mayStay(user string, but *wish, at time.Duration) bool {
	for i := range x.people.wishes[user] {
		w := &x.people.wishes[user][i]
		if w != but && w.from <= at && at <= x.lateBy(w.to, w.gone, x.b.Gone) {
			return true
		}
	}
	return false
}

// noResurrection: nobody is told to be there who did not connect (C7.3).
func noResurrection(x *index, f *finding) {
	x.told(func(l *life, user string, before *word, w word) {
		at := w.from.At
		if !w.there() {
			return
		}
		f.Checked++
		switch {
		case !x.mayBeThere(user, at):
			f.violated(x, nil, append(x.lastOf(user, at), w.source()), "somebody was told to be there who has gone")
		case before != nil && !before.there() && !x.wished(user, before.from.At-x.b.There, at) && x.visible(l.user, user, x.aware(before.from.At), at):
			f.violated(x, nil, append(x.lastOf(user, at), before.source(), w.source()), "somebody was told to be offline, and to be there again without a connect")
		}
	})
}

// lastOf is the end of somebody's last wish to be connected before a moment.
func (x *index) lastOf(user string, at time.Duration) []source {
	var out []source
	for _, w := range x.people.wishes[user] {
		if w.ended != nil && w.to <= at {
			out = []source{did(w.ended)}
		}
	}
	return out
}

// presenceConverges: when all is settled, what each connection was told last of everybody is true (I10).
func presenceConverges(x *index, f *finding) {
	at := x.h.Run.Settled
	if at == 0 {
		return
	}
	users := slices.Sorted(maps.Keys(x.people.wishes))
	aware := x.aware(at)
	for _, l := range x.people.lives {
		if l.to < at || l.from > at-x.bound(l.from, at) {
			continue
		}
		for _, user := range users {
			if user != l.user {
				converges(x, f, l, user, aware, at)
			}
		}
	}
}

func converges(x *index, f *finding, l *life, user string, aware, at time.Duration) {
	w := l.at(user, at)
	hidden, _ := x.hidden(user, aware, at)
	_, maybe := x.lets(l.user, user, aware, at)
	if hidden || !maybe || !x.mayBeThere(user, at) {
		f.Checked++
		if w != nil && w.there() {
			f.violated(x, nil, append(x.lastOf(user, at), w.source()), "%s ended with user %s being %s, who is offline to them", l.began.Client, user, w.Status)
		}
		return
	}
	there := x.thereAt(user, aware, at)
	if there == nil || !x.visible(l.user, user, aware, at) {
		return
	}
	f.Checked++
	switch want := x.statusOf(there, at); {
	case w == nil:
		f.violated(x, nil, []source{saw(there.began), saw(l.began)}, "%s was never told that user %s is there", l.began.Client, user)
	case !w.there():
		f.violated(x, nil, []source{saw(there.began), w.source()}, "%s ended with user %s being offline, who is there", l.began.Client, user)
	case want != "" && w.Status != want:
		f.violated(x, nil, []source{saw(there.began), w.source()}, "%s ended with user %s being %s, who is %s", l.began.Client, user, w.Status, want)
	}
}

// thereAt returns a connection that has somebody be there at a moment, and that everybody must have heard of.
func (x *index) thereAt(user string, aware, at time.Duration) *life {
	for _, l := range x.people.byUser[user] {
		if l.from <= aware && l.to >= at && l.until >= at && x.lateBy(l.from, l.from+x.bound(l.from, at), x.b.Rebuilt) <= at {
			return l
		}
	}
	return nil
}

// idleAfter is how long somebody who does nothing is online at least; 5 minutes, and a bit for when it began (C7.1).
const idleAfter = 4*time.Minute + 30*time.Second

// statusOf is what somebody with one client that is connected must be shown as; "" when that is not known.
func (x *index) statusOf(l *life, at time.Duration) string {
	var only *wish
	for i := range x.people.wishes[l.user] {
		if w := &x.people.wishes[l.user][i]; w.from <= at && w.gone >= at {
			if only != nil {
				return ""
			}
			only = w
		}
	}
	if only == nil {
		return ""
	}
	// What was said since the wish before holds for this one: a client remembers it until it is connected.
	from := time.Duration(0)
	for _, w := range x.people.wishes[l.user] {
		if w.began.Client == l.began.Client && w.from < only.from {
			from = max(from, w.to)
		}
	}
	status, since := "online", l.from
	for _, s := range x.streams {
		if s.client != l.began.Client {
			continue
		}
		for _, o := range s.did {
			if o.Begin < from || o.Begin > at {
				continue
			}
			switch o.Op {
			case Idle, Appear:
				if o.End+x.b.There > at || o.Result == OK && o.Op == Appear || o.Status == "invisible" {
					// Over REST it says nothing of the device.
					return ""
				}
				status, since = "online", o.Begin
				if o.On || o.Status == "away" {
					status = "away"
				}
			case Send, Edit, Delete, MarkRead, Type:
				if status == "away" {
					return ""
				}
				since = o.Begin
			}
		}
	}
	if status == "online" && since+idleAfter < at {
		return ""
	}
	return status
}

// unknownToStrangers: who may not know of somebody's presence is told nothing but that they are offline (C7.4).
func unknownToStrangers(x *index, f *finding) {
	x.told(func(l *life, user string, _ *word, w word) {
		if !w.there() && w.SeenAt == 0 {
			return
		}
		f.Checked++
		at := w.from.At
		if _, maybe := x.lets(l.user, user, x.aware(at), at); !maybe {
			f.violated(x, nil, append(x.closed(l.user, user, at), w.source()), "somebody was told of a presence of which they may not know")
		}
	})
}

// closed are the last of what says that one person may not know of another.
func (x *index) closed(watcher, user string, at time.Duration) (out []source) {
	s := x.sight
	for _, r := range []*register{s.enabled[user], s.sharing[user], s.friends[pairOf(watcher, user)], s.blocked[blocking{watcher, user}], s.blocked[blocking{user, watcher}]} {
		if r == nil {
			continue
		}
		var last *Operation
		for _, w := range r.writes {
			if w.begin <= at {
				last = w.from
			}
		}
		if last != nil {
			out = append(out, did(last))
		}
	}
	return out
}
