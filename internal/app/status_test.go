package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/status"
)

// awaitReport asks until the report is as wanted: what nodes write into the registry tells nobody when it changes.
func awaitReport(t *testing.T, what string, ask func() (*status.Report, error), is func(*status.Report) bool) *status.Report {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		if is(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is not %s: %+v", what, r)
		}
		<-tick.C
	}
}

// statusAt asks one node.
func statusAt(t *testing.T, n *node) func() (*status.Report, error) {
	return func() (*status.Report, error) { return status.Ask(t.Context(), "http://"+n.MetricsAddress()) }
}

func TestEachNodeOfAClusterKnowsHowTheOthersAre(t *testing.T) {
	c := newCluster(t, 2)
	ada, bert := join(t, c.nodes[0], "ada"), join(t, c.nodes[1], "bert")
	say(t, ada, direct(t, ada, bert), "Hello")
	awaitReport(t, "told by the other node", statusAt(t, c.nodes[1]), func(r *status.Report) bool {
		return len(r.Nodes) == 2 && r.Verdict.Promise == status.Kept && r.Verdict.State == status.OK && r.Verdict.Connections == 2 &&
			r.Nodes[0].ID == "ws-server-2" && r.Nodes[1].ID == "ws-server-1" && r.Nodes[1].Sends.Stored == 1 && r.Nodes[1].Told && r.Nodes[1].Silent < 12
	})
}

func TestWithoutANodeTheRegistryIsEnough(t *testing.T) {
	url := pgtest.NewDatabase(t)
	n := run(t, "DATABASE_URL="+url, clusterKey, "PARLEY_NODE_ID=ws-server-1")
	ada := join(t, n, "ada")
	_ = ada
	elsewhere := settings(t, "DATABASE_URL="+url, "PARLEY_METRICS_LISTEN=127.0.0.1:1", "PARLEY_PORT=1")
	r := awaitReport(t, "told by the registry", func() (*status.Report, error) { return app.AskStatus(t.Context(), elsewhere, "") }, func(r *status.Report) bool {
		return len(r.Nodes) == 1 && r.Nodes[0].Told && r.Verdict.Connections == 1
	})
	if r.Source != status.SourceRegistry || r.Nodes[0].ID != "ws-server-1" || !r.Nodes[0].Ready || len(r.Notes) != 1 {
		t.Errorf("%+v", r)
	}
	if body, err := json.Marshal(r); err != nil || strings.Contains(string(body), "postgres://") {
		t.Errorf("it says %s, %v", body, err)
	}
	// Who names an address wants to know of that one.
	if r, err := app.AskStatus(t.Context(), elsewhere, "http://127.0.0.1:1"); err == nil {
		t.Errorf("nobody is there, and it says %+v", r)
	}
}

func TestANodeWhoseDatabaseIsAwaySaysSoAndLives(t *testing.T) {
	database, through := through(t, pgtest.NewDatabase(t))
	n := run(t, "PARLEY_DATA="+t.TempDir(), "DATABASE_URL="+through)
	database.Set(proxy.Weather{HoldUp: true, HoldDown: true})
	awaitReport(t, "not ready", statusAt(t, n), func(r *status.Report) bool {
		own := r.Nodes[0]
		return r.Verdict.State == status.Degraded && !own.Ready && own.Checks["database"] == "unavailable" && len(own.Stuck) == 0
	})
	for _, at := range []string{n.url, "http://" + n.MetricsAddress()} {
		if code, body := get(t, at+"/health/live"); code != http.StatusOK || !strings.Contains(body, `"process":"ok"`) {
			t.Errorf("the process lives, and /health/live answers %d %s", code, body)
		}
	}
	database.Set(proxy.Weather{})
	awaitReport(t, "ready again", statusAt(t, n), func(r *status.Report) bool { return r.Verdict.State == status.OK })
}

func TestANodeWithoutAPlaceForAnotherConnectionSaysSoAndIsReady(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_MAX_CONNECTIONS=2")
	join(t, n, "ada")
	r, err := statusAt(t, n)()
	if err != nil || r.Verdict.State != status.OK {
		t.Fatalf("%+v, %v", r, err)
	}
	join(t, n, "bert")
	r, err = statusAt(t, n)()
	if err != nil || r.Verdict.State != status.Degraded || !r.Nodes[0].Ready || r.Nodes[0].Checks["connections"] != "full" || len(r.Nodes[0].Degraded) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestThePortThatPeopleUseSaysNoMoreThanWhetherTheNodeIsReady(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir())
	r, err := app.AskStatus(t.Context(), settings(t, "PARLEY_DATA="+t.TempDir()), n.url)
	if err != nil || r.Source != status.SourceHealth || !r.Nodes[0].Ready || r.Verdict.State != status.OK || len(r.Notes) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
