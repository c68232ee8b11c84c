package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// lookEvery is how often the parts of the process are looked at.
	lookEvery = time.Second
	// stuckAfter is how many looks in a row have to find a part as it was: 30 s, far more than any work of a part takes, and
	// few enough that a process which does nothing any more is replaced within a minute.
	stuckAfter = 30
)

// vitals notice that a part of the process does not go on: a lock that is never given back, a batch that never ends. That is a
// fault of the program that only a restart mends, and what /health/live is for. Whether a database or Redis is away makes no
// difference to it: what waits for them is bounded by far less.
//
// Time is counted in looks and not by the clock: a process that stood still, with its machine or under SIGSTOP, is not stuck.
type vitals struct {
	log *slog.Logger

	mu    sync.Mutex
	parts []*part
}

// part is something that has to go on.
type part struct {
	name string
	// look says where the part has come to and whether it has work before it. That may wait for a lock of the part.
	look func() (turns uint64, busy bool)

	looking bool   // a look has not returned
	turns   uint64 // at the last look that returned
	still   int    // looks in a row that found it no further
}

func newVitals(log *slog.Logger) *vitals { return &vitals{log: log} }

// watch takes a part in. It must be called before run.
func (v *vitals) watch(name string, look func() (turns uint64, busy bool)) {
	v.parts = append(v.parts, &part{name: name, look: look})
}

// answers watches a part that goes on as long as it answers.
func (v *vitals) answers(name string, ask func()) {
	v.watch(name, func() (uint64, bool) { ask(); return 0, false })
}

// run looks until ctx ends.
func (v *vitals) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for _, p := range v.parts {
			v.lookAt(p)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// lookAt looks at a part, unless the look before has not returned, which counts as one that found it no further.
func (v *vitals) lookAt(p *part) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p.looking {
		v.found(p, true)
		return
	}
	p.looking = true
	go func() {
		turns, busy := p.look()
		v.mu.Lock()
		defer v.mu.Unlock()
		v.found(p, busy && turns == p.turns)
		p.looking, p.turns = false, turns
	}()
}

// found counts a look. The lock is held.
func (v *vitals) found(p *part, noFurther bool) {
	if !noFurther {
		if p.still >= stuckAfter {
			v.log.Warn("a part of the process that was stuck goes on", "event", "node.unstuck", "part", p.name)
		}
		p.still = 0
		return
	}
	if p.still++; p.still == stuckAfter {
		v.log.Error("a part of the process does not go on", "event", "node.stuck", "part", p.name)
	}
}

// stuck names the parts that do not go on.
func (v *vitals) stuck() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for _, p := range v.parts {
		if p.still >= stuckAfter {
			out = append(out, p.name)
		}
	}
	slices.Sort(out)
	return out
}

// watched are the vitals of what every message of this node passes.
func (n *Node) watched() *vitals {
	v := newVitals(n.log)
	v.answers("hub", func() { n.hub.Stats() })
	v.answers("sockets", func() { n.sockets.Connections() })
	for i := range n.chat.Turning() {
		v.watch(fmt.Sprint("committer ", i+1), func() (uint64, bool) {
			t := n.chat.Turning()[i]
			return t.Turns, t.Waiting > 0
		})
	}
	return v
}
