package cluster_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/cluster"
	"github.com/parley-chat/parley/internal/store"
)

// table is the table of nodes in memory, with a clock of its own. The real one is tested with the store.
type table struct {
	mu    sync.Mutex
	rows  map[string]store.Node
	ahead time.Duration // of this process's clock
	fails error
	beats int
}

func newTable() *table { return &table{rows: map[string]store.Node{}} }

func (s *table) Beat(_ context.Context, n store.Node) (store.Node, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return store.Node{}, false, s.fails
	}
	s.beats++
	now := time.Now().Add(s.ahead)
	old, there := s.rows[n.ID]
	rival := there && old.Process != n.Process && now.Sub(old.SeenAt) < store.NodeLife
	n.SeenAt, n.StartedAt = now, now
	s.rows[n.ID] = n
	return n, rival, nil
}

func (s *table) Nodes(context.Context) ([]store.Node, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []store.Node
	for _, n := range s.rows {
		if time.Now().Add(s.ahead).Sub(n.SeenAt) < store.NodeLife {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b store.Node) int { return strings.Compare(a.ID, b.ID) })
	return out, s.fails
}

func (s *table) Leave(_ context.Context, n store.Node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[n.ID].Process == n.Process {
		delete(s.rows, n.ID)
	}
	return s.fails
}

func (s *table) set(change func(*table)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *table) beatsSoFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beats
}

// member is a registry that runs.
type member struct {
	*cluster.Registry
	log  *journal
	stop func()
}

func (w *world) join(s cluster.Nodes, id, version string) member {
	m := w.prepare(s, id, version)
	m.stop = w.run(m.Run)
	return m
}

func (w *world) prepare(s cluster.Nodes, id, version string) member {
	log := &journal{}
	return member{log: log, Registry: cluster.NewRegistry(cluster.RegistryConfig{
		NodeID: id, Version: version, URL: "http://" + id, Log: slog.New(slog.NewTextHandler(log, nil)),
	}, s)}
}

func (m member) ids() string {
	var ids []string
	for _, n := range m.Nodes() {
		ids = append(ids, n.ID)
	}
	return strings.Join(ids, " ")
}

func TestNodesFindEachOtherInTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := &world{T: t}, newTable()
		a := w.prepare(s, "a", "1")
		if !a.Peers() {
			t.Error("a node that knows nothing believes to be alone")
		}
		a.stop = w.run(a.Run)
		synctest.Wait()
		if a.Peers() || a.ids() != "a" {
			t.Errorf("alone it sees %q, peers %v", a.ids(), a.Peers())
		}
		b := w.join(s, "b", "1")
		synctest.Wait()
		if !b.Peers() || b.ids() != "a b" {
			t.Errorf("the new one sees %q, peers %v", b.ids(), b.Peers())
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !a.Peers() || a.ids() != "a b" || a.log.count("node.joined") != 1 {
			t.Errorf("the old one sees %q, peers %v: %s", a.ids(), a.Peers(), a.log.text.String())
		}
		b.stop()
		time.Sleep(6 * time.Second)
		if a.ids() != "a" || a.log.count("node.left") != 1 {
			t.Errorf("after b has left it sees %q: %s", a.ids(), a.log.text.String())
		}
		if !a.Peers() {
			t.Error("b is forgotten at once")
		}
		time.Sleep(3 * time.Minute)
		if a.Peers() {
			t.Error("b is remembered for ever")
		}
	})
}

func TestANodeThatWasKilledAndStartedAgainGoesBeforeItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := &world{T: t}, newTable()
		a := w.join(s, "a", "1")
		killed := &refusing{table: s}
		w.join(killed, "b", "1")
		time.Sleep(6 * time.Second)
		killed.set(true)
		w.join(s, "b", "1")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		said := a.log.text.String()
		if a.log.count("node.joined") != 2 || a.log.count("node.left") != 1 || strings.LastIndex(said, "node.joined") < strings.LastIndex(said, "node.left") {
			t.Errorf("it says %s", said)
		}
	})
}

func TestANodeThatEndsWhileItBeatsIsNotLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := &world{T: t}, newTable()
		a := w.join(slow{s}, "a", "1")
		time.Sleep(time.Second)
		a.stop()
		time.Sleep(5 * time.Second)
		if nodes, _ := s.Nodes(t.Context()); len(nodes) > 0 {
			t.Errorf("left behind: %+v", nodes)
		}
	})
}

// slow is a table that takes two seconds for a beat and carries it out also when nobody waits for it any more.
type slow struct{ *table }

func (s slow) Beat(ctx context.Context, n store.Node) (beaten store.Node, rival bool, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(2 * time.Second)
		beaten, rival, err = s.table.Beat(context.WithoutCancel(ctx), n)
	}()
	select {
	case <-done:
		return beaten, rival, err
	case <-ctx.Done():
		return store.Node{}, false, ctx.Err()
	}
}

func TestDrainingIsSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := &world{T: t}, newTable()
		a := w.join(s, "a", "1")
		time.Sleep(time.Second)
		a.Drain()
		synctest.Wait()
		if nodes, _ := s.Nodes(t.Context()); len(nodes) != 1 || !nodes[0].Draining {
			t.Errorf("the registry says %+v", nodes)
		}
	})
}

func TestThatTheDatabaseNotifiesOrDoesNotIsInTheRegistryAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, truth: newTruth(), redis: &wire{}, database: &wire{}}
		s := newTable()
		a, _ := w.addMember(s, "a")
		time.Sleep(7 * time.Second)
		for _, change := range []func(){func() { a.database.breaks(); a.database.notices() }, a.database.heals} {
			before := s.beatsSoFar()
			change()
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if s.beatsSoFar() == before {
				t.Error("it waits for its next beat")
			}
		}
	})
}

func TestTwoProcessesWithOneServerIDAreNoticedByBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := &world{T: t}, newTable()
		a := w.join(s, "same", "1")
		time.Sleep(2 * time.Second)
		b := w.join(s, "same", "1")
		synctest.Wait()
		if b.Twin() {
			t.Error("a successor takes its predecessor for a twin")
		}
		time.Sleep(time.Minute)
		for _, m := range []member{a, b} {
			if !m.Twin() || m.log.count("node.twin") != 1 {
				t.Errorf("twin %v: %s", m.Twin(), m.log.text.String())
			}
		}
		if a.Intruder() || !b.Intruder() {
			t.Errorf("the intruder is a: %v, b: %v", a.Intruder(), b.Intruder())
		}
		b.stop()
		time.Sleep(time.Minute)
		if a.Twin() {
			t.Error("it has a twin that is gone")
		}
	})
}

func TestANodeThatHasATwinIsNotAloneAndReachesItThroughTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, truth: newTruth(), redis: &wire{}, database: &wire{}}
		s := newTable()
		a, _ := w.addMember(s, "same")
		time.Sleep(5 * time.Minute)
		b, of := w.addMember(s, "same")
		time.Sleep(5 * time.Minute)
		for name, n := range map[string]*node{"the first": a, "its twin": b} {
			if !n.Peers() || !n.Degraded() {
				t.Errorf("%s: peers %v, degraded %v", name, n.Peers(), n.Degraded())
			}
		}
		of.stop()
		time.Sleep(time.Minute)
		if a.Degraded() {
			t.Error("it is degraded by a twin that is gone")
		}
	})
}

func TestDifferentVersionsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := &world{T: t}, newTable()
		a := w.join(s, "a", "1.0")
		b := w.join(s, "b", "1.1")
		time.Sleep(time.Minute)
		if a.log.count(`versions="1.0, 1.1"`) != 1 || b.log.count(`versions="1.0, 1.1"`) != 1 {
			t.Errorf("a says %s, b says %s", a.log.text.String(), b.log.text.String())
		}
		a.stop()
		time.Sleep(time.Minute)
		if b.log.count("node.versions") != 2 {
			t.Errorf("b says %s", b.log.text.String())
		}
	})
}

func TestAClockThatIsMinutesOffIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ahead := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
			w, s := &world{T: t}, newTable()
			s.ahead = ahead
			a := w.join(s, "a", "1")
			time.Sleep(time.Minute)
			if a.log.count("node.clock") != 1 || a.log.count("ahead="+(-ahead).String()) != 1 {
				t.Errorf("%v: it says %s", ahead, a.log.text.String())
			}
			a.stop()
		}
	})
}

func TestARegistryThatCannotBeKeptIsToldOnceAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := &world{T: t}, newTable()
		a := w.join(s, "a", "1")
		b := w.join(s, "b", "1")
		time.Sleep(10 * time.Second)
		s.set(func(s *table) { s.fails = errors.New("no database") })
		time.Sleep(10 * time.Minute)
		if !a.Peers() && a.ids() != "a b" {
			t.Error("it forgets the others because of the database")
		}
		s.set(func(s *table) { s.fails = nil })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !a.Peers() || !b.Peers() || a.log.count("registry.failed") != 1 || a.log.count("registry.recovered") != 1 {
			t.Errorf("peers %v and %v: %s", a.Peers(), b.Peers(), a.log.text.String())
		}
	})
}

func TestWhoThoughtItselfAloneTellsTheNewNodeOfAGap(t *testing.T) {
	for hello, within := range map[string]time.Duration{"heard": 200 * time.Millisecond, "lost": 6 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{T: t, truth: newTruth(), redis: &wire{}, database: &wire{}}
			if hello == "lost" {
				w.redis.loses, w.database.loses = "hello", "hello"
			}
			s := newTable()
			a, _ := w.addMember(s, "a")
			time.Sleep(61 * time.Second) // its next look is in 4 seconds
			if a.Peers() {
				t.Fatal("a is not alone")
			}
			b, _ := w.addMember(s, "b")
			time.Sleep(200 * time.Millisecond) // b has read all
			a.change("one")
			w.agree(within)
			if !b.Peers() {
				t.Error("b believes to be alone")
			}
			a.change("one")
			w.agree(0)
		})
	}
}

func TestANodeThatWasGivenUpSaysHelloAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, truth: newTruth(), redis: &wire{}, database: &wire{}}
		s := newTable()
		a, _ := w.addMember(s, "a")
		stopped := &refusing{table: s}
		w.addMember(stopped, "b")
		time.Sleep(10 * time.Second)
		stopped.set(true)
		time.Sleep(5 * time.Minute)
		if a.Peers() {
			t.Fatal("a waits for b for ever")
		}
		a.change("one")
		stopped.set(false)
		w.agree(1300 * time.Millisecond)
		a.change("one")
		w.agree(0)
	})
}

func TestWhoSharesNoPathWithAnotherIsDegraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, truth: newTruth(), redis: &wire{}, database: &wire{}}
		s := newTable()
		a, _ := w.addMember(s, "a")
		b, _ := w.addMember(s, "b")
		lose := func(e *end) {
			e.breaks()
			e.notices()
			time.Sleep(6 * time.Second)
		}
		expect := func(when string, want bool) {
			t.Helper()
			if got := a.Degraded(); got != want {
				t.Errorf("%s: degraded %v", when, got)
			}
		}
		time.Sleep(6 * time.Second)
		expect("all is well", false)
		lose(a.database)
		expect("Redis is left", false)
		lose(b.redis)
		expect("b has left Redis, which is all that a has", true)
		a.database.heals()
		expect("the database reaches b", false)
		lose(b.database)
		expect("b is alone", true)
	})
}

// addMember adds a node that is registered and up.
func (w *world) addMember(s cluster.Nodes, id string) (*node, member) {
	m := w.prepare(s, id, "1")
	n := w.add(id, m.Registry)
	n.redis.heals()
	n.database.heals()
	m.stop = w.run(m.Run)
	synctest.Wait()
	return n, m
}

// refusing is a table that one node does not reach.
type refusing struct {
	*table
	mu      sync.Mutex
	refuses bool
}

func (r *refusing) set(refuses bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses = refuses
}

func (r *refusing) Beat(ctx context.Context, n store.Node) (store.Node, bool, error) {
	r.mu.Lock()
	refuses := r.refuses
	r.mu.Unlock()
	if refuses {
		return store.Node{}, false, errors.New("it stands still")
	}
	return r.table.Beat(ctx, n)
}
