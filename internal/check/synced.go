package check

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// advance is how long a read position that was moved took to another connection of its person.
type advance struct {
	took time.Duration
	kind int32 // as of a delivery
	did  *Operation
	to   *stream
	told *Observation // nil when it never came
}

// syncedInTime: a person's other connections are told of a read position within the bounds of deliveries (C6.5).
func syncedInTime(x *index, f *finding) {
	if len(x.b.Delivery) == 0 {
		return
	}
	all := make([][]advance, len(x.kinds))
	for _, a := range x.advances() {
		all[a.kind] = append(all[a.kind], a)
	}
	for kind, some := range all {
		bound, set := x.b.Delivery[x.kinds[kind]]
		if !set || len(some) == 0 {
			continue
		}
		f.Checked += len(some)
		slices.SortFunc(some, func(a, b advance) int { return cmp.Compare(a.took, b.took) })
		at := some[(len(some)-1)*95/100]
		if bound += x.b.Slack; at.took <= bound {
			continue
		}
		records := []source{did(at.did), said("%s was connected as the same user", at.to.client)}
		if at.told != nil {
			records = append(records, saw(at.told))
		}
		f.violated(x, x.conversation(at.did.Conversation), records, "the 95th percentile of %d read positions on their way to other devices %s is %v; %v is the bound",
			len(some), whenFault(x.kinds[kind]), at.took.Round(time.Millisecond), bound)
	}
}

// advances are the read positions that were moved by a request that was answered, for each connection of the same person
// that was there all the while.
func (x *index) advances() []advance {
	byUser := make(map[string][]*stream)
	for _, s := range x.streams {
		if len(s.saw) > 0 {
			byUser[s.saw[0].User] = append(byUser[s.saw[0].User], s)
		}
	}
	var out []advance
	for _, devices := range byUser {
		if len(devices) < 2 {
			continue
		}
		for _, o := range x.moves(devices) {
			for _, s := range devices {
				if a, known := x.advance(o, s); known && s.client != o.Client {
					out = append(out, a)
				}
			}
		}
	}
	return out
}

// moves are the requests of one person that for sure moved a read position: past all that the person had asked
// for or sent before their answers.
func (x *index) moves(devices []*stream) []*Operation {
	var all []*Operation
	own := make(map[string]*stream)
	for _, s := range devices {
		own[s.client] = s
		for _, o := range s.did {
			if o.Op == MarkRead || o.Op == Send {
				all = append(all, o)
			}
		}
	}
	slices.SortFunc(all, byCall)
	var out []*Operation
	highest := make(map[string]int64)
	for i, o := range all {
		answered, moved := x.answered(o, own[o.Client])
		moved = moved && x.readSeq(o) > highest[o.Conversation]
		for _, other := range all[i+1:] {
			if other.Called > answered || !moved {
				break
			}
			moved = other.Conversation != o.Conversation
		}
		if moved {
			out = append(out, o)
		}
		highest[o.Conversation] = max(highest[o.Conversation], x.readSeq(o))
	}
	return out
}

// answered is when a request to move a read position was answered. Over the live connection the answer is what the
// connection is told.
func (x *index) answered(o *Operation, own *stream) (serial int64, ok bool) {
	switch {
	case o.Op != MarkRead:
		return 0, false
	case !o.Async:
		return o.Returned, o.Result == OK
	}
	i, _ := slices.BinarySearchFunc(own.saw, o.Called, func(s *Observation, serial int64) int { return cmp.Compare(s.Serial, serial) })
	for _, s := range own.saw[i:] {
		switch {
		case s.Event == Offline:
			return 0, false
		case s.Event == ReadSynced && s.Conversation == o.Conversation && x.isRead(s, x.readSeq(o)):
			return s.Serial, true
		}
	}
	return 0, false
}

// isRead reports whether a connection was told that its person has read up to a message, or further.
func (x *index) isRead(told *Observation, seq int64) bool {
	m := x.conversation(told.Conversation).messages[told.Message]
	return m != nil && m.Seq >= seq
}

// readSeq is how far an operation may have moved the read position.
func (x *index) readSeq(o *Operation) int64 {
	switch {
	case o.Op == Send && o.Result == Info:
		return math.MaxInt64
	case o.Op == Send:
		return o.Seq
	}
	if m := x.conversation(o.Conversation).messages[cmp.Or(o.ReadMessage, o.Message)]; m != nil {
		return m.Seq
	}
	return 0
}

// advance follows a read position to a connection. It is not known of one that did not stay.
func (x *index) advance(o *Operation, to *stream) (a advance, known bool) {
	seq := x.readSeq(o)
	end := x.h.Run.Ended
	for _, s := range to.sockets(x.h.Run.Ended) {
		if s.from < o.Begin && o.Begin < s.to {
			end, known = s.to, true
		}
	}
	a = advance{took: end - o.Begin, did: o, to: to}
	for _, t := range to.saw {
		if t.At < o.Begin || t.Event != ReadSynced || t.Conversation != o.Conversation {
			continue
		}
		if t.At > end {
			break
		}
		if x.isRead(t, seq) {
			a.took, a.told = t.At-o.Begin, t
			break
		}
	}
	a.kind = x.faultAt(o.Begin, o.Begin+a.took)
	return a, known && (a.told != nil || a.took > staysAtLeast)
}

// staysAtLeast is how long a connection must have stayed for it to count that it was told nothing.
const staysAtLeast = 5 * time.Second
