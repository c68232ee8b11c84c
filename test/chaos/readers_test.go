package chaos_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/program"
	"github.com/parley-chat/parley/internal/planted"
)

// Of as many as 1,000, which `parley-chaos readers` has by default, this has some: the machine has more to do.
func TestEveryReadingCountsThoughANodeDiesAndRedisIsEmptiedInTheMiddle(t *testing.T) {
	program, err := parley()
	if err != nil {
		t.Fatal(err)
	}
	report, said := readTogether(t, chaos.Options{Cluster: cluster.Config{Program: program}, Clients: 250})
	if !report.Sound() {
		t.Errorf("not everything agrees in the end:\n%s", said)
	}
	for _, m := range report.Measures {
		t.Logf("%s: %s", m.Name, m.Value)
	}
	if report.Check.Figures.Faults["kill"] != 1 || report.Check.Figures.Faults["redis-flush"] != 1 {
		t.Errorf("the faults were %v: nothing is proven", report.Check.Figures.Faults)
	}
}

func TestABugThatShowsWhenRedisIsEmptiedIsCaught(t *testing.T) {
	for _, b := range planted.Bugs() {
		if !b.Readers {
			continue
		}
		var edits []program.Edit
		for _, e := range b.Edits {
			edits = append(edits, program.Edit(e))
		}
		report, said := readTogether(t, chaos.Options{Edits: edits, Clients: 60})
		if rules := report.Check.Violated(); !slices.ContainsFunc(rules, func(rule string) bool { return slices.Contains(b.Caught, rule) }) {
			t.Errorf("%q was found by %q, not by one of %q:\n%s", b.Name, rules, b.Caught, said)
		}
	}
}

func readTogether(t *testing.T, o chaos.Options) (*chaos.Report, string) {
	t.Helper()
	var said strings.Builder
	o.Cluster.Nodes, o.Folder, o.Out, o.Bounds.Slack = 3, t.TempDir(), &said, 20*time.Second
	report, err := chaos.ReadTogether(t.Context(), o, false)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	report.Print(&said)
	return report, said.String()
}
