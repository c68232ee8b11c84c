package check

import (
	"slices"
	"time"
)

// lateAnswer is how long after it was given up a request may still be carried out.
const lateAnswer = 15 * time.Second

// write is something that gave a fact another value, or may have.
type write struct {
	begin, end time.Duration // between these, if at all
	sure       bool
	value      string
	from       *Operation
}

// register is a fact that people change: all that is known of its values over time.
type register struct {
	initial string
	writes  []write // by their begin
}

// writeOf is what an operation does to a fact. One without an answer happens late or never.
func writeOf(o *Operation, value string) write {
	if o.Result == OK {
		return write{o.Begin, o.End, true, value, o}
	}
	return write{o.Begin, o.End + lateAnswer, false, value, o}
}

func (r *register) add(w write) {
	if r == nil {
		return
	}
	r.writes = append(r.writes, w)
	for i := len(r.writes) - 1; i > 0 && r.writes[i].begin < r.writes[i-1].begin; i-- {
		r.writes[i], r.writes[i-1] = r.writes[i-1], r.writes[i]
	}
}

// may reports whether the fact may have had the value at any time from a to b.
func (r *register) may(value string, a, b time.Duration) bool {
	if r.initial == value && !r.replaced(-1, a) {
		return true
	}
	for _, w := range r.writes {
		if w.begin > b {
			break
		}
		if w.value == value && !r.replaced(w.end, a) {
			return true
		}
	}
	return false
}

// replaced reports whether a write that surely came after the moment since was surely over at another.
func (r *register) replaced(since, at time.Duration) bool {
	return slices.ContainsFunc(r.writes, func(w write) bool { return w.sure && w.begin > since && w.end <= at })
}

// always reports whether the fact surely had the value all the time from a to b.
func (r *register) always(value string, a, b time.Duration) bool {
	if r.initial != value && !r.replaced(-1, a) {
		return false
	}
	for _, w := range r.writes {
		if w.begin > b {
			break
		}
		if w.value != value && !r.replaced(w.end, a) {
			return false
		}
	}
	return true
}

// written reports whether anything may have changed the fact from a to b.
func (r *register) written(a, b time.Duration) bool {
	return slices.ContainsFunc(r.writes, func(w write) bool { return w.begin <= b && w.end >= a })
}
