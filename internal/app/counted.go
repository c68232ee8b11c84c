package app

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/obs"
)

// What the rooms of the house tell when it happens goes to the metrics from here. None of it names anybody.

func (n *Node) committed(messages int, took time.Duration, err error) {
	n.metrics.Committed(messages, took, err != nil)
}

func (n *Node) handed(messages int, after time.Duration) { n.metrics.Delivered(messages, after) }

func (n *Node) heard(lag time.Duration) { n.metrics.Heard(lag) }

func (n *Node) answered(method string, status int, took time.Duration) {
	n.metrics.Answered(method, status, took)
}

func (n *Node) limited(rule string) { n.metrics.Limited(rule) }

// faulted counts faults of a part of the program.
func (n *Node) faulted(where string) func() {
	return func() { n.metrics.Panicked(where) }
}

// names are what rules are called.
func names(rules limit.Rules) []string {
	var out []string
	for _, r := range rules.All() {
		out = append(out, r.Name)
	}
	return out
}

// resultOf is what became of a send, in the words of the metrics. What a client did wrong is rejected; what the node could not
// do is refused, or unknown when it may have been done.
func resultOf(r chat.SendReport) string {
	if r.Err == nil {
		if r.Duplicate {
			return obs.Duplicate
		}
		return obs.Stored
	}
	e := chat.AsError(r.Err)
	switch {
	case e.Outcome == chat.OutcomeUnknown:
		return obs.Unknown
	case e.Code.Info().Status >= 500:
		return obs.Refused
	}
	return obs.Rejected
}
