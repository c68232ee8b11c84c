package pgbus_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/pgtest"
)

// BenchmarkCommitsBesideNotify measures what publishing costs the commits of messages: rounds of commits in
// turns without a word, with envelopes through the bus, with a NOTIFY on a connection that waits for the disk,
// and with NOTIFY in the transaction itself. It prints the rate of the first and the others as shares of it. Rows
// one by one are what 8 connections without group commit do; batches are what a node does under load, with an
// envelope for each of 20 conversations.
func BenchmarkCommitsBesideNotify(b *testing.B) {
	b.Run("8 writers of single rows", func(b *testing.B) { beside(b, 8, 50, 1, 1) })
	b.Run("1 writer of batches of 100", func(b *testing.B) { beside(b, 1, 50, 100, 20) })
}

func beside(b *testing.B, writers, commits, rows, envelopes int) {
	url := pgtest.NewDatabase(b)
	administer(b, url, "CREATE TABLE m (id bigserial PRIMARY KEY, content text)")
	bus, e := connected(b, url, "a"), connected(b, url, "b").listen(b, "topic")
	go func() {
		for range e.told {
		}
	}()
	conns, plain := connect(b, url, writers), connect(b, url, 1)[0]
	envelope := fmt.Appendf(nil, `{"type":"changes","serverId":"a","payload":"%0300d"}`, 0)

	var queue sync.Mutex
	ctx := context.Background()
	insert := func(conn *pgx.Conn) {
		if _, err := conn.Exec(ctx, "INSERT INTO m (content) SELECT $1 FROM generate_series(1, $2)", string(envelope), rows); err != nil {
			b.Error(err)
		}
	}
	const notify = "SELECT pg_notify('elsewhere', $1 || n) FROM generate_series(1, $2) AS n"
	variants := []struct {
		name   string
		commit func(*pgx.Conn)
		total  time.Duration
	}{
		{name: "silent", commit: insert},
		{name: "bus", commit: func(conn *pgx.Conn) {
			insert(conn)
			for range envelopes {
				bus.Publish("topic", envelope)
			}
		}},
		{name: "durable-notify", commit: func(conn *pgx.Conn) {
			insert(conn)
			queue.Lock()
			defer queue.Unlock()
			if _, err := plain.Exec(ctx, notify, string(envelope), envelopes); err != nil {
				b.Error(err)
			}
		}},
		{name: "notify-inside", commit: func(conn *pgx.Conn) {
			_, err := conn.Exec(ctx, "WITH i AS (INSERT INTO m (content) SELECT $1 FROM generate_series(1, $3)) "+notify, string(envelope), envelopes, rows)
			if err != nil {
				b.Error(err)
			}
		}},
	}
	for b.Loop() {
		for i := range variants {
			began := time.Now()
			var round sync.WaitGroup
			for _, conn := range conns {
				round.Go(func() {
					for range commits {
						variants[i].commit(conn)
					}
				})
			}
			round.Wait()
			variants[i].total += time.Since(began)
		}
	}
	b.ReportMetric(float64(b.N*writers*commits*rows)/variants[0].total.Seconds(), "silent-rows/s")
	for _, v := range variants[1:] {
		b.ReportMetric(variants[0].total.Seconds()/v.total.Seconds(), v.name+"-share")
	}
}

// BenchmarkCrossing measures the time from Publish on one node to hearing it on another, idle and beside
// commits, and prints p50 and p95 in milliseconds, and those of a bare INSERT of the same run.
func BenchmarkCrossing(b *testing.B) {
	for _, writers := range []int{0, 8} {
		b.Run(fmt.Sprint(writers, " writers"), func(b *testing.B) {
			url := pgtest.NewDatabase(b)
			administer(b, url, "CREATE TABLE m (id bigserial PRIMARY KEY, content text)")
			bus, e := connected(b, url, "a"), connected(b, url, "b").listen(b, "topic")
			probe := connect(b, url, 1)[0]
			stop := commitAllTheTime(b, url, writers)
			defer stop()
			envelope := fmt.Appendf(nil, "%0400d", 0)
			var crossings, inserts []time.Duration
			for b.Loop() {
				began := time.Now()
				if _, err := probe.Exec(context.Background(), "INSERT INTO m (content) VALUES ($1)", envelope); err != nil {
					b.Fatal(err)
				}
				inserted := time.Now()
				bus.Publish("topic", envelope)
				e.next(b)
				crossings, inserts = append(crossings, time.Since(inserted)), append(inserts, inserted.Sub(began))
			}
			for name, times := range map[string][]time.Duration{"crossing": crossings, "insert": inserts} {
				slices.Sort(times)
				b.ReportMetric(times[len(times)/2].Seconds()*1000, name+"-p50-ms")
				b.ReportMetric(times[len(times)*95/100].Seconds()*1000, name+"-p95-ms")
			}
		})
	}
}

func connect(b *testing.B, url string, n int) []*pgx.Conn {
	b.Helper()
	var out []*pgx.Conn
	for range n {
		conn, err := pgx.Connect(context.Background(), url)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close(context.Background()) })
		out = append(out, conn)
	}
	return out
}

func commitAllTheTime(b *testing.B, url string, writers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, conn := range connect(b, url, writers) {
		running.Go(func() {
			for ctx.Err() == nil {
				_, _ = conn.Exec(ctx, "INSERT INTO m (content) VALUES ('x')")
			}
		})
	}
	return func() { cancel(); running.Wait() }
}
