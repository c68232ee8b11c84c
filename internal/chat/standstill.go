package chat

import (
	"context"
	"time"
)

const (
	// pulseEvery is how often it is noted that the process runs.
	pulseEvery = time.Second
	// stoodStill is how long nothing may have been noted before it is held that the process stood still: it was stopped, or had
	// no processor. Less than what is left of a lease at its end.
	stoodStill = 5 * time.Second
	// wakesFor is how long after that what comes out of a socket may have come into it before: longer than it takes to read
	// what lies in all of them.
	wakesFor = 2 * time.Second
)

// pulse notes each second that the process runs, until ctx ends.
func (k *attendances) pulse(ctx context.Context) {
	k.ran.Store(k.at(time.Now()))
	every := time.NewTicker(pulseEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			now := k.at(time.Now())
			k.wokeAt(now)
			k.ran.Store(now)
		case <-ctx.Done():
			return
		}
	}
}

// wokeAt is when the process went on after it stood still last before now; 0 when it never did. Whoever comes first after that
// notices it.
func (k *attendances) wokeAt(now int64) int64 {
	if now-k.ran.Load() >= int64(stoodStill) {
		k.mu.Lock()
		if now-k.ran.Load() >= int64(stoodStill) {
			k.woke.Store(now)
			k.ran.Store(now)
		}
		k.mu.Unlock()
	}
	return k.woke.Load()
}
