package breaker_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/breaker"
)

var errSilent = errors.New("no answer")

// call makes a call that ends so, and reports whether it was let in.
func call(b *breaker.Breaker, err error) bool {
	c, ok := b.Enter()
	if ok {
		c.End(err)
	}
	return ok
}

func expect(t *testing.T, b *breaker.Breaker, want breaker.State) {
	t.Helper()
	synctest.Wait()
	if got := b.State(); got != want {
		t.Errorf("it is %s, not %s", got, want)
	}
}

// part is a part that is watched.
type part struct {
	*breaker.Breaker
	silent, failing atomic.Bool
	probes          atomic.Int64
}

func watched(t *testing.T, c breaker.Config, every time.Duration) *part {
	p := &part{Breaker: breaker.New(c)}
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		p.Watch(ctx, breaker.Watch{Every: every, Within: 2 * time.Second, Probe: func(ctx context.Context) error {
			p.probes.Add(1)
			if p.silent.Load() {
				<-ctx.Done()
			}
			if p.failing.Load() {
				return errSilent
			}
			return ctx.Err()
		}})
	}()
	t.Cleanup(func() {
		stop()
		<-over
	})
	return p
}

func TestAPartThatFailsSoOftenInARowIsLeftAloneUntilAProbeFindsItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := watched(t, breaker.Config{Part: "redis", Failures: 3, Rest: time.Second}, 0)
		for _, err := range []error{errSilent, errSilent, nil, errSilent, errSilent} {
			call(p.Breaker, err)
		}
		expect(t, p.Breaker, breaker.Closed)
		call(p.Breaker, errSilent)
		expect(t, p.Breaker, breaker.Open)
		if call(p.Breaker, nil) {
			t.Error("somebody was let in while it was open")
		}
		p.silent.Store(true)
		time.Sleep(time.Second)
		expect(t, p.Breaker, breaker.HalfOpen)
		if call(p.Breaker, nil) {
			t.Error("somebody was let in while it was half-open")
		}
		time.Sleep(2 * time.Second)
		expect(t, p.Breaker, breaker.Open)
		p.silent.Store(false)
		time.Sleep(time.Second)
		expect(t, p.Breaker, breaker.Closed)
		if !call(p.Breaker, nil) {
			t.Error("nobody is let in when it is closed again")
		}
		if n := p.Opened(); n != 1 {
			t.Errorf("it was opened %d times", n)
		}
		time.Sleep(time.Hour)
		if n := p.probes.Load(); n != 2 {
			t.Errorf("%d probes, of which only two were needed", n)
		}
	})
}

func TestOpeningAndClosingAreToldOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := watched(t, breaker.Config{Part: "database", Rest: 250 * time.Millisecond}, 0)
		var told []breaker.Change
		p.OnChange(func(c breaker.Change) { told = append(told, c) })
		p.failing.Store(true)
		call(p.Breaker, errSilent)
		time.Sleep(900 * time.Millisecond)
		p.failing.Store(false)
		time.Sleep(time.Second)
		expect(t, p.Breaker, breaker.Closed)
		want := []breaker.Change{
			{Part: "database", Opened: true, Err: errSilent},
			{Part: "database", Err: errSilent, Lasted: time.Second},
		}
		if !slices.Equal(told, want) {
			t.Errorf("told %v", told)
		}
	})
}

func TestACallThatBeganBeforeTheLastChangeSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(breaker.Config{Rest: time.Second})
		early, _ := b.Enter()
		late, _ := b.Enter()
		b.Open(errSilent)
		early.End(nil)
		expect(t, b, breaker.Open)
		b.Close()
		late.End(errSilent)
		expect(t, b, breaker.Closed)
	})
}

func TestOpeningOneThatIsOpenDoesNotLengthenItsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := watched(t, breaker.Config{Rest: time.Second}, 0)
		p.Open(errSilent)
		time.Sleep(900 * time.Millisecond)
		p.Open(errSilent)
		p.silent.Store(true)
		time.Sleep(100 * time.Millisecond)
		expect(t, p.Breaker, breaker.HalfOpen)
		p.Open(errSilent)
		p.silent.Store(false)
		time.Sleep(999 * time.Millisecond)
		expect(t, p.Breaker, breaker.Open)
	})
}

func TestWhatIsUnderWayEndsWhenItOpensAndWhoWaitsGoesOnWhenItCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(breaker.Config{Rest: time.Second})
		within, cancel, ok := b.Within(t.Context())
		if !ok {
			t.Fatal("a closed one refuses")
		}
		defer cancel()
		if err := b.Wait(t.Context()); err != nil {
			t.Errorf("waiting for a closed one: %v", err)
		}
		b.Open(errSilent)
		<-within.Done()
		if context.Cause(within) != breaker.ErrOpen {
			t.Errorf("it ended by %v", context.Cause(within))
		}
		if _, _, ok := b.Within(t.Context()); ok {
			t.Error("an open one lets somebody in")
		}
		short, give := context.WithTimeout(t.Context(), time.Second)
		defer give()
		if err := b.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for an open one: %v", err)
		}
		waited := make(chan error)
		go func() { waited <- b.Wait(t.Context()) }()
		synctest.Wait()
		b.Close()
		if err := <-waited; err != nil {
			t.Error(err)
		}
	})
}

func TestAWatchedPartIsFoundSilentAndBackWithoutAnyCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := watched(t, breaker.Config{Rest: 250 * time.Millisecond}, time.Second)
		time.Sleep(10*time.Second + time.Millisecond)
		if n := p.probes.Load(); n != 10 {
			t.Errorf("%d probes in 10 s", n)
		}
		p.silent.Store(true)
		time.Sleep(3 * time.Second)
		expect(t, p.Breaker, breaker.Open)
		p.silent.Store(false)
		time.Sleep(250 * time.Millisecond)
		expect(t, p.Breaker, breaker.Closed)
	})
}

func TestADoubtBringsAProbeOnAndManyNotMoreThanOneARest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := watched(t, breaker.Config{Rest: 250 * time.Millisecond}, time.Hour)
		for range 1000 {
			p.Doubt()
			time.Sleep(time.Millisecond)
		}
		if n := p.probes.Load(); n < 3 || n > 4 {
			t.Errorf("%d probes in a second", n)
		}
		p.failing.Store(true)
		p.Doubt()
		time.Sleep(250 * time.Millisecond)
		expect(t, p.Breaker, breaker.Open)
	})
}

func TestAProbeThatIsGivenUpLeavesTheStateAsItWas(t *testing.T) {
	for _, opened := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := breaker.New(breaker.Config{Rest: time.Second})
			ctx, stop := context.WithCancel(t.Context())
			if opened {
				b.Open(errSilent)
			}
			before := b.State()
			over := make(chan struct{})
			go func() {
				defer close(over)
				b.Watch(ctx, breaker.Watch{Every: 2 * time.Second, Within: time.Hour, Probe: func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				}})
			}()
			time.Sleep(3 * time.Second)
			stop()
			<-over
			expect(t, b, before)
		})
	}
}
