package check

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/parley-chat/parley/client"
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

// watching makes the follows of one stream.
type watching struct {
	x       *index
	stream  *stream
	current map[*conversation]*follow
	wanted  map[*conversation]bool // a subscribe was asked for and has not been answered; false after that
	out     []*follow
	settled bool

	connected bool // the client wants a connection
}

func watch(x *index, s *stream) *watching {
	w := &watching{x: x, stream: s, current: make(map[*conversation]*follow), wanted: make(map[*conversation]bool)}
	next := 0
	for _, o := range s.saw {
		for ; next < len(s.did) && s.did[next].Called < o.Serial; next++ {
			w.asked(s.did[next])
		}
		w.settle(o.At)
		w.see(o)
	}
	for _, o := range s.did[next:] {
		w.asked(o)
	}
	w.settle(math.MaxInt64)
	return w
}

// settle notes which are live at the moment from which on everything is final, when a time is past it.
func (w *watching) settle(at time.Duration) {
	if settled := w.x.h.Run.Settled; w.settled || settled == 0 || at <= settled {
		return
	}
	w.settled = true
	for _, f := range w.current {
		f.live = !f.over && f.phase == following
		f.lagging = !f.over && !f.live && w.connected
	}
}

func (w *watching) asked(o *Operation) {
	w.settle(o.Begin)
	switch o.Op {
	case Connect:
		w.connected = true
		return
	case Disconnect:
		w.connected = false
		w.cut()
		return
	case Subscribe, Unsubscribe:
	default:
		return
	}
	c := w.x.conversation(o.Conversation)
	w.wanted[c] = o.Op == Subscribe
	if f := w.current[c]; f != nil {
		f.asked = true
		f.over = f.over || o.Op == Unsubscribe
	}
}

// cut ends a socket.
func (w *watching) cut() {
	for _, f := range w.current {
		f.phase, f.liveSince = between, -1
	}
}

func (w *watching) see(o *Observation) {
	switch o.Event {
	case Online, Offline:
		w.cut()
		return
	case Failed:
		w.refused(o)
		return
	}
	if o.Conversation == "" {
		return
	}
	c := w.x.conversation(o.Conversation)
	f := w.current[c]
	switch o.Event {
	case CatchingUp:
		w.catchingUp(c, f, o)
	case CaughtUp:
		if f != nil && !f.over {
			f.caughtUp(o)
		}
	case ConversationRemoved:
		if f != nil {
			f.over = true
		}
	case MessageReceived, MessageUpdated, MessageDeleted:
		w.change(c, f, o)
	case ConversationUpdated:
		// Who does not follow is told of it too (C3.8).
		if f != nil && !f.over {
			f.take(o)
		}
	}
}

// refused ends what cannot be subscribed any more.
func (w *watching) refused(o *Observation) {
	switch o.Code {
	case client.CodeNotInConversation, client.CodeForbidden, client.CodeNotFound, client.CodeValidation:
		if f := w.current[w.x.conversations[o.Message]]; f != nil && f.phase == between {
			f.over = true
		}
	}
}

func (w *watching) catchingUp(c *conversation, f *follow, o *Observation) {
	switch {
	case f == nil, f.over && w.wanted[c], !f.over && f.asked && o.AfterRev != f.complete:
		f = &follow{stream: w.stream, conversation: c, start: o.AfterRev, complete: o.AfterRev, began: o, liveSince: -1}
		w.current[c], w.out = f, append(w.out, f)
	case f.over:
		return
	case o.AfterRev != f.complete:
		f.fault("I12", []source{f.latest(), saw(o)}, "a client that was complete up to rev %d went on from rev %d", f.complete, o.AfterRev)
		f.complete = max(f.complete, o.AfterRev)
	case f.phase == following:
		w.hole(f, o)
	}
	w.wanted[c] = false
	f.phase = catching
}

// hole judges that a live connection did not get a rev within a second. What is read back from the database
// leaves out the revs whose message has changed since (C3.3), and a send that was given up takes its
// confirmation with it.
func (w *watching) hole(f *follow, o *Observation) {
	const onItsWay = 3 * time.Second
	missing := f.complete + 1
	if !w.x.calm(o.At-onItsWay, o.At) || f.conversation.superseded(missing, o.Serial) || w.gaveUp(f.conversation, o) {
		return
	}
	records := []source{f.latest(), saw(o)}
	if s, known := f.conversation.states[missing]; known {
		records = append(records, s.first)
	}
	f.fault("I6", records, "a live connection was not told of rev %d", missing)
}

// lateCommit is how long after it was given up a send may still show in its conversation: its transaction
// may go on for 6 seconds, and the hole is noticed a second later.
const lateCommit = 10 * time.Second

// gaveUp reports whether the client gave up a send of its own that the hole may stand for.
func (w *watching) gaveUp(c *conversation, o *Observation) bool {
	for _, did := range w.stream.did {
		if did.Called > o.Serial {
			return false
		}
		if did.Op == Send && did.Result == Info && did.Conversation == c.id && did.End >= o.At-lateCommit {
			return true
		}
	}
	return false
}

func (w *watching) change(c *conversation, f *follow, o *Observation) {
	_, ever := w.wanted[c]
	switch {
	case f == nil && !ever:
		none := &follow{stream: w.stream, conversation: c, over: true}
		none.fault("I6", []source{saw(o)}, "a connection was sent a message of a conversation that it does not follow")
		w.current[c], w.out = none, append(w.out, none)
	case f != nil && !f.over:
		f.take(o)
	}
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

// superseded reports whether what changed at rev had, or may have, changed again before a serial number. A
// rev that nobody ever saw was.
func (c *conversation) superseded(rev, serial int64) bool {
	s, known := c.states[rev]
	if !known {
		return true
	}
	if s.message == nil {
		return c.lastRoster > rev
	}
	for _, later := range s.message.revs {
		if later > rev && c.begun(s.message, later) < serial {
			return true
		}
	}
	return false
}

// begun is the serial number before which a message's change to a later rev cannot have happened: that of
// the edit that was confirmed with this rev, or else of the first operation that may have been it.
func (c *conversation) begun(m *message, rev int64) int64 {
	var first int64
	note := func(o *Operation) {
		if first == 0 || o.Called < first {
			first = o.Called
		}
	}
	for _, o := range m.edits {
		if o.Rev == rev {
			return o.Called
		}
		if o.Rev == 0 {
			note(o)
		}
	}
	for _, o := range m.dels {
		note(o)
	}
	return first
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
