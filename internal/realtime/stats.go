package realtime

import (
	"sync/atomic"
	"time"
)

// Stats is what the hub has done since its start, and what it holds now.
type Stats struct {
	Sessions      int // live sockets of signed-in people
	People        int // whose conversations are in the book; 0 for a node that is alone
	Conversations int // of theirs
	Topics        int // of the bus that this node follows

	Viewers    int   // people here who watch others' presence
	Watched    int   // people whose presence somebody here watches
	Pairs      int64 // of one who watches and one who is watched
	StatesOwed int   // sessions that have not been told all of it: they came a moment ago, or read too slowly

	PresencesTold  uint64 // changes told, one for each session
	StatesTold     uint64 // full states told
	WatchingReads  uint64 // times that it was read whom people watch
	PresencesAsked uint64 // people whose presence was read

	GapsRepaired uint64 // times that a conversation's missing changes were read from the store
	Comparisons  uint64 // conversations compared with the store
	Behind       uint64 // times that this showed something that had not been heard
	Lost         uint64 // times that the bus said that it may have lost something
	Misheard     uint64 // envelopes that could not be read, or said what the store does not hold

	Untimed         uint64 // new messages handed to sessions of which it is not known when they were committed
	TypingDropped   uint64 // events that a session was not told because it reads slowly
	PresenceDropped uint64 // the same of presence, of which it is told the state later
	CatchUps        uint64 // times that a session was sent what it lacked of a conversation, whole
	CatchUpsCut     uint64 // the same, when it lacked too much: it reads the rest itself
	CaughtUp        uint64 // changes that it was sent
}

type counters struct {
	gaps, comparisons, behind, lost, misheard      atomic.Uint64
	untimed, typingDropped, presenceDropped        atomic.Uint64
	caughtUpWhole, caughtUpInPart, caughtUpChanges atomic.Uint64
}

// Stats returns the counters as they are now.
func (h *Hub) Stats() Stats {
	s := Stats{
		Sessions: h.sessions.count(), Topics: h.follows.count(),
		GapsRepaired: h.counters.gaps.Load(), Comparisons: h.counters.comparisons.Load(), Behind: h.counters.behind.Load(),
		Lost: h.counters.lost.Load(), Misheard: h.counters.misheard.Load(),
		Untimed: h.counters.untimed.Load(), TypingDropped: h.counters.typingDropped.Load(), PresenceDropped: h.counters.presenceDropped.Load(),
		CatchUps: h.counters.caughtUpWhole.Load(), CatchUpsCut: h.counters.caughtUpInPart.Load(), CaughtUp: h.counters.caughtUpChanges.Load(),
	}
	s.People, s.Conversations = h.book.count()
	h.presences.stats(&s)
	return s
}

// Outboxes is what waits to be written to this node's sessions: bytes of all together, and how many of them have half of
// what they may have, or more. It looks at each session.
func (h *Hub) Outboxes() (bytes, halfFull int) {
	for _, s := range h.sessions.all() {
		waits, half := s.waiting()
		if bytes += waits; half {
			halfFull++
		}
	}
	return bytes, halfFull
}

// complaints keeps a fault that comes in thousands from filling the log.
type complaints struct{ last atomic.Int64 }

// now reports whether it is time to complain again.
func (c *complaints) now() bool {
	now, last := time.Now().UnixNano(), c.last.Load()
	return now-last >= int64(10*time.Second) && c.last.CompareAndSwap(last, now)
}
