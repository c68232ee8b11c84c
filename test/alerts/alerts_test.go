package alerts_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/obs"
)

// slow is how much longer each step to PostgreSQL and back takes than people wait for an answer.
const slow = 4 * time.Second

// elsewhere are metrics that a cluster has only where an operator names the disk of the database. How that fills on this machine
// is up to others, and would be told.
var elsewhere = []*obs.Metric{obs.StorageFree, obs.ReadOnly}

func TestARealPrometheusSeesTheClusterAndItsAlertsFireAndClear(t *testing.T) {
	k := start(t)
	var targets []string
	for _, n := range k.Nodes {
		targets = append(targets, n.Metrics)
	}
	p := watch(t, targets)
	p.eventually("all nodes being scraped", func() (bool, string) {
		up := p.query("up == 1")
		return len(up) == len(targets), fmt.Sprint(up)
	})
	everyMetric(t, p, targets)
	sent := chat(t, k)
	p.eventually("sends being timed at each node", func() (bool, string) {
		timed := p.query("rate(chat_message_send_latency_seconds_count[5s]) > 0")
		return len(timed) == len(targets), fmt.Sprint(timed)
	})
	nothingFires(t, p)

	t.Logf("after %d confirmed sends PostgreSQL is slowed", sent.confirmed.Load())
	for _, n := range k.Nodes {
		n.Database.Set(proxy.Weather{Delay: slow})
	}
	slowed := time.Now()
	fires(t, p, "", "MessageDeliverySlow", "SendsFailing")
	t.Logf("they fire %s after that, with %d failed sends", time.Since(slowed).Round(time.Second), sent.failed.Load())
	stays(p, "MessageDeliverySlow")
	for _, n := range k.Nodes {
		n.Database.Set(proxy.Weather{})
	}
	mended := time.Now()
	clears(p, "MessageDeliverySlow", "SendsFailing")
	t.Logf("they clear %s after PostgreSQL is as fast as before", time.Since(mended).Round(time.Second))

	dead := k.Nodes[len(k.Nodes)-1]
	dead.Kill()
	killed := time.Now()
	fires(t, p, dead.Metrics, "NodeDown")
	t.Logf("a dead node is told %s after it died", time.Since(killed).Round(time.Second))
	if err := dead.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	clears(p, "NodeDown")
}

// start starts three nodes with PostgreSQL and Redis.
func start(t *testing.T) *cluster.Cluster {
	t.Helper()
	program := os.Getenv("PARLEY_BINARY")
	if program == "" {
		program = filepath.Join(t.TempDir(), "parley")
		build := exec.Command("go", "build", "-o", program, "./cmd/parley")
		build.Dir = filepath.Join("..", "..")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	k, err := cluster.Start(t.Context(), cluster.Config{Shape: cluster.Full, Program: program, Env: []string{"PARLEY_RATE_LIMITS=on"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Stop(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// everyMetric waits until each node shows all metrics that one of a cluster has, of which nothing has happened yet.
func everyMetric(t *testing.T, p *prometheus, targets []string) {
	t.Helper()
	p.eventually("every metric of every node", func() (bool, string) {
		var missing []string
		for _, m := range obs.All() {
			if slices.Contains(elsewhere, m) {
				continue
			}
			name := m.Name
			if m.Kind == obs.Histogram {
				name += "_count"
			}
			shown := p.query("group by (instance) (" + name + ")")
			for _, target := range targets {
				if !slices.ContainsFunc(shown, func(s sample) bool { return s.Labels["instance"] == target }) {
					missing = append(missing, name+" of "+target)
				}
			}
		}
		return len(missing) == 0, "without " + strings.Join(missing, ", ")
	})
}

// nothingFires holds that no alert fires while all is well. What was so at the start may be forgotten first.
func nothingFires(t *testing.T, p *prometheus) {
	t.Helper()
	p.eventually("no alert", func() (bool, string) {
		now := p.alerts()
		return len(now) == 0, fmt.Sprint(now)
	})
}

// fires waits until each of these alerts is pending and then fires, critically, and tells people what it is about; of an instance
// if one is named.
func fires(t *testing.T, p *prometheus, instance string, names ...string) {
	t.Helper()
	pending, firing := make(map[string]bool), make(map[string]bool)
	p.eventually(fmt.Sprint(names, " firing"), func() (bool, string) {
		now := p.alerts()
		for _, a := range now {
			name := a.Labels["alertname"]
			switch {
			case !slices.Contains(names, name) || instance != "" && a.Labels["instance"] != instance:
			case a.State == "pending":
				pending[name] = true
			case a.State == "firing" && !firing[name]:
				firing[name] = true
				if !pending[name] || a.Labels["severity"] != "critical" || a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
					t.Errorf("it fires, pending before: %v, with %+v", pending[name], a)
				}
				t.Logf("%s: %s (%s)", name, a.Annotations["summary"], a.Annotations["description"])
			}
		}
		return len(firing) == len(names), fmt.Sprint(now)
	})
}

// stays holds that an alert fires for so long that nothing of what made it fire at first is in its window any more.
func stays(p *prometheus, name string) {
	p.t.Helper()
	until := time.Now().Add(5 * time.Minute / haste)
	p.eventually(name+" going on", func() (bool, string) {
		now := p.named(name)
		if len(now) != 1 || now[0].State != "firing" {
			p.t.Fatalf("%s does not fire any more: %v", name, now)
		}
		return time.Now().After(until), ""
	})
}

func clears(p *prometheus, names ...string) {
	p.t.Helper()
	p.eventually(fmt.Sprint(names, " clearing"), func() (bool, string) {
		now := p.alerts()
		return !slices.ContainsFunc(now, func(a alert) bool { return slices.Contains(names, a.Labels["alertname"]) }), fmt.Sprint(now)
	})
}
