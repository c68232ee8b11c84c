package chat

import (
	"context"
	"sync"
	"sync/atomic"
)

// PresenceStats is what an operator may know of presence on this node.
type PresenceStats struct {
	Online, Away int64 // connections
	// Since the start: beats of devices, times that somebody's presence was told, and people who were found to be there no more.
	Beats, Told, Lapsed int64
	// Failures are of rounds of beats, and of looking for who is there no more.
	FailedBeats, FailedLapses int64
}

// PresenceStats says what this node has done for presence.
func (s *Service) PresenceStats() PresenceStats {
	c := &s.attendances.counters
	return PresenceStats{
		Online: c.online.Load(), Away: c.away.Load(), Beats: c.beaten.Load(), Told: c.told.Load(), Lapsed: c.lapsed.Load(),
		FailedBeats: c.beats.times.Load(), FailedLapses: c.lapses.times.Load(),
	}
}

type presenceCounters struct {
	online, away, beaten, told, lapsed atomic.Int64
	beats, lapses                      failures
}

// failures of a part that runs again and again by itself.
type failures struct {
	failing bool
	times   atomic.Int64
}

// report counts how a turn went, and says when that is another way than the one before.
func (f *failures) report(s *Service, part string, err error) {
	if err != nil {
		f.times.Add(1)
	}
	if now := err != nil; now != f.failing {
		f.failing = now
		if s.cfg.PresenceFailed != nil {
			s.cfg.PresenceFailed(part, err)
		}
	}
}

// attending keeps presence right until ctx ends, and a moment longer.
func (s *Service) attending(ctx context.Context) *sync.WaitGroup {
	running := new(sync.WaitGroup)
	if s.cfg.Devices != nil {
		running.Go(func() { s.attendances.pulse(ctx) })
		running.Go(func() { s.attendances.run(ctx) })
		running.Go(func() { s.lapsing(ctx) })
	}
	return running
}

// tellPresence tells everybody who may know. Each change has the trace of what caused it; one of which that is zero has its own.
func (s *Service) tellPresence(changed []Presence, cause func(UserID) Trace) {
	if len(changed) == 0 {
		return
	}
	s.attendances.counters.told.Add(int64(len(changed)))
	s.announcer.PresenceChanged(changed)
	if s.cfg.PresenceTold == nil {
		return
	}
	for _, p := range changed {
		of := cause(p.User)
		if of.IsZero() {
			of = NewTrace()
		}
		s.cfg.PresenceTold(p, of)
	}
}

// causedBy is one cause of all.
func causedBy(of Trace) func(UserID) Trace { return func(UserID) Trace { return of } }
