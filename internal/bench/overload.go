package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

const (
	// overloadDepth is how many messages each person has outstanding at the peak: as many as all people together may have
	// waiting without a refusal.
	overloadDepth = 4
	// overloadTimes is how much more is offered than the peak (reliability goal 13).
	overloadTimes = 5
	// recoverFor is how long half of the peak is offered afterwards; recoverWithin is when all must be well again.
	recoverFor    = 8 * time.Second
	recoverWithin = 5 * time.Second
	// wellWithin is how long a confirmation takes at most where all is well (seed DOC-004, p95).
	wellWithin = 500 * time.Millisecond
	// refusedWithin is how long a refusal takes at most.
	refusedWithin = 50 * time.Millisecond
)

// measureOverload finds the peak in a closed loop, offers five times that whatever becomes of it, and then half.
func measureOverload(ctx context.Context, r *run, s *Scenario) error {
	err := r.on(ctx, s, 1, func(nodes servers) (*load, error) {
		l, err := join(ctx, nodes, r.talks(s), 10)
		if err != nil {
			return nil, err
		}
		defer l.close()
		f := newFlood(l)
		l.listen()
		if err := r.overload(f, nodes, s); err != nil {
			return nil, err
		}
		return l, l.settle()
	})
	if err == nil {
		s.Notes = append(s.Notes, "every client saw every confirmed message once, in order; the database has as many as were confirmed")
	}
	return err
}

func (r *run) overload(f *flood, nodes servers, s *Scenario) error {
	memory := watchMemory(nodes.pids())
	defer memory.stop()

	peak, err := r.phase(f, nodes, memory, r.during, func(during time.Duration) error { return f.closed(overloadDepth, during) })
	if err != nil {
		return err
	}
	over, err := r.phase(f, nodes, memory, r.during, func(during time.Duration) error { return f.open(overloadTimes*peak.rate, during) })
	if err != nil {
		return err
	}
	ended := time.Now()
	// The queue of the overload is part of the recovery: nothing is waited for.
	after, err := r.phase(f, nodes, memory, recoverFor-warmUp, func(during time.Duration) error { return f.open(peak.rate/2, during) })
	if err != nil {
		return err
	}
	if err := f.answered(); err != nil {
		return err
	}
	peak, over, after = f.count(peak), f.count(over), f.count(after)
	offered := float64(over.sent) / over.lasted().Seconds()
	s.Rows = append(s.Rows,
		floor("offered", offered, "msg/s", "the peak", peak.rate, 0.9*overloadTimes),
		floor("goodput at 5 times the peak", over.rate, "msg/s", "the peak, closed loop", peak.rate, 0.8),
		ceiling("refusal p99", percentile(over.refused, 0.99), "ms", "the bound", float64(refusedWithin.Milliseconds()), 1),
		ceiling("memory at 5 times the peak", over.memory, "MiB", "memory at the peak", peak.memory, 2),
		ceiling("well again after", f.unwellUntil(ended).Seconds(), "s", "the bound", recoverWithin.Seconds(), 1))
	s.Notes = append(s.Notes,
		fmt.Sprintf("peak: %d people, %d messages outstanding each, confirmation p50 %s ms, p99 %s ms", len(f.people), overloadDepth,
			number(percentile(peak.confirmed, 0.5)), number(percentile(peak.confirmed, 0.99))),
		fmt.Sprintf("overload: %.0f a second offered, %.0f confirmed and %.0f refused; confirmation p50 %s ms, p99 %s ms; refusal p50 %s ms, the slowest %s ms",
			offered, over.rate, float64(over.refusals)/over.lasted().Seconds(), number(percentile(over.confirmed, 0.5)), number(percentile(over.confirmed, 0.99)),
			number(percentile(over.refused, 0.5)), number(percentile(over.refused, 1))),
		fmt.Sprintf("half of the peak afterwards: confirmation p99 %s ms, %d refused; memory at most %.0f MiB", number(percentile(after.confirmed, 0.99)), after.refusals, after.memory),
		fmt.Sprintf("these clients took %.0f %% of the processors at the peak and %.0f %% in the overload", 100*share(peak), 100*share(over)))
	s.cpu(over.cpu, over.confirmations, true, r.postgres != 0)
	if n := f.unsure(); n > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d sends were neither stored nor refused for sure", n))
	}
	if over.refusals == 0 {
		return errors.New("nothing was refused: this was no overload")
	}
	return nil
}

// share is the part of the machine's processors that these clients took in a phase.
func share(p phase) float64 {
	return p.cpu.Client.Seconds() / (p.lasted().Seconds() * float64(runtime.NumCPU()))
}

// phase offers something, and measures once it has warmed up.
func (r *run) phase(f *flood, nodes servers, memory *memoryWatch, during time.Duration, offer func(time.Duration) error) (phase, error) {
	offered := make(chan error, 1)
	go func() { offered <- offer(warmUp + during) }()
	if err := f.load.wait(warmUp); err != nil {
		return phase{}, errors.Join(err, <-offered)
	}
	memory.reset()
	m, p := startMeter(nodes.pids(), r.postgres), phase{began: time.Now()}
	err := f.load.wait(during)
	p.ended, p.cpu, p.memory = time.Now(), m.stop(), memory.most()
	// Counting keeps people from sending, who would then send at one moment what had come due meanwhile.
	err = errors.Join(err, <-offered)
	p.rate = f.rate(p)
	return p, err
}
