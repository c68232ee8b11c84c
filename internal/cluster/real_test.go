package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/cluster"
	"github.com/parley-chat/parley/internal/pgbus"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

const patience = 30 * time.Second

// realNode is a node on a real database without Redis.
type realNode struct {
	*cluster.Bus
	database *pgbus.Bus
	registry *cluster.Registry
	told     chan string
}

func startReal(t *testing.T, url, id string) *realNode {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(t.Context(), store.Config{DatabaseURL: url})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := &realNode{told: make(chan string, 1000)}
	if n.database, err = pgbus.New(pgbus.Config{URL: url, NodeID: id, Log: log}); err != nil {
		t.Fatal(err)
	}
	n.registry = cluster.NewRegistry(cluster.RegistryConfig{NodeID: id, Version: "1", Log: log}, s)
	n.Bus = cluster.NewBus(cluster.Config{NodeID: id, Registry: n.registry, Log: log}, nil, n.database)
	listener := n.Listen(
		func(topic string, envelope []byte) { n.told <- topic + " " + string(envelope) },
		func(topics []string) { n.told <- fmt.Sprint("lost ", topics) })
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{n.database.Run, n.Bus.Run, n.registry.Run} {
		running.Go(func() { _ = run(ctx) })
	}
	t.Cleanup(func() {
		listener.Stop()
		cancel()
		running.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	listener.Follow("topic")
	n.hears(t, "lost [topic]")
	return n
}

func (n *realNode) hears(t *testing.T, sentence string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case s := <-n.told:
			if s == sentence {
				return
			}
		case <-deadline:
			t.Fatalf("%q was not told", sentence)
		}
	}
}

// until waits for what has no event, since it is nobody's but the test's.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}

func TestASecondNodeOnARealDatabaseIsNoticedAtOnce(t *testing.T) {
	url := pgtest.NewDatabase(t)
	a := startReal(t, url, "a")
	until(t, "the first look of a", func() bool { return !a.Peers() })
	if a.State() != cluster.StateDatabase || a.Degraded() {
		t.Errorf("state %s, degraded %v", a.State(), a.Degraded())
	}
	began := time.Now()
	b := startReal(t, url, "b")
	until(t, "b's hello", a.Peers)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a knows of b after %v", took)
	}
	b.hears(t, "lost []")
	a.Publish("topic", []byte("from a"))
	b.hears(t, "topic from a")
	b.Publish("topic", []byte("from b"))
	a.hears(t, "topic from b")
	until(t, "b's look", func() bool { return len(b.registry.Nodes()) == 2 })
	for _, n := range b.registry.Nodes() {
		if n.Version != "1" || n.Draining {
			t.Errorf("b sees %+v", n)
		}
	}
}
