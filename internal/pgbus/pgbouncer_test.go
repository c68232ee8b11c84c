package pgbus_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/pgbus"
	"github.com/parley-chat/parley/internal/pgtest"
)

func TestThroughPgBouncerInSessionModeTheBusWorks(t *testing.T) {
	t.Parallel()
	direct := pgtest.NewDatabase(t)
	url := pgtest.Pooled(t, direct, "pool_mode = session")
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	a.Publish("topic", []byte("x"))
	e.hears(t, "topic x")
}

func TestThroughPgBouncerInTransactionModeTheBusSaysThatItIsDeaf(t *testing.T) {
	t.Parallel()
	direct := pgtest.NewDatabase(t)
	url := pgtest.Pooled(t, direct, "pool_mode = transaction")
	lines := make(lineWriter, 100)
	b, err := pgbus.New(pgbus.Config{URL: url, NodeID: "a", Log: slog.New(slog.NewTextHandler(lines, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })
	defer func() { cancel(); running.Wait() }()
	deadline := time.After(patience)
	for said := ""; !strings.Contains(said, "session mode"); {
		select {
		case said = <-lines:
		case <-deadline:
			t.Fatalf("the last that it says is %s", said)
		}
	}
	if b.Up() {
		t.Error("it is up")
	}
}

// lineWriter takes log lines.
type lineWriter chan string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(line)
	return len(line), nil
}
