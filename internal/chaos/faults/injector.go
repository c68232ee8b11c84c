package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// mendWithin bounds how long it may take until something is whole again.
const mendWithin = 2 * time.Minute

// Injector carries out a plan.
type Injector struct {
	Site     *Site
	Plan     *Plan
	Recorder *check.Recorder
	// Number is how many faults there are to be, 0 for as many as the time allows.
	Number int
	// Told is called with what happens, for people; may be nil.
	Told func(line string)

	mu      sync.Mutex
	claimed []string
	current []string // of the faults that are on, for people
	failed  []string
	counts  map[string]int
	changed chan struct{} // closed and replaced when a fault is over
	running sync.WaitGroup
}

// Run injects faults until ctx ends or their number is reached, and returns when everything is whole again:
// what is broken when ctx ends is mended at once. It reports what could not be broken or mended.
func (in *Injector) Run(ctx context.Context) error {
	in.counts, in.changed = map[string]int{}, make(chan struct{})
	in.Site.Broken = in.broken
	for n := 0; in.Number == 0 || n < in.Number; n++ {
		p := in.Plan.Next()
		if !in.await(ctx, p) {
			break
		}
		in.claim(p)
		in.running.Go(func() { in.carryOut(ctx, p) })
		if p.Alone && !in.quiet(ctx) {
			break
		}
	}
	in.running.Wait()
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.failed) > 0 {
		return fmt.Errorf("%d faults could not be injected or mended: %s", len(in.failed), strings.Join(in.failed, "; "))
	}
	return nil
}

// Counts are how many faults of each kind there were.
func (in *Injector) Counts() map[string]int {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := map[string]int{}
	for kind, n := range in.counts {
		out[kind] = n
	}
	return out
}

// Current says what is broken now.
func (in *Injector) Current() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.current)
}

func (in *Injector) broken() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.claimed)
}

// await returns when a fault may begin. It reports false when ctx ended first.
func (in *Injector) await(ctx context.Context, p Planned) bool {
	if p.Alone && !in.quiet(ctx) {
		return false
	}
	timer := time.NewTimer(p.Gap)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return in.until(ctx, func() bool {
		return !slices.ContainsFunc(p.Kind.claims(in.Site, p), func(c string) bool { return slices.Contains(in.claimed, c) })
	})
}

// quiet returns when nothing is broken. It reports false when ctx ended first.
func (in *Injector) quiet(ctx context.Context) bool {
	return in.until(ctx, func() bool { return len(in.claimed) == 0 })
}

// until waits for what holds under the lock.
func (in *Injector) until(ctx context.Context, holds func() bool) bool {
	for {
		in.mu.Lock()
		ok, changed := holds(), in.changed
		in.mu.Unlock()
		if ok {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (in *Injector) claim(p Planned) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.claimed = append(in.claimed, p.Kind.claims(in.Site, p)...)
	in.current = append(in.current, in.name(p))
}

func (in *Injector) name(p Planned) string { return p.Kind.Name + " " + p.Target(in.Site) }

// carryOut breaks something, waits and mends it.
func (in *Injector) carryOut(ctx context.Context, p Planned) {
	defer in.release(p)
	in.tell(fmt.Sprintf("%d: %s for %v", p.Number, in.name(p), p.Window.Round(time.Millisecond)))
	over := in.Recorder.Fault(p.Kind.Name, p.Target(in.Site), fmt.Sprintf("number %d, share %.2f, planned for %v", p.Number, p.Share, p.Window.Round(time.Millisecond)))
	// The mending must not be cut off with the run.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.Window+mendWithin)
	defer cancel()
	mend, err := p.Kind.inject(whole, in.Site, p)
	if err != nil {
		over()
		in.fail(p, err)
		return
	}
	timer := time.NewTimer(p.Window)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if err := mend(whole); err != nil {
		in.fail(p, err)
	}
	over()
	in.mu.Lock()
	in.counts[p.Kind.Name]++
	in.mu.Unlock()
}

func (in *Injector) release(p Planned) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, c := range p.Kind.claims(in.Site, p) {
		i := slices.Index(in.claimed, c)
		in.claimed = slices.Delete(in.claimed, i, i+1)
	}
	i := slices.Index(in.current, in.name(p))
	in.current = slices.Delete(in.current, i, i+1)
	close(in.changed)
	in.changed = make(chan struct{})
}

func (in *Injector) fail(p Planned, err error) {
	text := fmt.Sprintf("%s (number %d): %v", in.name(p), p.Number, err)
	in.tell(text)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.failed = append(in.failed, text)
}

func (in *Injector) tell(line string) {
	if in.Told != nil {
		in.Told(line)
	}
}
