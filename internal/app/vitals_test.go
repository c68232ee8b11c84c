package app

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// watching runs vitals of some parts until the test ends.
func watching(t *testing.T, take func(*vitals)) *vitals {
	v := newVitals(slog.New(slog.DiscardHandler))
	take(v)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- v.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestALockThatIsNotGivenBackIsNoticedAndSoIsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A channel, since time in the bubble stands still for who waits for a mutex.
		lock := make(chan struct{}, 1)
		v := watching(t, func(v *vitals) {
			v.answers("hub", func() { lock <- struct{}{}; <-lock })
			v.answers("sockets", func() {})
		})
		time.Sleep(time.Minute)
		lock <- struct{}{}
		time.Sleep(20 * time.Second)
		if got := v.stuck(); len(got) != 0 {
			t.Errorf("after 20 s %v are stuck", got)
		}
		time.Sleep(20 * time.Second)
		if got := v.stuck(); !slices.Equal(got, []string{"hub"}) {
			t.Errorf("after 40 s %v are stuck", got)
		}
		<-lock
		time.Sleep(2 * time.Second)
		if got := v.stuck(); len(got) != 0 {
			t.Errorf("%v are stuck, and go on", got)
		}
	})
}

func TestAPartWithWorkHasToGetFurtherAndOneWithoutNeedNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		turns, busy := uint64(7), false
		v := watching(t, func(v *vitals) {
			v.watch("committer", func() (uint64, bool) {
				mu.Lock()
				defer mu.Unlock()
				return turns, busy
			})
		})
		time.Sleep(5 * time.Minute)
		if got := v.stuck(); len(got) != 0 {
			t.Errorf("%v are stuck, and have nothing to do", got)
		}
		mu.Lock()
		busy = true
		mu.Unlock()
		for range 6 {
			time.Sleep(20 * time.Second)
			mu.Lock()
			turns++
			mu.Unlock()
		}
		if got := v.stuck(); len(got) != 0 {
			t.Errorf("%v are stuck, and slow", got)
		}
		time.Sleep(40 * time.Second)
		if got := v.stuck(); !slices.Equal(got, []string{"committer"}) {
			t.Errorf("%v are stuck", got)
		}
	})
}
