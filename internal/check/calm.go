package check

import (
	"cmp"
	"slices"
	"time"
)

// span is a stretch of time.
type span struct{ from, to time.Duration }

// disturbances are the stretches in which a fault, or what is left of it, may show, merged.
func disturbances(faults []Fault, recovery time.Duration) []span {
	var out []span
	for _, f := range faults {
		out = append(out, span{f.From, f.To + recovery})
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	merged := out[:0]
	for _, s := range out {
		if n := len(merged); n > 0 && s.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// calm reports whether no fault, nor what is left of one, lies between two times.
func (x *index) calm(from, to time.Duration) bool { return apart(x.disturbed, from, to) }

// apart reports whether none of the spans, which are in order and do not meet, has a part of a stretch of
// time.
func apart(spans []span, from, to time.Duration) bool {
	i, _ := slices.BinarySearchFunc(spans, from, func(s span, t time.Duration) int { return cmp.Compare(s.to, t) })
	return i == len(spans) || spans[i].from > to
}

// final reports whether an operation read what was final.
func (x *index) final(o *Operation) bool {
	return x.h.Run.Settled > 0 && o.Begin >= x.h.Run.Settled && o.Result == OK
}
