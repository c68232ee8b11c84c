package check

import "cmp"
import "slices"

// realTime: what was confirmed before something else was sent stands before it, and what one connection
// sends stays in its order (C1.2, client.Live.SendAsync).
func realTime(x *index, f *finding) {
	for _, c := range x.ordered {
		confirmedBefore(x, f, c)
	}
	for _, s := range x.streams {
		inOrderOfSending(x, f, s)
	}
}

// passage is one end of a draft's way: its first call or its first confirmation.
type passage struct {
	serial int64
	seq    int64
	op     *Operation
	ends   bool
}

func confirmedBefore(x *index, f *finding, c *conversation) {
	var way []passage
	for _, d := range c.byKey {
		way = append(way, d.passages()...)
	}
	slices.SortFunc(way, func(a, b passage) int { return cmp.Compare(a.serial, b.serial) })
	var highest passage
	for _, p := range way {
		switch {
		case p.ends:
			if p.seq > highest.seq {
				highest = p
			}
		default:
			f.Checked++
			if p.seq < highest.seq {
				f.violated(x, c, []source{did(highest.op), did(p.op)}, "a message stands at seq %d before one at seq %d that was confirmed before it was sent", p.seq, highest.seq)
			}
		}
	}
}

// passages are the ends of a draft of which it is known where it stands.
func (d *sent) passages() []passage {
	var confirmed *Operation
	for _, o := range d.tries {
		if o.Result == OK && (confirmed == nil || o.Returned < confirmed.Returned) {
			confirmed = o
		}
	}
	switch {
	case len(d.tries) == 0:
		return nil
	case confirmed != nil:
		return []passage{{d.tries[0].Called, confirmed.Seq, d.tries[0], false}, {confirmed.Returned, confirmed.Seq, confirmed, true}}
	case d.row != nil:
		return []passage{{d.tries[0].Called, d.row.Seq, d.tries[0], false}}
	}
	return nil
}

// inOrderOfSending looks at what was sent and confirmed over one socket at the first try. A retry is a new
// send, and over another socket so is what the client writes again: the first may have been refused, and
// the refusal lost.
func inOrderOfSending(x *index, f *finding, s *stream) {
	last := make(map[string]*Operation)
	sockets := s.sockets(x.h.Run.Ended)
	for _, o := range s.did {
		if o.Op != Send || o.REST || o.Result != OK || !within(sockets, o.Begin, o.End) || len(x.conversation(o.Conversation).byKey[draftKey{o.User, o.Key}].tries) > 1 {
			continue
		}
		f.Checked++
		if before := last[o.Conversation]; before != nil && before.Session == o.Session && before.Seq > o.Seq {
			f.violated(x, x.conversation(o.Conversation), []source{did(before), did(o)}, "two messages of one connection changed places")
		}
		last[o.Conversation] = o
	}
}
