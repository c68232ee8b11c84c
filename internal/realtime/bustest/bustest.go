// Package bustest holds every bus to the contract of realtime.Bus, and makes a bus faulty within it.
package bustest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/realtime"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// Run runs the suite. connect returns the bus as one more node sees it.
func Run(t *testing.T, connect func(*testing.T) realtime.Bus) {
	t.Run("everybody else hears what is published", func(t *testing.T) { everybodyHears(t, connect) })
	t.Run("hearing is one call at a time", func(t *testing.T) { oneAtATime(t, connect) })
	t.Run("who has stopped hears nothing", func(t *testing.T) { stopped(t, connect) })
	t.Run("whoever is too slow is told of the loss", func(t *testing.T) { tooSlow(t, connect) })
}

func everybodyHears(t *testing.T, connect func(*testing.T) realtime.Bus) {
	const listeners, letters = 3, 100
	a := connect(t)
	heard := make(chan string, listeners*letters)
	for i := range listeners {
		defer connect(t).Listen(func(topic string, envelope []byte) { heard <- fmt.Sprint(i, topic, string(envelope)) }, func() {})()
	}
	if !a.Peers() {
		t.Error("Peers reports nobody")
	}
	for i := range letters {
		a.Publish("topic", fmt.Append(nil, i))
	}
	got := make(map[string]bool)
	for range listeners * letters {
		select {
		case h := <-heard:
			if got[h] {
				t.Fatalf("%s was heard twice", h)
			}
			got[h] = true
		case <-time.After(patience):
			t.Fatalf("%d of %d were heard", len(got), listeners*letters)
		}
	}
}

func oneAtATime(t *testing.T, connect func(*testing.T) realtime.Bus) {
	const letters = 200
	a, b := connect(t), connect(t)
	var mu sync.Mutex
	done := make(chan struct{}, letters)
	defer b.Listen(func(string, []byte) {
		if !mu.TryLock() {
			t.Error("two calls at once")
		} else {
			mu.Unlock()
		}
		done <- struct{}{}
	}, func() {})()
	var publishers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			for range letters / 4 {
				a.Publish("topic", []byte("x"))
			}
		})
	}
	publishers.Wait()
	for range letters {
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatal("not everything was heard")
		}
	}
}

func stopped(t *testing.T, connect func(*testing.T) realtime.Bus) {
	a, b, witness := connect(t), connect(t), connect(t)
	var mu sync.Mutex
	over := false
	stop := b.Listen(func(string, []byte) {
		mu.Lock()
		defer mu.Unlock()
		if over {
			t.Error("heard after stop")
		}
	}, func() {})
	heard := make(chan struct{}, 2)
	defer witness.Listen(func(string, []byte) { heard <- struct{}{} }, func() {})()
	a.Publish("topic", []byte("before"))
	stop()
	mu.Lock()
	over = true
	mu.Unlock()
	a.Publish("topic", []byte("after"))
	for range 2 {
		select {
		case <-heard:
		case <-time.After(patience):
			t.Fatal("the witness heard too little")
		}
	}
}

func tooSlow(t *testing.T, connect func(*testing.T) realtime.Bus) {
	const letters = 50_000
	a, b := connect(t), connect(t)
	release, lost := make(chan struct{}), make(chan struct{}, 1)
	all := make(chan struct{})
	n := 0
	defer b.Listen(func(string, []byte) {
		<-release
		if n++; n == letters {
			close(all)
		}
	}, func() {
		select {
		case lost <- struct{}{}:
		default:
		}
	})()
	for range letters {
		a.Publish("topic", []byte("x"))
	}
	close(release)
	select {
	case <-lost:
	case <-all:
		// A bus that can hold so much has lost nothing.
	case <-time.After(patience):
		t.Fatal("envelopes are missing and nobody was told")
	}
}
