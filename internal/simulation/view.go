package simulation

import (
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/client"
)

// fromNow is the complete of a view that has no past.
const fromNow int64 = -1

// patience is how long a view waits for a rev that may be on its way: a confirmation can overtake the events
// before it.
const patience = time.Second

type phase uint8

const (
	absent     phase = iota // not followed on this socket
	requested               // a subscribe is on its way
	catchingUp              // the server sends what was missed
	following               // live
)

// view is what a device has of a conversation, kept complete and in order as the SDK and the Go client do: a rev
// that is missing for a second is asked for again.
type view struct {
	conversation string
	phase        phase
	left         bool  // the device looks away from it
	complete     int64 // everything up to this rev is here; fromNow before the first answer
	seq          int64 // the newest message handed over
	early        map[int64]client.Event
	holeSince    time.Time // when early began to wait for a rev before it; zero when it does not
	holed        bool      // that is why it is subscribed again
	retryAt      time.Time // of a subscribe that was refused
	acked        int64
	ackedAt      time.Time
	messages     []client.Message // the newest state of each that was seen, in the order of being seen first
	place        map[string]int   // of a message in messages
}

func newView(conversation string, afterRev int64) *view {
	return &view{conversation: conversation, complete: afterRev, early: make(map[int64]client.Event), place: make(map[string]int)}
}

// subscribed takes the server's answer to a subscribe.
func (v *view) subscribed(lastSeq, lastRev int64) client.CatchingUp {
	v.phase = catchingUp
	if v.complete == fromNow {
		v.complete, v.seq, v.acked = lastRev, lastSeq, lastSeq
	}
	// What waits for a hole comes again, as it is by now.
	maps.DeleteFunc(v.early, func(rev int64, _ client.Event) bool { return rev <= lastRev })
	holed := v.holed
	v.holed = false
	return client.CatchingUp{ConversationID: v.conversation, AfterRev: v.complete, LastRev: lastRev, Hole: holed}
}

// offer takes an event at rev and returns what is its turn.
func (v *view) offer(rev int64, e client.Event, now time.Time) []client.Event {
	if v.complete != fromNow && rev <= v.complete {
		return nil
	}
	received, isReceived := e.(client.MessageReceived)
	own := isReceived && received.Own
	if _, waits := v.early[rev]; !waits || !own {
		v.early[rev] = e
	}
	switch {
	case v.phase == catchingUp && !own:
		return v.upTo(rev)
	case v.phase == following:
		return v.dense(now)
	}
	return nil
}

// upTo hands over what is held up to rev: in a difference of states revs may be left out (C3.3).
func (v *view) upTo(rev int64) []client.Event {
	var revs []int64
	for r := range v.early {
		if r <= rev {
			revs = append(revs, r)
		}
	}
	slices.Sort(revs)
	var out []client.Event
	for _, r := range revs {
		out = v.hand(out, r)
	}
	v.complete = max(v.complete, rev)
	return out
}

// dense hands over what follows without a hole.
func (v *view) dense(now time.Time) []client.Event {
	var out []client.Event
	stuck := false
	for v.early[v.complete+1] != nil && !stuck {
		before := len(out)
		if out = v.hand(out, v.complete+1); len(out) == before {
			stuck = true
		} else {
			v.complete++
		}
	}
	switch {
	case len(v.early) == 0 && !stuck:
		v.holeSince = time.Time{}
	case v.holeSince.IsZero() || len(out) > 0:
		v.holeSince = now
	}
	return out
}

// hole reports whether a rev is missing for longer than it can be on its way, and whether the server has shown
// something past it.
func (v *view) hole(now time.Time) (missing, shown bool) {
	if v.phase != following || v.holeSince.IsZero() || now.Sub(v.holeSince) < patience {
		return false, false
	}
	for _, e := range v.early {
		if received, is := e.(client.MessageReceived); !is || !received.Own {
			shown = true
		}
	}
	return true, shown
}

// hand moves the event at rev r out. A confirmation of a resent message that was handed over before says nothing
// new of it: the change that r stands for comes as an event of its own.
func (v *view) hand(out []client.Event, r int64) []client.Event {
	e := v.early[r]
	delete(v.early, r)
	switch e := e.(type) {
	case client.MessageReceived:
		if e.Own && e.Message.Seq <= v.seq {
			return out
		}
		v.note(e.Message)
	case client.MessageUpdated:
		v.note(e.Message)
	case client.MessageDeleted:
		v.note(e.Message)
	}
	return append(out, e)
}

func (v *view) note(m client.Message) {
	v.seq = max(v.seq, m.Seq)
	if i, known := v.place[m.ID]; known {
		v.messages[i] = m
		return
	}
	v.place[m.ID] = len(v.messages)
	v.messages = append(v.messages, m)
}

// caughtUp ends a catch-up at rev.
func (v *view) caughtUp(rev int64, now time.Time) []client.Event {
	out := v.upTo(rev)
	v.phase = following
	return append(out, v.dense(now)...)
}
