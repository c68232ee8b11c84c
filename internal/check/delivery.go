package check

import (
	"cmp"
	"slices"
	"time"
)

// delivery is how long one change took from its request to one connection that followed live. There are very
// many of them, so each is small.
type delivery struct {
	took    time.Duration
	at      time.Duration // of the request
	kind    int32         // of the fault that was on: an index of the index's kinds; 0 for none
	follow  int32         // an index of the index's follows
	n       int32         // which of what that saw
	crossed bool          // to another node than that of whoever asked
}

// cause finds the request of a change that was seen; nil when there is none of its sort, or more than one that it
// may have been.
type cause func(w *follow, o *Observation) *Operation

// deliveries are those between connections that were there all the while, by kind and then by how long they
// took.
func (x *index) deliveries(of cause) []delivery {
	sockets := make(map[string][]span)
	for _, s := range x.streams {
		sockets[s.client] = s.sockets(x.h.Run.Ended)
	}
	most := 0
	for _, w := range x.follows {
		most += len(w.saw)
	}
	out := make([]delivery, 0, most)
	for follow, w := range x.follows {
		for n, o := range w.saw {
			did := of(w, o)
			if did == nil || w.since[n] < 0 || w.since[n] > did.Begin || did.Op == Send && !did.REST && !within(sockets[did.Client], did.Begin, did.End) {
				continue
			}
			out = append(out, delivery{
				took: o.At - did.Begin, at: did.Begin, kind: x.faultAt(did.Begin, o.At), follow: int32(follow), n: int32(n),
				crossed: did.Node != "" && o.Node != "" && did.Node != o.Node,
			})
		}
	}
	slices.SortFunc(out, func(a, b delivery) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.took, b.took)) })
	return out
}

// sendOf returns the send, confirmed at the first try, of a message of somebody else that was seen.
func sendOf(w *follow, o *Observation) *Operation {
	if o.Event != MessageReceived || o.Own {
		return nil
	}
	d := w.conversation.byKey[draftKey{o.Peer, o.Key}]
	if d == nil || len(d.tries) != 1 || d.tries[0].Result != OK {
		return nil
	}
	return d.tries[0]
}

// editOf returns the answered edit of an edited message that was seen.
func editOf(w *follow, o *Observation) *Operation {
	if o.Event == MessageUpdated {
		for _, did := range w.conversation.changes {
			if did.Op == Edit && did.Result == OK && !did.Async && did.Rev == o.Rev {
				return did
			}
		}
	}
	return nil
}

// deletionOf returns the deletion, answered and the only one, of a deleted message that was seen.
func deletionOf(w *follow, o *Observation) (only *Operation) {
	if o.Event != MessageDeleted {
		return nil
	}
	for _, did := range w.conversation.changes {
		switch {
		case did.Op != Delete || did.Message != o.Message:
		case only != nil || did.Result != OK || did.Async:
			return nil
		default:
			only = did
		}
	}
	return only
}

// within reports whether one of the spans, which are in order, has a whole stretch in it.
func within(spans []span, from, to time.Duration) bool {
	i, _ := slices.BinarySearchFunc(spans, from, func(s span, t time.Duration) int { return cmp.Compare(s.to, t) })
	return i < len(spans) && spans[i].from <= from && to <= spans[i].to
}

// sockets are the stretches in which a client was connected.
func (s *stream) sockets(end time.Duration) []span {
	var out []span
	open := time.Duration(-1)
	for _, o := range s.saw {
		switch {
		case o.Event == Online:
			open = o.At
		case o.Event == Offline && open >= 0:
			out, open = append(out, span{open, o.At}), -1
		}
	}
	if open >= 0 {
		out = append(out, span{open, end})
	}
	return out
}

// faultAt is the kind of the fault that was on, or is not recovered from, in a stretch of time; of the one
// that began last.
func (x *index) faultAt(from, to time.Duration) (kind int32) {
	began := time.Duration(-1)
	for i := range x.faults {
		if f := &x.faults[i]; f.From <= to && from <= f.To+x.b.Recovery && f.From > began {
			kind, began = int32(slices.Index(x.kinds, f.Kind)), f.From
		}
	}
	return kind
}

// deliveredInTime: messages, edits and deletions reach the others within the bounds that were set (C3.2).
func deliveredInTime(x *index, f *finding) {
	if len(x.b.Delivery) == 0 {
		return
	}
	arriveInTime(x, f, x.delivered, sendOf, "messages")
	arriveInTime(x, f, x.deliveries(editOf), editOf, "edits")
	arriveInTime(x, f, x.deliveries(deletionOf), deletionOf, "deletions")
}

// arriveInTime holds one sort of deliveries to the bounds: there are few changes of some sorts.
func arriveInTime(x *index, f *finding, all []delivery, of cause, what string) {
	for kind, some := range x.byKind(all) {
		bound, set := x.b.Delivery[x.kinds[kind]]
		if !set || len(some) == 0 {
			continue
		}
		f.Checked += len(some)
		at := some[(len(some)-1)*95/100]
		if bound += x.b.Slack; at.took > bound {
			w := x.follows[at.follow]
			o := w.saw[at.n]
			f.violated(x, w.conversation, []source{did(of(w, o)), saw(o)}, "the 95th percentile of %d deliveries of %s %s is %v; %v is the bound",
				len(some), what, whenFault(x.kinds[kind]), at.took.Round(time.Millisecond), bound)
		}
	}
}

// byKind are deliveries apart by the index's kinds, each by how long they took.
func (x *index) byKind(rest []delivery) [][]delivery {
	out := make([][]delivery, len(x.kinds))
	for kind := range out {
		n, _ := slices.BinarySearchFunc(rest, int32(kind)+1, func(d delivery, kind int32) int { return cmp.Compare(d.kind, kind) })
		out[kind], rest = rest[:n], rest[n:]
	}
	return out
}

func whenFault(kind string) string {
	if kind == "" {
		return "while nothing was broken"
	}
	return "during " + kind
}
