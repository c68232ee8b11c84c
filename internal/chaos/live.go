package chaos

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// live tells people how a run goes on.
type live struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func newLive(out io.Writer) *live {
	if out == nil {
		out = io.Discard
	}
	return &live{out: out, start: time.Now()}
}

func (l *live) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%s  %s\n", l.elapsed(), fmt.Sprintf(format, args...))
}

func (l *live) elapsed() string {
	d := time.Since(l.start)
	return fmt.Sprintf("%02d:%04.1f", int(d.Minutes()), (d - d.Truncate(time.Minute)).Seconds())
}

// follow prints a line every second until stop is called.
func (l *live) follow(r *run) (stop func()) {
	done := make(chan struct{})
	var printing sync.WaitGroup
	printing.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		before := r.recorder.Tally()
		for {
			select {
			case <-tick.C:
			case <-done:
				return
			}
			t := r.recorder.Tally()
			current, problems := "", ""
			if r.injector != nil {
				current = strings.Join(r.injector.Current(), " + ")
			}
			if n := len(r.work.Faults()); n > 0 {
				problems = fmt.Sprintf("  %d problems", n)
			}
			l.say("%5d/s confirmed  %6d seen/s  %4d open  %6d confirmed  %3d faults%s  %s",
				t.Confirmed-before.Confirmed, t.Seen-before.Seen, t.Open, t.Confirmed, t.Faults, problems, current)
			before = t
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		printing.Wait()
	})
}
