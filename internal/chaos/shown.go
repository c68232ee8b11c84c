package chaos

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// ofKind are the faults of a kind near which there was no other.
func (e *evidence) ofKind(kind string) []check.Fault {
	var out []check.Fault
	for _, f := range e.alone {
		if f.Kind == kind {
			out = append(out, f)
		}
	}
	return out
}

// killed: the clients of a node that dies are served by others, and have everything.
func (e *evidence) killed() []Measure {
	var served, complete time.Duration
	clients := 0
	for _, f := range e.ofKind("kill") {
		for client, all := range e.sessions {
			for i := range all[:max(0, len(all)-1)] {
				if all[i].to < f.From || all[i].to > f.From+time.Second || all[i].node != f.Target || !e.guided[client] {
					continue
				}
				clients++
				next := all[i+1]
				served = max(served, next.from-f.From)
				if next.caughtUp > 0 {
					complete = max(complete, e.complete(next)-f.From)
				}
			}
		}
	}
	return []Measure{
		within("SIGKILL of a node: until the last of its clients is connected again", served, clients, servedWithin, "clients"),
		{Name: "SIGKILL of a node: until the last of them has all that it missed", Value: fmt.Sprint(complete.Round(time.Millisecond))},
	}
}

// complete is when a session had caught up with the first of its conversations; those that follow come
// right behind, and later ones belong to other subscribes.
func (e *evidence) complete(s session) time.Duration {
	last := s.from
	for i := range e.Observations {
		o := &e.Observations[i]
		if o.Session == s.id && o.Event == check.CaughtUp && o.At < s.from+2*time.Second {
			last = o.At
		}
	}
	return last
}

// rolled: a rolling restart shows nobody a failed send, and leaves nobody without service.
func (e *evidence) rolled() []Measure {
	var offline, longest time.Duration
	lost, drafts, given := 0, 0, 0
	rolls := e.ofKind("rolling")
	for _, f := range rolls {
		d, n := e.withoutConnection(f)
		offline, lost = max(offline, d), lost+n
		d, n, g := e.wait(f)
		longest, drafts, given = max(longest, d), drafts+n, given+g
	}
	shown := Measure{
		Name: "rolling restart: failed sends that a client had to show", Goal: "0", Result: "pass",
		Value: fmt.Sprintf("%d of %d in %d rolls", given, drafts, len(rolls)),
	}
	switch {
	case drafts == 0:
		shown.Value, shown.Result = "nothing to measure", ""
	case given > 0:
		shown.Result = "fail"
	}
	return []Measure{
		shown,
		within("rolling restart: longest without a connection", offline, lost, servedWithin, "connections moved"),
		within("rolling restart: longest wait for a confirmation", longest, drafts, servedWithin, "drafts"),
	}
}

// crossed: messages cross between nodes quickly, without Redis too, and are as quick again after it.
func (e *evidence) crossed() []Measure {
	var calm, without, after []time.Duration
	calmFrom := time.Duration(0)
	for _, f := range e.Faults {
		if f.From > calmFrom+e.apart {
			calm = append(calm, e.crossing(calmFrom+e.apart/2, f.From)...)
		}
		calmFrom = max(calmFrom, f.To)
	}
	for _, kind := range []string{"redis-kill", "redis-restart"} {
		for _, f := range e.ofKind(kind) {
			without = append(without, e.crossing(f.From, f.To)...)
			after = append(after, e.crossing(f.To+e.apart, f.To+2*e.apart)...)
		}
	}
	for _, all := range [][]time.Duration{calm, without, after} {
		slices.Sort(all)
	}
	return []Measure{
		{Name: "between nodes, nothing broken: p95", Value: fmt.Sprintf("%v (%d receptions)", p95(calm).Round(time.Millisecond), len(calm))},
		within("between nodes, Redis killed: p95", p95(without), len(without), crossesWithin, "receptions"),
		within(fmt.Sprintf("between nodes, from %v after Redis is back: p95", e.apart), p95(after), len(after), crossesWithin, "receptions"),
	}
}

// wandered: clients that go to another node every few seconds. Whether they missed anything is judged by
// the rules; here is how often they moved.
func (e *evidence) wandered() Measure {
	clients, moves := map[string]bool{}, 0
	for i := range e.Observations {
		if o := &e.Observations[i]; o.Group == "wanderers" && o.Event == check.Online {
			clients[o.Client] = true
			moves++
		}
	}
	return Measure{Name: "clients that reconnect every few seconds", Value: fmt.Sprintf("%d clients, %d connections", len(clients), moves)}
}
