package chaos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/check"
)

func TestFailuresOfACluster(t *testing.T) {
	fail(t, cluster.Full, "PostgreSQL", "Redis")
}

func TestFailuresOfOneNodeOnSQLite(t *testing.T) {
	fail(t, cluster.SQLite, "the file is locked", "disconnect", "too many messages", "bad input", "expired token", "what is not there")
}

// fail plays those failures of the plan that take seconds. `parley-chaos failures` plays all of them.
func fail(t *testing.T, shape cluster.Shape, only ...string) {
	// It waits most of the time.
	t.Parallel()
	program, err := parley()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	report, err := chaos.PlayFailures(t.Context(), chaos.Options{
		Cluster: cluster.Config{Shape: shape, Nodes: 2, Program: program}, Clients: 12, Rate: 10, Seed: 1, Folder: t.TempDir(),
		// The machine has more to do than this: what must come, may come late.
		Bounds: check.Bounds{Slack: 8 * time.Second}, Out: &said,
	}, chaos.FailuresOptions{Short: true, Only: only})
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if !report.OK() {
		report.Print(&said)
		t.Errorf("a failure does not keep to its contract:\n%s", said.String())
	}
	for _, f := range report.Failures {
		t.Logf("%s: %s; %s; %s", f.Name, f.Detected, f.Client, f.Recovered)
	}
	if report.Check.Figures.Confirmed == 0 {
		t.Error("nobody sent anything: nothing is proven")
	}
}
