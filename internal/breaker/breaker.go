// Package breaker keeps callers from waiting for a part of the system that does not answer. A [Breaker] is closed while
// the part answers, open while it is left alone, and half-open while one probe finds out whether it answers again: so no
// caller's request has to. Callers are let in while it is closed, and not else.
//
// Who counts as failed what is only a refusal, or a caller that went away, takes a part out of service that is well: the
// callers say what is a failure, and only silence and lost connections are.
package breaker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// State says whether a part is used.
type State int

// The states.
const (
	Closed   State = iota // it is used
	HalfOpen              // one probe is under way
	Open                  // it is left alone
)

// States are all of them.
var States = []State{Closed, HalfOpen, Open}

// String is the word of metrics and logs: closed, half_open, open.
func (s State) String() string { return [...]string{"closed", "half_open", "open"}[s] }

// ErrOpen is why a context ended, or a call was not made: the part does not answer.
var ErrOpen = errors.New("it did not answer a moment ago")

// Config is one breaker.
type Config struct {
	// Part names what it stands before, in metrics and logs.
	Part string
	// Failures is how many in a row open it; 0 is 1.
	Failures uint
	// Rest is how long the part is left alone after it failed, before it is probed.
	Rest time.Duration
}

// Change is an opening or a closing. After a probe that failed it is open as it was before, and nothing is told.
type Change struct {
	Part   string
	Opened bool          // or closed again
	Err    error         // the failure that opened it
	Lasted time.Duration // how long it was not closed; 0 when it opens
}

// Breaker is one breaker. Its methods may be called from any goroutine.
type Breaker struct {
	part    string
	rest    time.Duration
	circuit circuitbreaker.CircuitBreaker[any]
	opened  atomic.Uint64
	doubts  chan struct{}

	mu     sync.Mutex
	term   *term
	told   []func(Change)
	why    error
	since  time.Time     // when it opened
	closed chan struct{} // closed while the breaker is
}

// term is the time between two changes of state. What was begun in another says nothing of this one.
type term struct {
	ctx context.Context
	end context.CancelCauseFunc
}

func newTerm() *term {
	ctx, end := context.WithCancelCause(context.Background())
	return &term{ctx, end}
}

// New makes one that is closed.
func New(c Config) *Breaker {
	b := &Breaker{part: c.Part, rest: c.Rest, doubts: make(chan struct{}, 1), term: newTerm(), closed: make(chan struct{})}
	close(b.closed)
	b.circuit = circuitbreaker.NewBuilder[any]().WithFailureThreshold(max(c.Failures, 1)).WithSuccessThreshold(1).
		WithDelay(c.Rest).OnStateChanged(b.change).Build()
	return b
}

// Part is what it stands before.
func (b *Breaker) Part() string { return b.part }

// Rest is how long a caller that was refused had better wait.
func (b *Breaker) Rest() time.Duration { return b.rest }

// State is that of now.
func (b *Breaker) State() State {
	switch b.circuit.State() {
	case circuitbreaker.OpenState:
		return Open
	case circuitbreaker.HalfOpenState:
		return HalfOpen
	}
	return Closed
}

// Opened is how often it was opened from closed.
func (b *Breaker) Opened() uint64 { return b.opened.Load() }

// OnChange has f called, beside those given before, when it opens and when it closes again, one call at a time and in
// their order. f must not wait and must not call the breaker, but for its State.
func (b *Breaker) OnChange(f func(Change)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, f)
}

// Enter lets a call in while the breaker is closed. It is to be ended by [Call.End].
func (b *Breaker) Enter() (c *Call, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &Call{b, b.term}, b.State() == Closed
}

// Within lets a call in while the breaker is closed, and returns a context for it: it ends with ctx, or with ErrOpen as its
// cause as soon as the breaker opens.
func (b *Breaker) Within(ctx context.Context) (within context.Context, cancel context.CancelFunc, ok bool) {
	c, ok := b.Enter()
	if !ok {
		return nil, nil, false
	}
	within, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.term.ctx, func() { end(ErrOpen) })
	return within, func() {
		stop()
		end(nil)
	}, true
}

// Wait returns nil as soon as the breaker is closed, or why ctx ended.
func (b *Breaker) Wait(ctx context.Context) error {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	select {
	case <-closed:
		return nil
	default:
	}
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Open opens it: it is known from elsewhere that the part is away, and err why. One that is half-open is open for another
// rest, and the probe under way says nothing any more; one that is open goes on with the rest that it has begun.
func (b *Breaker) Open(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.why = err
	b.circuit.Open()
}

// Close closes it: it is known from elsewhere that the part answers.
func (b *Breaker) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.circuit.Close()
}

// change runs within a method that holds mu.
func (b *Breaker) change(e circuitbreaker.StateChangedEvent) {
	b.term.end(ErrOpen)
	b.term = newTerm()
	change := Change{Part: b.part, Err: b.why}
	switch {
	case e.OldState == circuitbreaker.ClosedState:
		b.opened.Add(1)
		b.since, b.closed = time.Now(), make(chan struct{})
		change.Opened = true
	case e.NewState == circuitbreaker.ClosedState:
		change.Lasted = time.Since(b.since)
		close(b.closed)
	default:
		return
	}
	for _, f := range b.told {
		f(change)
	}
}
