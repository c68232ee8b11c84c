package chat

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	// lapseEvery is how often it is looked for people whose last lease has ended, give or take a quarter.
	lapseEvery = time.Second
	// lapsedAtOnce is how many of them are dealt with together.
	lapsedAtOnce = 500
)

// lapsing looks for people who are there no more until ctx ends.
func (s *Service) lapsing(ctx context.Context) {
	for {
		wait := time.NewTimer(lapseEvery*3/4 + rand.N(lapseEvery/2))
		select {
		case <-wait.C:
		case <-s.lapseSoon:
		case <-ctx.Done():
		}
		wait.Stop()
		if ctx.Err() != nil {
			return
		}
		err := s.survive(func() error { return s.lapse(ctx) })
		if ctx.Err() == nil {
			s.attendances.counters.lapses.report(s, "lapses", err)
		}
	}
}

// LapseSoon has it looked for people who are there no more now and not only at the next turn. It does not wait.
func (s *Service) LapseSoon() {
	select {
	case s.lapseSoon <- struct{}{}:
	default:
	}
}

// lapse tells of those whose last lease has ended. Who could not be told of, or settled, comes again.
func (s *Service) lapse(ctx context.Context) error {
	for {
		more, err := s.lapseSome(ctx)
		if err != nil || !more {
			return err
		}
	}
}

func (s *Service) lapseSome(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	offline, err := s.cfg.Devices.Lapse(ctx, lapsedAtOnce)
	if err != nil || len(offline) == 0 {
		return false, err
	}
	if err := s.tellOffline(ctx, offline); err != nil {
		return false, err
	}
	s.attendances.counters.lapsed.Add(int64(len(offline)))
	return len(offline) == lapsedAtOnce, s.cfg.Devices.Settle(ctx, offline)
}

// tellOffline notes when people were seen last who are there no more, and then tells of them. The store knows better
// than who counts leases whether they may be seen, and an invisible one is seen last when they became so (C7.1).
func (s *Service) tellOffline(ctx context.Context, offline []Presence) error {
	seen := make(map[UserID]time.Time, len(offline))
	for _, p := range offline {
		seen[p.User] = p.SeenAt
	}
	noted, err := s.store.SawLast(ctx, seen)
	if err != nil {
		return err
	}
	for i := range offline {
		p := &offline[i]
		n, exists := noted[p.User]
		switch {
		case !exists:
			// They were erased, and nobody knows them any more.
			p.Privacy.Enabled = false
		case n.Privacy.Rev >= p.Privacy.Rev:
			p.Privacy = n.Privacy
		}
		if p.SeenAt = n.SeenAt; p.Privacy.Secret() {
			p.SeenAt = time.Time{}
		}
	}
	s.tellPresence(offline, causedBy(TraceOf(ctx)))
	return nil
}
