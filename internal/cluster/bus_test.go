package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/cluster"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/realtime/bustest"
)

// world is a few nodes with one truth.
type world struct {
	*testing.T
	truth           *truth
	redis, database *wire
	nodes           []*node
}

// node is a bus on both wires and what it knows of the truth: what it heard, and what it read when it was told
// of a loss.
type node struct {
	*cluster.Bus
	world           *world
	redis, database *end
	log             *journal
	listener        realtime.Listener

	mu      sync.Mutex
	knows   map[string]int
	heard   int // envelopes, doubles included
	lostAll int
}

var topics = []string{"one", "two", "three"}

func newWorld(t *testing.T, nodes int) *world {
	w := &world{T: t, truth: newTruth(), redis: &wire{}, database: &wire{}}
	for i := range nodes {
		n := w.add(fmt.Sprint("node-", i), nil)
		n.redis.heals()
		n.database.heals()
	}
	time.Sleep(time.Second)
	return w
}

func (w *world) add(id string, registry *cluster.Registry) *node {
	redis := w.redis.connect()
	return w.addOn(id, registry, redis, redis)
}

// addOn adds a node whose path is the end given, or nil for one without Redis.
func (w *world) addOn(id string, registry *cluster.Registry, path cluster.Path, redis *end) *node {
	n := &node{world: w, redis: redis, database: w.database.connect(), log: &journal{}, knows: map[string]int{}}
	n.Bus = cluster.NewBus(cluster.Config{NodeID: id, Registry: registry, Log: slog.New(slog.NewTextHandler(n.log, nil))}, path, n.database)
	w.run(n.Bus.Run)
	n.listener = n.Listen(n.hear, n.lost)
	n.listener.Follow(topics...)
	w.Cleanup(n.listener.Stop)
	w.nodes = append(w.nodes, n)
	return n
}

// run runs something until the test ends.
func (w *world) run(what func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = what(ctx) })
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	w.Cleanup(stop)
	return stop
}

func (n *node) hear(topic string, envelope []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	rev, err := strconv.Atoi(string(envelope))
	if err != nil {
		n.world.Error(err)
	}
	n.heard++
	n.knows[topic] = max(n.knows[topic], rev)
}

// lost reads the truth, as the hub does.
func (n *node) lost(lost []string) {
	now := n.world.truth.all()
	n.mu.Lock()
	defer n.mu.Unlock()
	if lost == nil {
		n.lostAll++
		maps.Copy(n.knows, now)
	}
	for _, topic := range lost {
		n.knows[topic] = now[topic]
	}
}

// change changes the truth and then says so.
func (n *node) change(topic string) {
	rev := n.world.truth.change(topic)
	n.mu.Lock()
	n.knows[topic] = max(n.knows[topic], rev)
	n.mu.Unlock()
	if n.Peers() {
		n.Publish(topic, strconv.AppendInt(nil, int64(rev), 10))
	}
}

// current reports whether the node knows all of the truth.
func (n *node) current() bool {
	now := n.world.truth.all()
	n.mu.Lock()
	defer n.mu.Unlock()
	for topic, rev := range now {
		if n.knows[topic] < rev {
			return false
		}
	}
	return true
}

// agree lets time pass and expects every node to know all.
func (w *world) agree(within time.Duration) {
	w.Helper()
	time.Sleep(within)
	synctest.Wait()
	for i, n := range w.nodes {
		if !n.current() {
			w.Errorf("after %v node %d knows %v of %v", within, i, n.knows, w.truth.all())
		}
	}
}

func (n *node) forgetsCounts() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard, n.lostAll = 0, 0
}

// journal keeps what was logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) count(word string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), word)
}

func TestTheBusKeepsItsContract(t *testing.T) {
	for name, redis := range map[string]bool{"on both paths": true, "on the database alone": false} {
		t.Run(name, func(t *testing.T) {
			redisWire, databaseWire := &wire{}, &wire{}
			bustest.Run(t, func(t *testing.T) realtime.Bus {
				w := &world{T: t}
				database := databaseWire.connect()
				var path cluster.Path
				heal := func() {}
				if redis {
					end := redisWire.connect()
					path, heal = end, end.heals
				}
				b := cluster.NewBus(cluster.Config{NodeID: "node", Log: slog.New(slog.DiscardHandler)}, path, database)
				heal()
				database.heals()
				w.run(b.Run)
				return b
			})
		})
	}
}

func TestWhileRedisIsUpTheDatabaseCarriesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		a, b := w.nodes[0], w.nodes[1]
		b.forgetsCounts()
		for range 10 {
			a.change("one")
		}
		w.agree(0)
		if b.heard != 10 || b.lostAll != 0 {
			t.Errorf("heard %d and lost %d times", b.heard, b.lostAll)
		}
		if a.State() != cluster.StateRedis || a.Degraded() {
			t.Errorf("state %s, degraded %v", a.State(), a.Degraded())
		}
	})
}

func TestWithoutRedisTheDatabaseCarriesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		for _, n := range w.nodes {
			n.redis.breaks()
			n.redis.notices()
		}
		w.agree(time.Second)
		for _, n := range w.nodes {
			n.forgetsCounts()
			if n.State() != cluster.StateDatabase || !n.Degraded() {
				t.Errorf("state %s, degraded %v", n.State(), n.Degraded())
			}
		}
		for _, n := range w.nodes {
			n.change("one")
		}
		w.agree(0)
		for _, n := range w.nodes {
			if n.heard != 2 || n.lostAll != 0 {
				t.Errorf("heard %d, lost %d times", n.heard, n.lostAll)
			}
		}
	})
}

func TestWhatWasLostBeforeABreakWasNoticedIsReadWhenItIs(t *testing.T) {
	for nodes := 2; nodes <= 3; nodes++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nodes)
			a, b := w.nodes[0], w.nodes[1]
			a.redis.breaks()
			a.change("one") // to nobody
			b.change("two") // not to a
			time.Sleep(1300 * time.Millisecond)
			a.redis.notices()
			w.agree(200 * time.Millisecond)
			b.change("two")
			w.agree(200 * time.Millisecond)
		})
	}
}

func TestANodeWhoseRedisIsAwayIsReachedOverTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
		a.redis.breaks()
		a.redis.notices()
		w.agree(200 * time.Millisecond)
		for range 20 {
			a.change("one")
			b.change("two")
			c.change("three")
			w.agree(time.Second)
		}
		if b.State() != cluster.StateRedis || a.State() != cluster.StateDatabase {
			t.Errorf("states %s and %s", a.State(), b.State())
		}
		a.redis.heals()
		w.agree(200 * time.Millisecond)
		b.change("two")
		w.agree(0)
		time.Sleep(4 * time.Second)
		a.forgetsCounts()
		b.change("two")
		w.agree(0)
		if a.heard != 1 {
			t.Errorf("with Redis back an envelope is heard %d times", a.heard)
		}
	})
}

func TestANodeWithoutRedisIsReachedOverTheDatabaseByThoseThatHaveOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		a := w.nodes[0]
		plain := w.addOn("plain", nil, nil, nil)
		plain.database.heals()
		w.agree(2 * time.Second)
		for range 10 {
			a.change("one")
			w.agree(0)
			plain.change("two")
			w.agree(0)
			time.Sleep(time.Second)
		}
		if plain.State() != cluster.StateDatabase || plain.Degraded() || a.State() != cluster.StateRedis || a.Degraded() {
			t.Errorf("states %s and %s, degraded %v and %v", plain.State(), a.State(), plain.Degraded(), a.Degraded())
		}
	})
}

func TestBothPathsAwayAndBackAtDifferentMomentsLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		a, b := w.nodes[0], w.nodes[1]
		for _, e := range []*end{a.redis, a.database, b.redis, b.database} {
			e.breaks()
			e.notices()
		}
		time.Sleep(time.Second)
		if a.State() != cluster.StateAlone {
			t.Errorf("state %s", a.State())
		}
		a.change("one")
		b.change("two")
		time.Sleep(10 * time.Second)
		a.redis.heals()
		time.Sleep(10 * time.Second)
		a.change("one")
		b.database.heals() // they have no path in common
		time.Sleep(10 * time.Second)
		a.change("one")
		b.change("two")
		a.database.heals()
		w.agree(2 * time.Second)
		b.change("two")
		a.change("one")
		w.agree(time.Second)
		b.redis.heals()
		w.agree(time.Second)
		b.change("two")
		w.agree(0)
	})
}

func TestATopicThatWaitsForAPathWhichFallsIsToldNevertheless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, of := range []func(*node) *end{func(n *node) *end { return n.redis }, func(n *node) *end { return n.database }} {
			w := newWorld(t, 2)
			a, b := w.nodes[0], w.nodes[1]
			of(a).breaks()
			b.change("late")
			a.listener.Follow("late")
			time.Sleep(time.Second)
			of(a).notices()
			w.agree(200 * time.Millisecond)
		}
	})
}

func TestARedisThatBlinksLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		a := w.nodes[0]
		a.redis.breaks()
		a.change("one")
		a.redis.heals()
		w.agree(200 * time.Millisecond)
	})
}

func TestAChangeOfStateIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		a := w.nodes[0]
		if a.log.count("bus.") != 0 {
			t.Errorf("at the start it says %s", a.log.text.String())
		}
		a.redis.breaks()
		a.redis.notices()
		time.Sleep(time.Minute)
		if a.log.count("bus.degraded") != 1 || a.log.count("state=database") != 1 {
			t.Errorf("degraded: %s", a.log.text.String())
		}
		a.redis.heals()
		time.Sleep(time.Minute)
		if a.log.count("bus.degraded") != 1 || a.log.count("bus.recovered") != 1 {
			t.Errorf("recovered: %s", a.log.text.String())
		}
	})
}

// schedule is how paths break and heal and who changes what, from a seed.
func schedule(w *world, random *rand.Rand) {
	ends := func() (*node, *end) {
		n := w.nodes[random.IntN(len(w.nodes))]
		if random.IntN(2) == 0 {
			return n, n.redis
		}
		return n, n.database
	}
	for range 60 {
		_, e := ends()
		switch random.IntN(8) {
		case 0, 1:
			e.breaks()
			time.AfterFunc(time.Duration(random.Int64N(int64(2*time.Second))), e.notices)
		case 2, 3:
			e.heals()
		}
		for range random.IntN(4) {
			n := w.nodes[random.IntN(len(w.nodes))]
			n.change(topics[random.IntN(len(topics))])
		}
		time.Sleep(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
	}
}

// connect mends as much as lets every two nodes have a path in common: Redis for all, the database for all, or
// one node on both and each other one on either of them that reaches everybody through nothing.
func (w *world) connect(random *rand.Rand) {
	everybody := w.nodes[0].redis.wire
	if random.IntN(2) == 0 {
		everybody = w.nodes[0].database.wire
	}
	for _, n := range w.nodes {
		for _, e := range []*end{n.redis, n.database} {
			if e.wire == everybody {
				e.heals()
			} else {
				e.notices()
			}
		}
	}
}

// TestWhoeverHasAPathInCommonKnowsAllSoon breaks and heals paths at random. When at last every two nodes have a
// path in common, and nobody says anything any more, all know all within the time that a word about Redis
// takes.
func TestWhoeverHasAPathInCommonKnowsAllSoon(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, seed))
			w := newWorld(t, 2+random.IntN(3))
			schedule(w, random)
			w.connect(random)
			for _, n := range w.nodes {
				n.change(topics[random.IntN(len(topics))])
			}
			w.agree(1500 * time.Millisecond)
			for range 5 {
				w.nodes[random.IntN(len(w.nodes))].change(topics[random.IntN(len(topics))])
				w.agree(time.Second)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		})
		if t.Failed() {
			return
		}
	}
}
