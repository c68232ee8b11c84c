package check

import (
	"math"
	"time"

	"github.com/parley-chat/parley/client"
)

// watching makes the follows of one stream.
type watching struct {
	x       *index
	stream  *stream
	current map[*conversation]*follow
	wanted  map[*conversation]bool // a subscribe was asked for and has not been answered; false after that
	waiting map[*conversation]int  // subscribes that were asked for since the last answer
	out     []*follow
	settled bool

	connected bool // the client wants a connection
}

func watch(x *index, s *stream) *watching {
	w := &watching{
		x: x, stream: s, current: make(map[*conversation]*follow), wanted: make(map[*conversation]bool), waiting: make(map[*conversation]int),
	}
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
	if w.wanted[c] {
		w.waiting[c]++
	}
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
	case Disordered:
		if f != nil && !f.over && !w.x.mayRepeat(o.At) {
			f.fault("I6", []source{f.latest(), saw(o)}, "a connection was sent rev %d after rev %d", o.Rev, o.AfterRev)
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
		if f := w.current[w.x.conversations[o.Message]]; f != nil {
			// Who has a hole asks anew while it follows, and may hear of a removal in this way.
			f.over = f.over || f.phase == between || len(f.conversation.member(o.User).may) > 0
		}
	}
}

func (w *watching) catchingUp(c *conversation, f *follow, o *Observation) {
	switch {
	case f == nil, f.over && w.wanted[c], !f.over && f.asked && o.AfterRev != f.complete:
		f = &follow{stream: w.stream, conversation: c, start: o.AfterRev, complete: o.AfterRev, began: o, liveSince: -1}
		// With several waiting this may be the answer to an earlier one, whose end was not noticed yet.
		f.asked = w.waiting[c] > 1
		w.current[c], w.out = f, append(w.out, f)
	case f.over:
		return
	case o.AfterRev != f.complete:
		f.fault("I12", []source{f.latest(), saw(o)}, "a client that was complete up to rev %d went on from rev %d", f.complete, o.AfterRev)
		f.complete = max(f.complete, o.AfterRev)
	case f.phase == following && o.Hole:
		w.hole(f, o)
	}
	w.wanted[c], w.waiting[c] = false, 0
	f.phase = catching
}

// hole judges that a live connection did not get a rev within a second. What is read back from the database
// leaves out the revs whose message has changed since (C3.3), and a send that was given up takes its
// confirmation with it.
func (w *watching) hole(f *follow, o *Observation) {
	const onItsWay = 3 * time.Second
	missing := f.complete + 1
	if !apart(w.x.unmended, o.At-onItsWay, o.At) || f.conversation.superseded(missing, o.Serial) || w.gaveUp(f.conversation, o) {
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
