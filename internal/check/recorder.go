package check

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Recorder writes a history down while it happens. It may be used from any goroutine.
type Recorder struct {
	start time.Time

	mu      sync.Mutex
	serial  int64
	history History
	words   interner
	open    map[*Call]struct{}
	tally   Tally
	changed chan struct{} // closed and replaced when somebody waits and something was recorded; nil when nobody waits
}

// Tally is what a recorder counts as it goes.
type Tally struct {
	Confirmed int // sends answered ok
	Unsure    int // sends that came out as info
	Refused   int // sends that came out as fail
	Seen      int // observations
	Open      int // operations under way
	Faults    int // begun
}

// NewRecorder starts the clock.
func NewRecorder() *Recorder {
	now := time.Now()
	return &Recorder{start: now, history: History{Run: Run{Started: now}}, words: newInterner(), open: make(map[*Call]struct{})}
}

// Now is the clock's time.
func (r *Recorder) Now() time.Duration { return time.Since(r.start) }

// Run changes what is said of the run: its name, its seed, when it healed and settled.
func (r *Recorder) Run(change func(run *Run)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.history.Run)
}

// Fault notes that something is broken from now until end is called, which returns for how long it was.
func (r *Recorder) Fault(kind, target, note string) (end func() time.Duration) {
	var i int
	r.note(func() {
		i = len(r.history.Faults)
		r.history.Faults = append(r.history.Faults, Fault{Kind: kind, Target: target, Note: note, From: r.Now()})
		r.tally.Faults++
	})
	return sync.OnceValue(func() (lasted time.Duration) {
		r.note(func() {
			f := &r.history.Faults[i]
			f.To = r.Now()
			lasted = f.To - f.From
		})
		return lasted
	})
}

// Tally returns the counts of the moment.
func (r *Recorder) Tally() Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tallied()
}

func (r *Recorder) tallied() Tally {
	t := r.tally
	t.Open = len(r.open)
	return t
}

// Wait returns nil when holds does, which is asked whenever something was recorded, or the reason why ctx
// ended.
func (r *Recorder) Wait(ctx context.Context, holds func(Tally) bool) error {
	for {
		r.mu.Lock()
		t := r.tallied()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		if holds(t) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// History returns what has been recorded so far. Operations that are under way are in it as info: they may
// have happened. What is recorded later does not change it.
func (r *Recorder) History() *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.history
	h.Operations = slices.Clone(h.Operations)
	h.Observations = slices.Clip(h.Observations)
	h.Faults = slices.Clone(h.Faults)
	h.Run.Ended = r.Now()
	serial := r.serial
	open := slices.SortedFunc(maps.Keys(r.open), func(a, b *Call) int { return cmp.Compare(a.Called, b.Called) })
	for _, c := range open {
		o := c.asked
		serial++
		o.Result, o.End, o.Returned = Info, h.Run.Ended, serial
		h.Operations = append(h.Operations, o)
	}
	return &h
}

// name returns a number that no other record has.
func (r *Recorder) name() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next()
}

// note records something and wakes those who wait.
func (r *Recorder) note(record func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record()
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// next is the next serial number. The lock is held.
func (r *Recorder) next() int64 {
	r.serial++
	return r.serial
}
