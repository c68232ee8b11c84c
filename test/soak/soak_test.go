package soak_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/program"
)

// soak builds a server with these edits and soaks it for as long as a test may take.
func soak(t *testing.T, shape cluster.Shape, edits ...program.Edit) *chaos.SoakReport {
	t.Helper()
	root, err := program.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parley := filepath.Join(t.TempDir(), "parley")
	if err := program.Build(t.Context(), root, parley, program.Variant{Version: "soak", Edits: edits}); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	report, err := chaos.Soak(t.Context(),
		chaos.Options{Cluster: cluster.Config{Shape: shape, Nodes: 2, Program: parley}, Folder: t.TempDir(), Out: &said},
		chaos.SoakOptions{People: 30, For: 30 * time.Second, Every: time.Second, Capacity: 2 * time.Second, Settle: 45 * time.Second})
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	report.Print(&said)
	t.Log(said.String())
	return report
}

func TestNothingOfPeopleWhoCameAndWentStaysOnSQLite(t *testing.T) { flat(t, soak(t, cluster.SQLite)) }

func TestNothingOfPeopleWhoCameAndWentStaysOnACluster(t *testing.T) { flat(t, soak(t, cluster.Full)) }

func flat(t *testing.T, r *chaos.SoakReport) {
	t.Helper()
	for _, s := range r.Series {
		if s.Verdict != chaos.Flat {
			t.Errorf("%s of %s: %+v", s.Figure, s.Node, s)
		}
	}
	if r.Confirmed == 0 || r.Visits <= int64(r.People) {
		t.Errorf("%d messages and %d visits prove nothing", r.Confirmed, r.Visits)
	}
}

func TestAGoroutineThatEachConnectionLeavesBehindIsFound(t *testing.T) {
	r := soak(t, cluster.SQLite, program.Edit{
		File: "internal/ws/upgrade.go",
		Old:  "\tgo c.run()\n\treturn true\n",
		New:  "\tgo c.run()\n\tgo func() { <-make(chan int) }()\n\treturn true\n",
	})
	if !slices.ContainsFunc(r.Series, func(s chaos.Series) bool { return s.Figure == "goroutines" && s.Verdict != chaos.Flat }) {
		t.Errorf("of %d connections each left a goroutine behind, and nothing was found", r.Visits)
	}
}
