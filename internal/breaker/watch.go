package breaker

import (
	"context"
	"time"
)

// Watch is how a part is asked for a sign of life.
type Watch struct {
	// Every is the time between two probes of a part that answers, from the end of one to the beginning of the next; 0 for
	// none: calls show well enough whether it does.
	Every time.Duration
	// Within is how long a probe may take; then the part is silent.
	Within time.Duration
	// Probe asks. Its error is a failure of the part.
	Probe func(context.Context) error
}

// Doubt has a part that is watched probed now: a call of it failed, and that call alone cannot tell whether the part did.
func (b *Breaker) Doubt() {
	select {
	case b.doubts <- struct{}{}:
	default:
	}
}

// Watch probes until ctx ends: a part that answers now and then, one that does not after each rest. One watch of a breaker may
// run at a time; without one it closes by [Breaker.Close] alone.
func (b *Breaker) Watch(ctx context.Context, w Watch) {
	for b.due(ctx, w.Every) {
		c, ok := b.try()
		if !ok {
			continue
		}
		err := w.ask(ctx)
		if ctx.Err() != nil {
			b.giveUp()
			return
		}
		c.End(err)
	}
}

// try begins a probe. A breaker that has been open for its rest becomes half-open by it.
func (b *Breaker) try() (c *Call, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ok = b.circuit.TryAcquirePermit()
	return &Call{b, b.term}, ok
}

// giveUp ends a probe of which nothing was learned.
func (b *Breaker) giveUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.State() == HalfOpen {
		b.circuit.Open()
	}
}

func (w Watch) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.Within)
	defer cancel()
	return w.Probe(ctx)
}

// due waits until a probe is, and reports false when ctx has ended.
func (b *Breaker) due(ctx context.Context, every time.Duration) bool {
	if b.State() != Closed {
		return after(ctx, b.circuit.RemainingDelay())
	}
	// Doubts bring a probe on, but no closer to the last than a rest.
	if !after(ctx, b.rest) {
		return false
	}
	c, closed := b.Enter()
	if !closed {
		return b.due(ctx, every)
	}
	var regular <-chan time.Time
	if every > 0 {
		timer := time.NewTimer(every - b.rest)
		defer timer.Stop()
		regular = timer.C
	}
	select {
	case <-regular:
	case <-b.doubts:
	case <-c.term.ctx.Done(): // it was opened
		return b.due(ctx, every)
	case <-ctx.Done():
		return false
	}
	return true
}

// after waits, and reports false when ctx has ended.
func after(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
