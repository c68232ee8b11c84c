package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// p95 is of the time from writing to confirmation, of drafts that were written between two times. 0 when there are none.
func (t *talk) p95(from, to time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return p95(t.waits(from, to))
}

// waits are the times to confirmation of drafts that were written between two times, sorted; of who still waits, until now. The
// lock is held.
func (t *talk) waits(from, to time.Duration) (out []time.Duration) {
	now := t.recorder.Now()
	for _, w := range t.between(from, to) {
		if w.confirmed > 0 {
			out = append(out, w.confirmed-w.from)
		} else {
			out = append(out, now-w.from)
		}
	}
	slices.Sort(out)
	return out
}

// between are the drafts that were written between two times. The lock is held.
func (t *talk) between(from, to time.Duration) []*written {
	at := func(when time.Duration) int {
		i, _ := slices.BinarySearchFunc(t.order, when, func(w *written, when time.Duration) int { return cmp.Compare(w.from, when) })
		return i
	}
	return t.order[at(from):at(to)]
}

// normal is the first time from which on, second by second until now, 95 % of what was written was confirmed quickly; -1 when the
// last seconds were not so, or nothing was written in them.
func (t *talk) normal(from, now, quick time.Duration) time.Duration {
	const step, window = 250 * time.Millisecond, time.Second
	t.mu.Lock()
	defer t.mu.Unlock()
	since := time.Duration(-1)
	for at := from; at+window <= now; at += step {
		waits := t.waits(at, at+window)
		switch {
		case len(waits) == 0 || p95(waits) > quick:
			since = -1
		case since < 0:
			since = at
		}
	}
	return since
}

// confirmedSince is when the first draft was confirmed after some time; 0 for none.
func (t *talk) confirmedSince(since time.Duration) (first time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.tries {
		if one.err == nil && one.to > since && (first == 0 || one.to < first) {
			first = one.to
		}
	}
	return first
}

// met notes what people met with between two times, in which each try was to be answered within some time.
func (t *talk) met(out *Outage, from, to, answered time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var tries []try
	writers, disturbed := map[string]bool{}, map[string]bool{}
	for _, one := range t.tries {
		if one.to < from || one.from > to {
			continue
		}
		tries = append(tries, one)
		writers[one.client] = true
		if one.err != nil {
			disturbed[one.client] = true
			if after := one.to - from; out.FirstRefused == 0 || after < out.FirstRefused {
				out.FirstRefused = after
			}
		}
		if one.to-one.from > answered {
			out.Late++
		}
	}
	out.Answers, out.Clients, out.Undisturbed = answers(tries), len(writers), len(writers)-len(disturbed)
	for _, w := range t.between(from, to) {
		out.Drafts++
		if w.confirmed == 0 || w.confirmed > to {
			out.Open++
		}
	}
	t.crossed(out, from, to)
	for _, l := range t.lost {
		if l.from >= from && l.from <= to+time.Second {
			out.Lost++
			out.LongestLost = max(out.LongestLost, max(l.to, l.from)-l.from)
		}
	}
}

// crossed notes how long the way between nodes was. The lock is held.
func (t *talk) crossed(out *Outage, from, to time.Duration) {
	var took []time.Duration
	for _, one := range t.receptions {
		if one.crossed && one.at-one.took >= from && one.at-one.took <= to {
			took = append(took, one.took)
		}
	}
	slices.Sort(took)
	out.Crossed, out.CrossedP95 = len(took), p95(took)
}

// givenUp says how many drafts were given up since it was asked last, by code.
func (t *talk) givenUp() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	codes := map[string]int{}
	for _, w := range t.order {
		if w.given != "" && !w.said {
			codes[w.given]++
			w.said = true
		}
	}
	var out []string
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		out = append(out, fmt.Sprintf("%d with %s", codes[code], code))
	}
	return out
}
