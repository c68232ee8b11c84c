package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/cluster"
	"github.com/parley-chat/parley/internal/pgbus"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/realtime/bustest"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
	"github.com/parley-chat/parley/internal/store"
)

const patience = 30 * time.Second

// realNode is a node on a real database, and a real Redis where there is one.
type realNode struct {
	*cluster.Bus
	database *pgbus.Bus
	registry *cluster.Registry
}

// startReal starts a node and returns when its bus is up; redisURL is "" where there is no Redis.
func startReal(t *testing.T, databaseURL, redisURL, id string) *realNode {
	t.Helper()
	said := &journal{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s says\n%s", id, said.text.String())
		}
	})
	log := slog.New(slog.NewTextHandler(said, nil))
	s, err := store.Open(t.Context(), store.Config{DatabaseURL: databaseURL})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := &realNode{}
	if n.database, err = pgbus.New(pgbus.Config{URL: databaseURL, NodeID: id, Log: log}); err != nil {
		t.Fatal(err)
	}
	runs := []func(context.Context) error{n.database.Run}
	var fast cluster.Path
	if redisURL != "" {
		opened, err := redis.Open(redis.Config{URL: redisURL, NodeID: id, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		fast, runs = opened, append(runs, opened.Run)
	}
	n.registry = cluster.NewRegistry(cluster.RegistryConfig{NodeID: id, Version: "1", Log: log}, s)
	n.Bus = cluster.NewBus(cluster.Config{NodeID: id, Registry: n.registry, Log: log}, fast, n.database)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range append(runs, n.Bus.Run, n.registry.Run) {
		running.Go(func() { _ = run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s: state %s, degraded %v, pg %v, nodes %+v", id, n.State(), n.Degraded(), n.database.Up(), n.registry.Nodes())
		}
	})
	until(t, "a bus that is up", func() bool { return !n.Degraded() && n.database.Up() })
	return n
}

// until waits for what has no event.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}

// reader is what one node knows of a truth, and since when.
type reader struct {
	mu    sync.Mutex
	since map[int]time.Time // by rev
}

// read listens on a node as the hub does.
func (n *realNode) read(t *testing.T, s *truth) *reader {
	r := &reader{since: map[int]time.Time{}}
	l := n.Listen(func(_ string, envelope []byte) {
		rev, err := strconv.Atoi(string(envelope))
		if err != nil {
			t.Error(err)
		}
		r.learn(rev, rev)
	}, func([]string) {
		// Reading says all up to there.
		r.learn(0, s.all()["topic"])
	})
	t.Cleanup(l.Stop)
	l.Follow("topic")
	return r
}

func (r *reader) learn(from, to int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for rev := from; rev <= to; rev++ {
		if _, known := r.since[rev]; !known {
			r.since[rev] = now
		}
	}
}

func (r *reader) knowsSince(rev int) (at time.Time, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, known = r.since[rev]
	return at, known
}

func TestASecondNodeOnARealDatabaseIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.NewDatabase(t)
	a := startReal(t, url, "", "a")
	until(t, "the first look of a", func() bool { return !a.Peers() })
	if a.State() != cluster.StateDatabase {
		t.Errorf("state %s", a.State())
	}
	began := time.Now()
	b := startReal(t, url, "", "b")
	until(t, "b's hello", a.Peers)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("a knows of b after %v", took)
	}
	until(t, "b's look", func() bool { return len(b.registry.Nodes()) == 2 })
	for _, n := range b.registry.Nodes() {
		if n.Version != "1" || n.Draining || n.ID == "a" && n.Bus != "database" {
			t.Errorf("b sees %+v", n)
		}
	}
}

func TestTheBusKeepsItsContractOnRealPaths(t *testing.T) {
	t.Parallel()
	url, server := pgtest.NewDatabase(t), redistest.Start(t)
	nodes := 0
	bustest.Run(t, func(t *testing.T) realtime.Bus {
		nodes++
		return startReal(t, url, server.URL(), fmt.Sprint("node-", nodes)).Bus
	})
}

// TestWhileRedisGoesAndComesBackEverythingCrosses lets three nodes publish all the time while Redis is killed or
// frozen and comes back, without a hub's own comparisons. It logs how long it took until each other node knew.
func TestWhileRedisGoesAndComesBackEverythingCrosses(t *testing.T) {
	for name, fault := range map[string]struct {
		begin func(*redistest.Server)
		end   func(*redistest.Server) error
		p95   time.Duration
	}{
		"killed": {(*redistest.Server).Kill, (*redistest.Server).Restart, time.Second},
		// Until it is noticed that Redis does not answer, nothing crosses.
		"frozen": {(*redistest.Server).Freeze, func(s *redistest.Server) error { s.Thaw(); return nil }, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, server := pgtest.NewDatabase(t), redistest.Start(t)
			s := newTruth()
			var nodes []*realNode
			var readers []*reader
			for i := range 3 {
				n := startReal(t, url, server.URL(), fmt.Sprint("node-", i))
				nodes, readers = append(nodes, n), append(readers, n.read(t, s))
			}
			all := func(state cluster.State) func() bool {
				return func() bool {
					return !slices.ContainsFunc(nodes, func(n *realNode) bool { return n.State() != state })
				}
			}
			p := publishAllTheTime(t, s, nodes)
			p.some(t)
			fault.begin(server)
			until(t, "database-only mode", all(cluster.StateDatabase))
			p.some(t)
			if err := fault.end(server); err != nil {
				t.Fatal(err)
			}
			until(t, "Redis", all(cluster.StateRedis))
			p.some(t)
			p.stop()
			var took []time.Duration
			for rev, at := range p.said {
				for i, r := range readers {
					if i == p.by[rev] {
						continue
					}
					var since time.Time
					until(t, fmt.Sprintf("rev %d at node %d", rev, i), func() (known bool) { since, known = r.knowsSince(rev); return known })
					took = append(took, max(0, since.Sub(at)))
				}
			}
			slices.Sort(took)
			p95 := took[len(took)*95/100]
			t.Logf("%d crossings: p50 %v, p95 %v, p99 %v, max %v", len(took), took[len(took)/2], p95, took[len(took)*99/100], took[len(took)-1])
			if p95 > fault.p95 {
				t.Errorf("p95 is %v", p95)
			}
		})
	}
}

// publishing is nodes that change a truth and say so, in turns.
type publishing struct {
	said   map[int]time.Time
	by     map[int]int // the node that said a rev
	more   chan struct{}
	ctx    context.Context
	cancel func()
	done   sync.WaitGroup
}

func publishAllTheTime(t *testing.T, s *truth, nodes []*realNode) *publishing {
	p := &publishing{said: map[int]time.Time{}, by: map[int]int{}, more: make(chan struct{}, 1)}
	p.ctx, p.cancel = context.WithCancel(t.Context())
	p.done.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-p.ctx.Done():
				return
			case <-tick.C:
			}
			rev := s.change("topic")
			p.said[rev], p.by[rev] = time.Now(), i%len(nodes)
			nodes[i%len(nodes)].Publish("topic", strconv.AppendInt(nil, int64(rev), 10))
			select {
			case p.more <- struct{}{}:
			default:
			}
		}
	})
	return p
}

// some waits until something more was published.
func (p *publishing) some(t *testing.T) {
	t.Helper()
	for range 300 {
		select {
		case <-p.more:
		case <-time.After(patience):
			t.Fatal("nothing is published")
		}
	}
}

func (p *publishing) stop() {
	p.cancel()
	p.done.Wait()
}

func TestWhatIsUrgentCrossesWithinASecondWhileRedisHangs(t *testing.T) {
	t.Parallel()
	url, server := pgtest.NewDatabase(t), redistest.Start(t)
	a, b := startReal(t, url, server.URL(), "a"), startReal(t, url, server.URL(), "b")
	heard, inForce := make(chan time.Time, 10), make(chan struct{}, 10)
	l := b.Listen(func(string, []byte) { heard <- time.Now() }, func([]string) { inForce <- struct{}{} })
	defer l.Stop()
	l.Follow("topic")
	<-inForce
	until(t, "a knowing of b", a.Peers)
	server.Freeze()
	if a.State() != cluster.StateRedis {
		t.Fatalf("state %s before anything could be noticed", a.State())
	}
	began := time.Now()
	a.PublishUrgent("topic", []byte("1"))
	select {
	case at := <-heard:
		t.Logf("it took %v", at.Sub(began))
		if at.Sub(began) > time.Second {
			t.Errorf("it took %v", at.Sub(began))
		}
	case <-time.After(patience):
		t.Error("it did not come")
	}
}
