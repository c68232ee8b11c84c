package redis_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// benchNode runs a bus until the benchmark ends, and returns when it is up.
func benchNode(b *testing.B, url, id string) *redis.Bus {
	b.Helper()
	bus, err := redis.Open(redis.Config{URL: url, NodeID: id, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	up := make(chan struct{}, 1)
	bus.OnChange(func(bool) { up <- struct{}{} })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		_ = bus.Run(ctx)
		close(ended)
	}()
	b.Cleanup(func() {
		cancel()
		<-ended
	})
	<-up
	return bus
}

// hearing follows topics and calls heard for each envelope.
func hearing(b *testing.B, bus *redis.Bus, topics []string, heard func(envelope []byte)) {
	b.Helper()
	inForce := make(chan struct{}, 1)
	var l realtime.Listener = bus.Listen(func(_ string, envelope []byte) { heard(envelope) }, func(topics []string) { inForce <- struct{}{} })
	b.Cleanup(l.Stop)
	l.Follow(topics...)
	<-inForce
}

// letter is as long as a batch of one message.
var letter = make([]byte, 500)

func BenchmarkPublishToHeard(b *testing.B) {
	server := redistest.Start(b)
	topics := many(100)
	// Envelopes under way, below what the queues hold.
	const window = 4000
	for _, nodes := range []int{1, 2, 4} {
		b.Run(fmt.Sprint("nodes that hear=", nodes), func(b *testing.B) {
			publisher := benchNode(b, server.URL(), "publisher")
			room := make(chan struct{}, window)
			for i := range nodes {
				hearing(b, benchNode(b, server.URL(), fmt.Sprint("node-", i)), topics, func([]byte) {
					if i == 0 {
						<-room
					}
				})
			}
			b.SetBytes(int64(len(letter)))
			b.ResetTimer()
			for i := range b.N {
				room <- struct{}{}
				publisher.Publish(topics[i%len(topics)], letter)
			}
			for range window {
				room <- struct{}{} // until all are heard
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "envelopes/s")
			if s := publisher.Stats(); s.Lost > 0 {
				b.Errorf("%d were lost", s.Lost)
			}
		})
	}
	b.Run("bare PUBLISH by 256", func(b *testing.B) {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Address()}, DisableCache: true})
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		b.SetBytes(int64(len(letter)))
		for i := 0; i < b.N; i += 256 {
			commands := make([]rueidis.Completed, min(256, b.N-i))
			for j := range commands {
				commands[j] = client.B().Publish().Channel(topics[j%len(topics)]).Message(rueidis.BinaryString(letter)).Build()
			}
			client.DoMulti(context.Background(), commands...)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "envelopes/s")
	})
}

func BenchmarkLatencyToHeard(b *testing.B) {
	server := redistest.Start(b)
	publisher, node := benchNode(b, server.URL(), "publisher"), benchNode(b, server.URL(), "node")
	heard := make(chan struct{}, 1)
	hearing(b, node, []string{topic}, func([]byte) { heard <- struct{}{} })
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	for i := range b.N {
		began := time.Now()
		publisher.Publish(topic, letter)
		<-heard
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func BenchmarkFollow(b *testing.B) {
	server := redistest.Start(b)
	node := benchNode(b, server.URL(), "node")
	all := make(chan struct{})
	told := 0
	l := node.Listen(func(string, []byte) {}, func(topics []string) {
		if told += len(topics); told == b.N {
			close(all)
		}
	})
	defer l.Stop()
	b.ResetTimer()
	for i := range b.N {
		l.Follow("chat:conversation:" + strconv.Itoa(i))
	}
	<-all
}

func BenchmarkLimiter(b *testing.B) {
	server := redistest.Start(b)
	rule := limit.Rule{Name: "bench", Limit: 1_000_000, Window: time.Minute}
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			l := redis.NewLimiter(benchNode(b, server.URL(), "node"), inmem.NewLimiter())
			var next atomic.Int64
			run := func(take func(i int64)) {
				for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
					take(i)
				}
			}
			take := func(i int64) { l.Take(context.Background(), rule, strconv.FormatInt(i%200, 10)) }
			b.ResetTimer()
			done := make(chan struct{})
			for range callers {
				go func() {
					run(take)
					done <- struct{}{}
				}()
			}
			for range callers {
				<-done
			}
			if _, local := l.Stats(); local > 0 {
				b.Logf("%d of %d were counted locally", local, b.N)
			}
		})
	}
}

// BenchmarkReaders has 1,000 people read on, with 10 or 100 messages of which somebody looks at the counts, and then has
// everything claimed and settled.
func BenchmarkReaders(b *testing.B) {
	const people = 1000
	server := redistest.Start(b)
	for _, tracked := range []int64{10, 100} {
		b.Run(fmt.Sprint("messages=", tracked), func(b *testing.B) {
			if _, err := server.Do("FLUSHALL"); err != nil {
				b.Fatal(err)
			}
			r := redis.NewReaders(benchNode(b, server.URL(), "node"))
			positions := make(map[chat.UserID]int64)
			for i := range people {
				positions[chat.UserID(fmt.Sprintf("0190a000-0000-7000-8000-%012d", i))] = 0
			}
			epoch, err := r.Epoch(b.Context(), room)
			if err == nil {
				err = r.Seed(b.Context(), room, positions, epoch)
			}
			if err != nil {
				b.Fatal(err)
			}
			var of []chat.Counted
			for seq := range tracked {
				of = append(of, counted(seq+1)...)
			}
			var took [5]time.Duration
			seq := int64(0)
			for b.Loop() {
				seq += tracked
				for i := range of {
					of[i] = counted(seq - int64(i))[0]
				}
				var steps []chat.Step
				for u := range positions {
					steps = append(steps, chat.Step{User: u, Seq: seq, Message: "0190a000-0000-7000-8000-00000000aaaa", At: time.Now()})
				}
				began := time.Now()
				lap := func(i int) {
					took[i] += time.Since(began)
					began = time.Now()
				}
				_, _, err1 := r.Counts(b.Context(), room, of)
				lap(0)
				err2 := r.Advance(b.Context(), room, steps, chat.ByReading)
				lap(1)
				claim, err3 := r.Claim(b.Context(), people, time.Hour)
				lap(2)
				if err4 := r.Settle(b.Context(), claim.ID, nil); err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(claim.Steps) != people {
					b.Fatal(err1, err2, err3, err4, len(claim.Steps))
				}
				lap(3)
				epoch, err := r.Epoch(b.Context(), room)
				if err == nil {
					err = r.Seed(b.Context(), room, positions, epoch)
				}
				if err != nil {
					b.Fatal(err)
				}
				lap(4)
			}
			for i, name := range []string{"counts", "advance", "claim", "settle", "seed"} {
				b.ReportMetric(float64(took[i].Microseconds())/float64(b.N), "µs/"+name)
			}
		})
	}
}
