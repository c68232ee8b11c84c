package bustest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/realtime"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// ear listens to a bus and notes what it is told. Its fields may be read by the test while nothing is under
// way, and in what it awaits.
type ear struct {
	testing.TB
	listener realtime.Listener
	calls    sync.Mutex // shows two calls at once

	mu      sync.Mutex
	news    *sync.Cond
	heard   []string // "topic envelope"
	lost    map[string]int
	lostAll int
	over    bool
}

func listen(t *testing.T, bus realtime.Bus) *ear {
	e := &ear{TB: t, lost: make(map[string]int)}
	e.news = sync.NewCond(&e.mu)
	e.listener = bus.Listen(func(topic string, envelope []byte) {
		e.note(func() { e.heard = append(e.heard, topic+" "+string(envelope)) })
	}, func(topics []string) {
		e.note(func() {
			if topics == nil {
				e.lostAll++
			}
			for _, topic := range topics {
				e.lost[topic]++
			}
		})
	})
	t.Cleanup(e.listener.Stop)
	return e
}

func (e *ear) note(what func()) {
	if !e.calls.TryLock() {
		e.Error("two calls at once")
		return
	}
	defer e.calls.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		e.Error("called after it was stopped")
	}
	what()
	e.news.Broadcast()
}

// follow follows topics and waits until they are in force.
func (e *ear) follow(topics ...string) {
	e.Helper()
	e.listener.Follow(topics...)
	e.await("the topics in force", func() bool {
		return !slices.ContainsFunc(topics, func(topic string) bool { return e.lost[topic] == 0 })
	})
}

// losses is how often the topic was told as lost.
func (e *ear) losses(topic string) int { return e.lost[topic] + e.lostAll }

func (e *ear) sorted() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(slices.Values(e.heard))
}

// await waits until done, which is called under the lock whenever something was told.
func (e *ear) await(what string, done func() bool) {
	e.Helper()
	deadline := time.Now().Add(patience)
	timer := time.AfterFunc(patience, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.news.Broadcast()
	})
	defer timer.Stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for !done() {
		if !time.Now().Before(deadline) {
			e.Fatalf("%s did not come; heard %d, the last %.200q; lost %v", what, len(e.heard), e.heard[max(0, len(e.heard)-3):], e.lost)
		}
		e.news.Wait()
	}
}
