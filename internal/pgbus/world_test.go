package pgbus_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/pgbus"
	"github.com/parley-chat/parley/internal/realtime"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// node is a bus that runs until its test ends, and what it says about being up.
type node struct {
	*pgbus.Bus
	changes chan bool
}

func start(t testing.TB, url, id string) node {
	t.Helper()
	b, err := pgbus.New(pgbus.Config{URL: url, NodeID: id, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	n := node{b, make(chan bool, 100)}
	b.OnChange(func(up bool) { n.changes <- up })
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return n
}

// connected is a node that is up.
func connected(t testing.TB, url, id string) node {
	t.Helper()
	n := start(t, url, id)
	n.awaits(t, true)
	return n
}

func (n node) awaits(t testing.TB, up bool) {
	t.Helper()
	select {
	case got := <-n.changes:
		if got != up || n.Up() != up {
			t.Fatalf("it says up: %v, %v", got, n.Up())
		}
	case <-time.After(patience):
		t.Fatalf("it did not become up: %v", up)
	}
}

// ear notes what one listener is told, in order: "topic envelope", or "lost" with the topics.
type ear struct {
	realtime.Listener
	told chan string
}

func (n node) listen(t testing.TB, topics ...string) ear {
	t.Helper()
	e := ear{told: make(chan string, 100_000)}
	e.Listener = n.Listen(
		func(topic string, envelope []byte) { e.told <- topic + " " + string(envelope) },
		func(topics []string) {
			if topics == nil {
				e.told <- "lost anything"
			} else {
				e.told <- fmt.Sprint("lost ", topics)
			}
		})
	t.Cleanup(e.Stop)
	if len(topics) > 0 {
		e.Follow(topics...)
		e.hears(t, fmt.Sprint("lost ", topics))
	}
	return e
}

// hears awaits one of the sentences, whatever else is told before; it returns which.
func (e ear) hears(t testing.TB, sentences ...string) string {
	t.Helper()
	deadline := time.After(patience)
	var others []string
	for {
		select {
		case s := <-e.told:
			if slices.Contains(sentences, s) {
				return s
			}
			others = append(others, s)
		case <-deadline:
			t.Fatalf("%q was not told, but %d others, the last %.100q", sentences, len(others), others[max(0, len(others)-3):])
		}
	}
}

// next is what is told next.
func (e ear) next(t testing.TB) string {
	t.Helper()
	select {
	case s := <-e.told:
		return s
	case <-time.After(patience):
		t.Fatal("nothing was told")
		return ""
	}
}

// administer runs a statement beside the buses and returns the first column.
func administer(t testing.TB, url, statement string, args ...any) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return out
}
