package check

import (
	"cmp"
	"slices"
	"time"
)

// delivery is how long one message took from its send to one connection that followed live. There are very
// many of them, so each is small.
type delivery struct {
	took    time.Duration
	at      time.Duration // of the send
	kind    int32         // of the fault that was on: an index of the index's kinds; 0 for none
	follow  int32         // an index of the index's follows
	n       int32         // which of what that saw
	crossed bool          // to another node than the sender's
}

// deliveries are those between connections that were there all the while, by kind and then by how long they
// took.
func (x *index) deliveries() []delivery {
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
			did := w.sendOf(o)
			if did == nil || w.since[n] < 0 || w.since[n] > did.Begin || !did.REST && !within(sockets[did.Client], did.Begin, did.End) {
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

// sendOf returns the send, confirmed at the first try, of a message of somebody else that was seen; nil when
// there is none.
func (w *follow) sendOf(o *Observation) *Operation {
	if o.Event != MessageReceived || o.Own {
		return nil
	}
	d := w.conversation.byKey[draftKey{o.Peer, o.Key}]
	if d == nil || len(d.tries) != 1 || d.tries[0].Result != OK {
		return nil
	}
	return d.tries[0]
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

// deliveredInTime: messages reach the others within the bounds that were set (C3.2).
func deliveredInTime(x *index, f *finding) {
	for kind, some := range x.deliveredByKind() {
		bound, set := x.b.Delivery[x.kinds[kind]]
		if !set || len(some) == 0 {
			continue
		}
		f.Checked += len(some)
		at := some[(len(some)-1)*95/100]
		if bound += x.b.Slack; at.took > bound {
			w := x.follows[at.follow]
			o := w.saw[at.n]
			f.violated(x, w.conversation, []source{did(w.sendOf(o)), saw(o)}, "the 95th percentile of %d deliveries %s is %v; %v is the bound",
				len(some), whenFault(x.kinds[kind]), at.took.Round(time.Millisecond), bound)
		}
	}
}

// deliveredByKind are the deliveries of each of the index's kinds, by how long they took.
func (x *index) deliveredByKind() [][]delivery {
	out := make([][]delivery, len(x.kinds))
	rest := x.delivered
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
