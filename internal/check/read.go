package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// readKey is one person's read position in one conversation.
type readKey struct {
	conversation *conversation
	user         string
}

// position is where a read position was, or at least was, at some time between two serial numbers.
type position struct {
	called, returned int64
	seq              int64
	exact            bool // it was there; otherwise it was there or further
	from             source
}

// readForward: a read position never goes back, on no device and no node and to nobody who is told of it, and ends where
// it was moved to (C6.1, C6.5).
func readForward(x *index, f *finding) {
	positions := make(map[readKey][]position)
	for i := range x.h.Operations {
		x.positions(&x.h.Operations[i], positions)
	}
	keys := slices.SortedFunc(maps.Keys(positions), func(a, b readKey) int {
		return cmp.Or(strings.Compare(a.conversation.id, b.conversation.id), strings.Compare(a.user, b.user))
	})
	for _, k := range keys {
		neverBack(x, f, k, positions[k])
		endsThere(x, f, k, positions[k])
	}
	for _, s := range x.streams {
		syncedForward(x, f, s)
		shownForward(x, f, s)
	}
}

// positions notes what an operation says of the actor's read positions.
func (x *index) positions(o *Operation, out map[readKey][]position) {
	if o.Result != OK {
		return
	}
	note := func(c *conversation, seq int64, exact bool, from source) {
		k := readKey{c, o.User}
		out[k] = append(out[k], position{o.Called, o.Returned, seq, exact, from})
	}
	switch o.Op {
	case Send:
		note(x.conversation(o.Conversation), o.Seq, false, did(o))
	case MarkRead:
		c := x.conversation(o.Conversation)
		if m := c.messages[o.ReadMessage]; m != nil {
			note(c, m.Seq, true, did(o))
		}
		if m := c.messages[o.Message]; m != nil {
			note(c, m.Seq, false, did(o))
		}
	case List:
		for i := range o.Conversations {
			l := &o.Conversations[i]
			c := x.conversation(l.Conversation)
			note(c, l.ReadSeq, true, did(o))
		}
	}
}

// neverBack holds each exact position against all that were answered before it was asked for, and against
// what the same answer should have made of it.
func neverBack(x *index, f *finding, k readKey, all []position) {
	byEnd := slices.SortedFunc(slices.Values(all), func(a, b position) int { return cmp.Compare(a.returned, b.returned) })
	slices.SortFunc(all, func(a, b position) int { return cmp.Compare(a.called, b.called) })
	var highest position
	next := 0
	for _, p := range all {
		for ; next < len(byEnd) && byEnd[next].returned < p.called; next++ {
			if byEnd[next].seq > highest.seq {
				highest = byEnd[next]
			}
		}
		if !p.exact {
			continue
		}
		f.Checked++
		_, at := p.from.moment()
		if p.seq < highest.seq && !x.mayBeBehind(k.conversation, at, p.from.did.End) && !x.mayForget(k.conversation, highest.from.did.End) {
			f.violated(x, k.conversation, []source{highest.from, p.from}, "a read position went back from seq %d to seq %d", highest.seq, p.seq)
		}
		if o := p.from.did; o.Op == MarkRead {
			if m := k.conversation.messages[o.Message]; m != nil && p.seq < m.Seq {
				f.violated(x, k.conversation, []source{p.from}, "a read position is at seq %d after it was moved to seq %d", p.seq, m.Seq)
			}
		}
	}
}

// stepsWait is how long what was read in a large conversation may be without the store.
const stepsWait = 45 * time.Second

// wasLarge reports whether a conversation may have been large.
func (c *conversation) wasLarge(x *index) bool { return len(c.people) >= x.b.Large }

// mayBeBehind reports whether an own position may be answered between two times as the store has it, while what was read
// since waits with who is away.
func (x *index) mayBeBehind(c *conversation, from, to time.Duration) bool {
	return c.wasLarge(x) && !apart(x.unahead, from, to)
}

// mayForget reports whether what was read at a time may have been lost by faults since.
func (x *index) mayForget(c *conversation, at time.Duration) bool {
	if !c.wasLarge(x) {
		return false
	}
	return slices.ContainsFunc(x.b.Forgotten, func(together []string) bool {
		for _, kind := range together {
			if !slices.ContainsFunc(x.faults, func(f Fault) bool { return f.Kind == kind && f.From <= at+stepsWait && at <= f.To }) {
				return false
			}
		}
		return true
	})
}

// endsThere holds the position that is stored against what it was moved to.
func endsThere(x *index, f *finding, k readKey, all []position) {
	at, known := k.conversation.readUpTo(k.user)
	if !known {
		return
	}
	f.Checked++
	highest := slices.MaxFunc(all, func(a, b position) int { return cmp.Compare(a.seq, b.seq) })
	stands := said("stored: user %s has read up to seq %d", k.user, at)
	if at < highest.seq && !x.mayForget(k.conversation, highest.from.did.End) {
		f.violated(x, k.conversation, []source{highest.from, stands}, "a read position ended before where it had been")
	}
	row := k.conversation.people[k.user].row
	asked := func(r reach) bool { return r.from.Op == MarkRead && r.from.Message == row.ReadMessage }
	if row.ReadMessage != "" && k.conversation.created != nil && !slices.ContainsFunc(k.conversation.reaches[k.user], asked) {
		f.violated(x, k.conversation, []source{highest.from, stands}, "a read position ended at a message that its person never read")
	}
}

// readUpTo is where a person's read position is by what is stored: the later of what they read and what
// they sent last (C6.5).
func (c *conversation) readUpTo(user string) (seq int64, known bool) {
	m := c.people[user]
	if c.stored == nil || m == nil || m.row == nil || m.row.LeftAt != 0 {
		return 0, false
	}
	return max(m.row.ReadSeq, c.lastSent[user]), true
}

// syncedForward: what one connection is told of its person's read position never goes back.
func syncedForward(x *index, f *finding, s *stream) {
	last := make(map[*conversation]*Observation)
	for _, o := range s.saw {
		if o.Event != ReadSynced || o.Message == "" {
			continue
		}
		c := x.conversation(o.Conversation)
		m := c.messages[o.Message]
		if m == nil {
			continue
		}
		f.Checked++
		if before := last[c]; before != nil && c.messages[before.Message].Seq > m.Seq && !x.mayForget(c, before.At) && !x.mayBeBehind(c, before.At, o.At) {
			f.violated(x, c, []source{saw(before), saw(o)}, "a connection was told of a read position that went back")
			continue
		}
		last[c] = o
	}
}
