package redis_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/redis"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// node is a bus that runs, and what it said of itself.
type node struct {
	*redis.Bus
	t    *testing.T
	log  *journal
	stop func()

	mu   sync.Mutex
	news *sync.Cond
	up   bool
}

// run opens a bus and runs it until the test ends.
func run(t *testing.T, url, id string) *node {
	t.Helper()
	n := &node{t: t, log: &journal{}}
	n.news = sync.NewCond(&n.mu)
	bus, err := redis.Open(redis.Config{URL: url, NodeID: id, Log: slog.New(slog.NewTextHandler(n.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	n.Bus = bus
	bus.OnChange(func(up bool) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.up == up {
			t.Errorf("%s was told twice that up is %v", id, up)
		}
		n.up = up
		n.news.Broadcast()
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- bus.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		began := time.Now()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("Run took %s to end", took)
		}
	})
	t.Cleanup(n.stop)
	return n
}

// join runs a bus and returns when it is up.
func join(t *testing.T, url, id string) *node {
	t.Helper()
	n := run(t, url, id)
	n.await(true)
	return n
}

// await waits until the bus is up, or down.
func (n *node) await(up bool) {
	n.t.Helper()
	wait(n.t, n.news, fmt.Sprintf("up is %v; log:\n%s", up, n.log), func() bool { return n.up == up })
}

// wait waits for news until it is so.
func wait(t *testing.T, news *sync.Cond, what string, so func() bool) {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		news.L.Lock()
		defer news.L.Unlock()
		late = true
		news.Broadcast()
	})
	defer timer.Stop()
	news.L.Lock()
	defer news.L.Unlock()
	for !so() {
		if late {
			t.Fatalf("waited %s for: %s", patience, what)
		}
		news.Wait()
	}
}

// ear notes what a listener is told.
type ear struct {
	realtime.Listener
	t *testing.T

	mu      sync.Mutex
	news    *sync.Cond
	heard   []string // "topic envelope"
	lost    map[string]int
	lostAll int
}

func listen(t *testing.T, bus *node, topics ...string) *ear {
	t.Helper()
	e := &ear{t: t, lost: make(map[string]int)}
	e.news = sync.NewCond(&e.mu)
	e.Listener = bus.Listen(func(topic string, envelope []byte) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, topic+" "+string(envelope))
		e.news.Broadcast()
	}, func(topics []string) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if topics == nil {
			e.lostAll++
		}
		for _, topic := range topics {
			e.lost[topic]++
		}
		e.news.Broadcast()
	})
	t.Cleanup(e.Stop)
	e.Follow(topics...)
	return e
}

// inForce waits until the listener was told of each topic.
func (e *ear) inForce(topics ...string) *ear {
	e.t.Helper()
	e.await("the topics in force", func() bool {
		return !slices.ContainsFunc(topics, func(topic string) bool { return e.lost[topic] == 0 })
	})
	return e
}

func (e *ear) await(what string, so func() bool) {
	e.t.Helper()
	wait(e.t, e.news, what, so)
}

func (e *ear) hears(topic, envelope string) {
	e.t.Helper()
	e.await("hearing "+envelope, func() bool { return slices.Contains(e.heard, topic+" "+envelope) })
}

// eventually waits until something is so of which nobody tells.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for began := time.Now(); !so(); <-look.C {
		if time.Since(began) > patience {
			t.Fatalf("waited %s for: %s", patience, what)
		}
	}
}

// hearsFrom has a node publish again and again until one of it is heard: the queue may be full.
func (e *ear) hearsFrom(n *node, topic string) {
	e.t.Helper()
	eventually(e.t, "hearing from the other node", func() bool {
		n.Publish(topic, []byte("again"))
		e.mu.Lock()
		defer e.mu.Unlock()
		return slices.Contains(e.heard, topic+" again")
	})
}

// losses is how often everything was told as lost.
func (e *ear) losses() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lostAll
}

// loses waits for one more loss of everything than there were.
func (e *ear) loses(before int) {
	e.t.Helper()
	e.await("being told that anything may be lost", func() bool { return e.lostAll > before })
}

// journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
