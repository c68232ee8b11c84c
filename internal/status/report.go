package status

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Report is the nodes that serve one database, as far as somebody could learn of them.
type Report struct {
	At      time.Time `json:"at"`
	Source  string    `json:"source"` // who said it: "node", "registry", or "health" of a node that says no more
	Asked   string    `json:"asked"`  // the address that was asked, without a password
	Verdict Verdict   `json:"verdict"`
	Nodes   []Node    `json:"nodes"`
	// Notes say what this report could not learn.
	Notes []string `json:"notes,omitempty"`
}

// The sources of a report.
const (
	SourceNode     = "node"
	SourceRegistry = "registry"
	SourceHealth   = "health"
)

// Verdict is what a report comes to.
type Verdict struct {
	// Promise is "kept", "broken", or "untested" when nothing was sent that was to be stored.
	Promise string `json:"promise"`
	// State is "ok" or "degraded".
	State string `json:"state"`
	// Sends are those of all nodes in the last minute, and the times, in milliseconds, that half, 95 and 99 of a hundred of
	// them took at most; 0 of none, -1 of more than the largest bucket.
	Sends     Sends   `json:"sends"`
	PerSecond float64 `json:"perSecond"`
	P50       float64 `json:"p50Ms"`
	P95       float64 `json:"p95Ms"`
	P99       float64 `json:"p99Ms"`
	// Connections are those of all nodes.
	Connections int `json:"connections"`
	Queue       int `json:"queue"`
}

// The words of a verdict.
const (
	Kept     = "kept"
	Broken   = "broken"
	Untested = "untested"
	OK       = "ok"
	Degraded = "degraded"
)

// Judge makes the verdict from the nodes.
func (r *Report) Judge() {
	v := Verdict{Promise: Untested, State: OK}
	for i := range r.Nodes {
		n := &r.Nodes[i]
		v.Sends.add(n.Sends)
		v.PerSecond += n.Sends.PerSecond()
		v.Connections += n.Connections
		v.Queue += n.Queue
		if len(n.troubles()) > 0 || len(n.Degraded) > 0 || n.silent() || !n.Ready && !n.Draining {
			v.State = Degraded
		}
	}
	switch {
	case v.Sends.broken() > 0:
		v.Promise, v.State = Broken, Degraded
	case v.Sends.judged() > 0:
		v.Promise = Kept
	}
	v.P50, v.P95, v.P99 = v.Sends.Times.millis(0.5), v.Sends.Times.millis(0.95), v.Sends.Times.millis(0.99)
	r.Verdict = v
}

// promise says in a sentence whether the promise is kept.
func (v *Verdict) promise() string {
	while := fmt.Sprintf("%.0f s", v.Sends.Seconds)
	switch v.Promise {
	case Kept:
		if v.Sends.judged() == 1 {
			return "The three-second promise is kept: one message in the last " + while + ", stored and confirmed in time."
		}
		return fmt.Sprintf("The three-second promise is kept: %s messages in the last %s, all stored and confirmed in time.", count(v.Sends.judged()), while)
	case Broken:
		return fmt.Sprintf("The three-second promise is BROKEN: %s of %s messages in the last %s were not stored and confirmed within 3 s.",
			count(v.Sends.broken()), count(v.Sends.judged()), while)
	}
	if v.Sends.Rejected+v.Sends.Duplicate > 0 {
		return "The three-second promise was not put to the test: of what was sent in the last " + while + " nothing was to be stored."
	}
	return "The three-second promise was not put to the test: nobody sent anything in the last " + while + "."
}

func (t Times) millis(p float64) float64 {
	upTo, ok := t.Within(p)
	switch {
	case !ok:
		return 0
	case upTo > 1e6:
		return -1
	}
	return upTo * 1000
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
