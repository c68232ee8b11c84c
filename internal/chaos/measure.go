package chaos

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chaos/workload"
	"github.com/parley-chat/parley/internal/check"
)

// Measure is one row of the report: what was measured, and whether it reaches its goal.
type Measure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Goal  string `json:"goal,omitempty"`
	// Result is "pass", "fail", or "" when there is no goal or nothing to measure.
	Result string `json:"result,omitempty"`
}

// The goals of what must be shown.
const (
	servedWithin  = 3 * time.Second // after a node died or left (C8.4)
	crossesWithin = time.Second     // p95 between nodes without Redis (C3.2)
)

// within judges a duration by a goal.
func within(name string, d time.Duration, n int, goal time.Duration, what string) Measure {
	m := Measure{Name: name, Goal: "< " + goal.String(), Result: "pass", Value: fmt.Sprintf("%v (%d %s)", d.Round(time.Millisecond), n, what)}
	if n == 0 {
		m.Value, m.Result = "nothing to measure", ""
	} else if d >= goal {
		m.Result = "fail"
	}
	return m
}

// evidence is a history in the form in which measures look at it.
type evidence struct {
	*check.History
	waits     []workload.Wait
	guided    map[string]bool      // clients that come by nginx alone
	sessions  map[string][]session // by client, in the order of time
	alone     []check.Fault        // faults near which there was no other
	crossings []crossing
	apart     time.Duration
}

// session is one socket's life.
type session struct {
	id, node string
	from, to time.Duration // to is the end of the run for one that lasted
	caughtUp time.Duration // when it had delivered all that was missed; 0 if it never did
}

// newEvidence takes for alone what has no other fault within apart.
func newEvidence(h *check.History, waits []workload.Wait, guided map[string]bool, apart time.Duration) *evidence {
	e := &evidence{History: h, waits: waits, guided: guided, apart: apart, sessions: map[string][]session{}}
	for i := range h.Observations {
		o := &h.Observations[i]
		all := e.sessions[o.Client]
		switch o.Event {
		case check.Online:
			e.sessions[o.Client] = append(all, session{id: o.Session, node: o.Node, from: o.At, to: h.Run.Ended})
		case check.Offline:
			if len(all) > 0 && all[len(all)-1].to == h.Run.Ended {
				all[len(all)-1].to = o.At
			}
		case check.CaughtUp:
			if len(all) > 0 {
				all[len(all)-1].caughtUp = o.At
			}
		}
	}
	for i, f := range h.Faults {
		if !slices.ContainsFunc(h.Faults, func(g check.Fault) bool {
			return g != h.Faults[i] && g.From < f.To+apart && f.From < g.To+apart
		}) {
			e.alone = append(e.alone, f)
		}
	}
	e.crossings = e.allCrossings()
	return e
}

// next is when something else was broken after a fault. What lasts longer is not this fault's doing alone.
func (e *evidence) next(f check.Fault) time.Duration {
	next := e.Run.Ended
	for _, g := range e.Faults {
		if g.From > f.From {
			next = min(next, g.From)
		}
	}
	return next
}

// aftermath is how long after a fault what begins is still counted as its doing.
const aftermath = time.Second

// withoutConnection is the longest time that any client had no connection, of those that were lost by a
// fault, and how many were.
func (e *evidence) withoutConnection(f check.Fault) (longest time.Duration, n int) {
	next := e.next(f)
	for client, all := range e.sessions {
		if !e.guided[client] {
			continue
		}
		for i := range all[:max(0, len(all)-1)] {
			if lost := all[i].to; lost >= f.From && lost <= f.To+aftermath {
				longest, n = max(longest, min(all[i+1].from, next)-lost), n+1
			}
		}
	}
	return longest, n
}

// wait is the longest that anybody waited for a confirmation of what was written within a fault, how many
// wrote, and how many were shown a failure that nothing justified.
func (e *evidence) wait(f check.Fault) (longest time.Duration, n, shown int) {
	next := e.next(f)
	for _, w := range e.waits {
		if w.From < f.From || w.From > f.To+aftermath || !e.guided[w.Client] {
			continue
		}
		n++
		switch {
		case w.Confirmed || w.To > next:
			longest = max(longest, min(w.To, next)-w.From)
		case w.Steady:
			shown++
		}
	}
	return longest, n, shown
}

// crossing are the times from send to reception between clients of different nodes, of messages first sent
// between two moments and clients that were connected and following all the while.
func (e *evidence) crossing(from, to time.Duration) []time.Duration {
	var out []time.Duration
	for _, c := range e.crossings {
		if c.begin >= from && c.begin <= to {
			out = append(out, c.took)
		}
	}
	slices.Sort(out)
	return out
}

// crossing is one message's way from the client who sent it to one of another node.
type crossing struct{ begin, took time.Duration }

// allCrossings finds them. What was delivered as part of catching up did not cross then.
func (e *evidence) allCrossings() (out []crossing) {
	first := map[string]*check.Operation{} // of a message
	for i := range e.Operations {
		o := &e.Operations[i]
		if o.Op != check.Send || o.Message == "" {
			continue
		}
		if known := first[o.Message]; known == nil || o.Called < known.Called {
			first[o.Message] = o
		}
	}
	type followed struct{ client, conversation string }
	catching := map[followed]bool{}
	for i := range e.Observations {
		o := &e.Observations[i]
		f := followed{o.Client, o.Conversation}
		switch o.Event {
		case check.CatchingUp:
			catching[f] = true
		case check.CaughtUp:
			delete(catching, f)
		case check.MessageReceived:
			s := first[o.Message]
			if s == nil || s.REST || s.Node == "" || o.Own || catching[f] || o.Node == "" || o.Node == s.Node || e.connectedSince(o) >= s.Begin {
				continue
			}
			out = append(out, crossing{s.Begin, max(0, o.At-s.Begin)})
		}
	}
	return out
}

// connectedSince is when the session of an observation began.
func (e *evidence) connectedSince(o *check.Observation) time.Duration {
	all := e.sessions[o.Client]
	i, _ := slices.BinarySearchFunc(all, o.At, func(s session, at time.Duration) int {
		if s.from <= at {
			return -1
		}
		return 1
	})
	if i == 0 {
		return o.At
	}
	return all[i-1].from
}

func p95(sorted []time.Duration) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*95/100]
}

// measure makes the rows of the report.
func measure(h *check.History, waits []workload.Wait, guided map[string]bool, apart time.Duration, several bool) []Measure {
	e := newEvidence(h, waits, guided, apart)
	out := []Measure{e.overall()}
	if several {
		out = append(out, e.killed()...)
		out = append(out, e.rolled()...)
		out = append(out, e.crossed()...)
		out = append(out, e.wandered())
	}
	return append(out, e.byKind(several)...)
}

func (e *evidence) overall() Measure {
	confirmed, refused := 0, 0
	for _, w := range e.waits {
		if w.Confirmed {
			confirmed++
		} else if w.Steady {
			refused++
		}
	}
	return Measure{Name: "drafts confirmed; given up after 15 s or refused", Value: fmt.Sprintf("%d; %d", confirmed, refused)}
}

// byKind says of each kind of fault how long clients were without service at most.
func (e *evidence) byKind(several bool) []Measure {
	kinds := map[string][]check.Fault{}
	for _, f := range e.alone {
		kinds[f.Kind] = append(kinds[f.Kind], f)
	}
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []Measure
	for _, name := range names {
		var offline, longest time.Duration
		var crossed []time.Duration
		gaps, given := 0, 0
		for _, f := range kinds[name] {
			d, n := e.withoutConnection(f)
			offline, gaps = max(offline, d), gaps+n
			d, _, g := e.wait(f)
			longest, given = max(longest, d), given+g
			if several {
				crossed = append(crossed, e.crossing(f.From, f.To)...)
			}
		}
		value := fmt.Sprintf("%d alone: no connection for %v at most (%d lost), a send took %v at most, %d given up",
			len(kinds[name]), offline.Round(time.Millisecond), gaps, longest.Round(time.Millisecond), given)
		if len(crossed) > 0 {
			slices.Sort(crossed)
			value += fmt.Sprintf(", between nodes p95 %v", p95(crossed).Round(time.Millisecond))
		}
		out = append(out, Measure{Name: "fault " + name, Value: value})
	}
	return out
}
