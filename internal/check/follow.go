package check

import (
	"fmt"
	"slices"
	"time"
)

// follow is one stretch in which a client follows a conversation: from a subscribe to the unsubscribe, the
// removal or the end, over any number of sockets (C3.1, C3.3).
type follow struct {
	stream       *stream
	conversation *conversation
	start        int64 // everything past this rev belongs to it
	began        *Observation
	revs         []int64        // what was delivered, rising
	saw          []*Observation // the same
	complete     int64          // the rev up to which everything has been delivered
	phase        phase
	over         bool // unsubscribed or removed
	asked        bool // a subscribe or unsubscribe was asked for since it began
	live         bool // it was live when the run had settled
	lagging      bool // it ought to have been
	// liveSince is since when the socket of the moment has been live; -1 when it is not. A hole does not end it.
	liveSince time.Duration
	since     []time.Duration // liveSince of each that it saw
	faults    []followFault
}

type phase uint8

const (
	between   phase = iota // without a socket, or not yet subscribed on it
	catching               // revs may be left out
	following              // every rev comes
)

// followFault is something that should not have been shown.
type followFault struct {
	rule    string // "I6" or "I12"
	what    string
	records []source
}

// take takes a change in, whose rev must be the next one, or past it while catching up.
func (f *follow) take(o *Observation) {
	switch {
	case o.Rev <= f.complete:
		f.fault("I6", []source{f.latest(), saw(o)}, "rev %d was delivered when everything up to rev %d had been", o.Rev, f.complete)
		return
	case f.phase == between:
		f.fault("I6", []source{f.latest(), saw(o)}, "rev %d was delivered before the conversation was subscribed on this socket", o.Rev)
	case f.phase == following && o.Rev != f.complete+1:
		f.fault("I6", []source{f.latest(), saw(o)}, "rev %d was delivered next after rev %d: a hole was shown", o.Rev, f.complete)
	case f.phase == catching:
		f.leftOut(o.Rev-1, o)
	}
	f.revs, f.saw, f.since = append(f.revs, o.Rev), append(f.saw, o), append(f.since, f.liveSince)
	f.complete = o.Rev
}

func (f *follow) caughtUp(o *Observation) {
	if o.Rev < f.complete {
		f.fault("I12", []source{f.latest(), saw(o)}, "caught up to rev %d after rev %d had been delivered", o.Rev, f.complete)
	}
	f.leftOut(o.Rev, o)
	f.complete = max(f.complete, o.Rev)
	f.phase = following
	if f.liveSince < 0 {
		f.liveSince = o.At
	}
}

// leftOut judges the revs past what is complete, up to one, that a catch-up passed over: each must have
// been replaced by a later change of the same thing (C3.3).
func (f *follow) leftOut(upTo int64, o *Observation) {
	c := f.conversation
	i, _ := slices.BinarySearch(c.revs, f.complete+1)
	for ; i < len(c.revs) && c.revs[i] <= upTo; i++ {
		if rev := c.revs[i]; !c.superseded(rev, o.Serial) {
			f.fault("I12", []source{f.latest(), c.states[rev].first, saw(o)}, "catching up passed over rev %d, which nothing has replaced", rev)
			return
		}
	}
}

// latest is what was delivered last.
func (f *follow) latest() source {
	if n := len(f.saw); n > 0 {
		return saw(f.saw[n-1])
	}
	if f.began != nil {
		return saw(f.began)
	}
	return said("nothing had been delivered before")
}

func (f *follow) fault(rule string, records []source, what string, a ...any) {
	f.faults = append(f.faults, followFault{rule, fmt.Sprintf(what, a...), records})
}
