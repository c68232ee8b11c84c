package check

import (
	"cmp"
	"slices"
)

// newestCounted is how many messages of a large conversation have their readers counted live (C6.3).
const newestCounted = 50

// countsExact: "read by N" never counts more people than can have read the message, does not go back, and counts exactly
// those that are stored as its readers when all is settled (C6.1).
func countsExact(x *index, f *finding) {
	for _, s := range x.streams {
		last := make(map[*conversation]*Observation)
		for _, o := range s.saw {
			if o.Event != ReadCounted {
				continue
			}
			c := x.conversation(o.Conversation)
			if c.created != nil {
				neverTooMany(x, f, c, o)
			}
			if before := last[c]; before != nil {
				neverFewer(x, f, c, before, o)
			}
			last[c] = o
		}
	}
	x.whileLive(func(s *stream, c *conversation, h *held) {
		if c.in() >= x.b.Large && len(c.rows) > 0 && !x.someKeepBack(c) {
			countedAsStored(x, f, s, c, h)
		}
	})
}

// neverTooMany holds counts against how far everybody can have read when they were told.
func neverTooMany(x *index, f *finding, c *conversation, o *Observation) {
	type place struct {
		user string
		seq  int64
	}
	places := make([]place, 0, len(c.reaches))
	for user := range c.reaches {
		places = append(places, place{user, x.mayBeAt(c, user, o.Serial)})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.seq, b.seq) })
	for _, counted := range o.Counts {
		m := c.messages[counted.Message]
		if m == nil {
			continue
		}
		f.Checked++
		from, _ := slices.BinarySearchFunc(places, m.Seq, func(p place, seq int64) int { return cmp.Compare(p.seq, seq) })
		most := int64(len(places) - from)
		if slices.ContainsFunc(places[from:], func(p place) bool { return p.user == m.Sender }) {
			most--
		}
		if counted.Readers > most {
			f.violated(x, c, []source{m.first, saw(o)}, "a message was read by %d, and only %d can have let anybody know that they have", counted.Readers, most)
			return
		}
	}
}

// neverFewer holds counts against those that the same client was told before: fewer have read a message only when somebody
// has left meanwhile, or lets nobody know any more.
func neverFewer(x *index, f *finding, c *conversation, before, o *Observation) {
	if !apart(x.uncounted, before.At, o.At) || c.mayHaveLost(x, before, o) {
		return
	}
	was := make(map[string]int64, len(before.Counts))
	for _, counted := range before.Counts {
		was[counted.Message] = counted.Readers
	}
	for _, counted := range o.Counts {
		if f.Checked++; counted.Readers < was[counted.Message] {
			f.violated(x, c, []source{saw(before), saw(o)}, "a message was read by %d and then by %d, and nobody left", was[counted.Message], counted.Readers)
			return
		}
	}
}

// mayHaveLost reports whether somebody may have left, or may have begun to let nobody know, around the time between two
// observations.
func (c *conversation) mayHaveLost(x *index, before, o *Observation) bool {
	between := func(did *Operation) bool {
		return did.Result != Fail && did.Called < o.Serial && (did.Returned > before.Serial || did.End+x.b.Recovery > before.At)
	}
	for _, m := range c.people {
		if slices.ContainsFunc(m.may, between) {
			return true
		}
		if slices.ContainsFunc(x.switches[m.user], func(did *Operation) bool { return !did.On && between(did) }) {
			return true
		}
	}
	return false
}

func countedAsStored(x *index, f *finding, s *stream, c *conversation, h *held) {
	if h.counts == nil {
		f.Checked++
		f.violated(x, c, []source{saw(s.last[c].began), said("client %s follows a conversation of %d people", s.client, c.in())}, "a client that follows was not told how many have read what")
		return
	}
	told := make(map[string]int64, len(h.counts.Counts))
	for _, counted := range h.counts.Counts {
		told[counted.Message] = counted.Readers
	}
	for i := range c.rows[max(0, len(c.rows)-newestCounted):] {
		row := &c.rows[max(0, len(c.rows)-newestCounted)+i]
		f.Checked++
		readers := c.readers(row.Sender, row.Seq)
		got, known := told[row.Message]
		if known && got == int64(len(readers)) {
			continue
		}
		records := []source{stored(row), saw(h.counts)}
		for _, user := range sorted(readers) {
			records = append(records, said("stored: user %s has read up to seq %d and lets others know", user, c.shownAt(c.people[user])))
		}
		if !known {
			f.violated(x, c, records, "a client ended without the readers of the message at seq %d", row.Seq)
		} else {
			f.violated(x, c, records, "a client ended with %d readers of the message at seq %d; %d are stored", got, row.Seq, len(readers))
		}
		return
	}
}
