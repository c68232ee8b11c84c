package client

import (
	"maps"
	"slices"
	"time"
)

// FromNow subscribes without a past: to what happens after the server's answer.
const FromNow int64 = -1

// holeAfter is how long a missing rev may be on its way. A confirmation may overtake the events before
// it, never by that much.
const holeAfter = time.Second

type phase uint8

const (
	wanted     phase = iota // to be subscribed on this socket
	requested               // the subscribe is on its way
	catchingUp              // the server sends what was missed
	paging                  // what was missed is read over REST
	following               // live
)

// track keeps one subscribed conversation complete and in order over all sockets.
type track struct {
	conversation string
	phase        phase
	complete     int64 // everything up to this rev has been handed over; FromNow before the first answer
	seq          int64 // the newest message handed over
	hasMore      bool  // of the catch-up under way
	early        map[int64]Event
	holeSince    time.Time // when early began to wait for a rev before it; zero when it does not
	hole         bool      // that is why it is subscribed again
	retryAt      time.Time // of a subscribe that was refused
	failures     int       // of subscribes, and of what is read after them, since the last that came to its end

	acked   int64
	ackedAt time.Time

	recent []seat // of the newest messages handed over, at least keptSeats if there were so many
}

// keptSeats is of how many of the newest messages a track remembers where they stand.
const keptSeats = 50

// seat is where a message stands.
type seat struct {
	message string
	seq     int64
}

// seqOf is where a message stands that was handed over of late; 0 when that is not known. A nil track knows nothing.
func (t *track) seqOf(message string) int64 {
	if t == nil {
		return 0
	}
	i := slices.IndexFunc(t.recent, func(s seat) bool { return s.message == message })
	if i < 0 {
		return 0
	}
	return t.recent[i].seq
}

func newTrack(conversation string, afterRev int64) *track {
	return &track{conversation: conversation, complete: max(afterRev, FromNow), early: map[int64]Event{}}
}

// subscribed notes the server's answer to a subscribe.
func (t *track) subscribed(lastSeq, lastRev int64, hasMore bool) CatchingUp {
	t.phase, t.hasMore = catchingUp, hasMore
	if t.complete == FromNow {
		t.complete, t.seq, t.acked = lastRev, lastSeq, lastSeq
	}
	// What waits for a hole comes again, as it is by now.
	maps.DeleteFunc(t.early, func(rev int64, _ Event) bool { return rev <= lastRev })
	e := CatchingUp{ConversationID: t.conversation, AfterRev: t.complete, LastRev: lastRev, Hole: t.hole}
	t.hole = false
	return e
}

// offer takes an event at rev and returns what may be handed over now.
func (t *track) offer(rev int64, e Event, now time.Time) []Event {
	if t.complete != FromNow && rev <= t.complete {
		return nil
	}
	own, isOwn := e.(MessageReceived)
	if _, waits := t.early[rev]; !waits || !isOwn || !own.Own {
		// What the server tells of a rev is better than what was made up from a confirmation.
		t.early[rev] = e
	}
	switch {
	case t.phase == catchingUp && (!isOwn || !own.Own):
		return t.upTo(rev)
	case t.phase == following:
		return t.dense(now)
	}
	return nil
}

// upTo hands over what is held up to rev: in a difference of states revs may be left out (C3.3).
func (t *track) upTo(rev int64) []Event {
	var revs []int64
	for r := range t.early {
		if r <= rev {
			revs = append(revs, r)
		}
	}
	slices.Sort(revs)
	var out []Event
	for _, r := range revs {
		out = t.hand(out, r)
	}
	t.complete = max(t.complete, rev)
	return out
}

// dense hands over what follows without a hole.
func (t *track) dense(now time.Time) []Event {
	var out []Event
	stuck := false
	for t.early[t.complete+1] != nil && !stuck {
		before := len(out)
		if out = t.hand(out, t.complete+1); len(out) == before {
			stuck = true
		} else {
			t.complete++
		}
	}
	switch {
	case len(t.early) == 0 && !stuck:
		t.holeSince = time.Time{}
	case t.holeSince.IsZero() || len(out) > 0:
		t.holeSince = now
	}
	return out
}

// hand moves the event at rev r out. A confirmation of a resent message that had been handed over
// before says nothing new of it: the change that r stands for comes as an event of its own.
func (t *track) hand(out []Event, r int64) []Event {
	e := t.early[r]
	delete(t.early, r)
	var m Message
	switch e := e.(type) {
	case MessageReceived:
		if m = e.Message; e.Own && m.Seq <= t.seq {
			return out
		}
	case MessageUpdated:
		m = e.Message
	case MessageDeleted:
		m = e.Message
	}
	t.seq = max(t.seq, m.Seq)
	if m.ID != "" {
		if len(t.recent) == 2*keptSeats {
			t.recent = append(t.recent[:0], t.recent[keptSeats:]...)
		}
		t.recent = append(t.recent, seat{m.ID, m.Seq})
	}
	return append(out, e)
}

// caughtUp ends a catch-up at rev and returns what may be handed over now.
func (t *track) caughtUp(rev int64, now time.Time) []Event {
	out := t.upTo(rev)
	t.phase, t.hasMore = following, false
	return append(out, t.dense(now)...)
}

// lost reports whether a rev is missing for longer than it can be on its way.
func (t *track) lost(now time.Time) bool {
	return t.phase == following && !t.holeSince.IsZero() && now.Sub(t.holeSince) >= holeAfter
}

// owesAck reports whether an acknowledgement is due: at most one a second (C3.4).
func (t *track) owesAck(now time.Time) bool {
	return t.seq > t.acked && now.Sub(t.ackedAt) >= time.Second
}
