package chaos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/check"
)

func TestWhoIsThereIsToldRightOnSQLite(t *testing.T) {
	visit(t, cluster.SQLite, "kill", "drain", "clients-cut")
}

func TestWhoIsThereIsToldRightOnACluster(t *testing.T) {
	visit(t, cluster.Full, "kill", "drain", "clients-cut", "redis-flush", "redis-pubsub", "redis-restart")
}

// visit has visitors come and go, hide, and change who may know of them, while each of the faults comes once.
func visit(t *testing.T, shape cluster.Shape, faults ...string) {
	t.Parallel()
	program, err := parley()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	report, err := chaos.Run(t.Context(), chaos.Options{
		Cluster: cluster.Config{Shape: shape, Nodes: 3, Program: program, Balance: "least_conn"},
		For:     2 * time.Minute, Number: len(faults), Faults: faults, Apart: time.Second, Longest: 2 * time.Second, Seed: 1, Clients: 8, Rate: 5,
		Visitors: 8, Linger: 30 * time.Second, Folder: t.TempDir(), Bounds: check.Bounds{Slack: 5 * time.Second}, Out: &said,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if !report.Sound() {
		report.Print(&said)
		t.Errorf("something that was promised does not hold:\n%s", said.String())
	}
	for _, r := range report.Check.Rules {
		if (r.ID == "I10" || strings.HasPrefix(r.ID, "C7.")) && r.Checked == 0 {
			t.Errorf("%s (%s) had nothing to look at", r.ID, r.Claim)
		}
	}
}

func TestEveryDepartureIsToldOnceAndInTime(t *testing.T) {
	depart(t, "departures")
}

func TestWhoWasAtANodeThatDiesIsToldToBeGoneOnceUnlessTheyComeBack(t *testing.T) {
	depart(t, "node killed")
}

func TestWhoWasAtANodeThatStandsStillIsToldToBeGoneOnceAndWhoWentElsewhereIsNot(t *testing.T) {
	depart(t, "node frozen")
}

// depart plays one scene. Of as many people as `parley-chaos presence` has by default, this has some.
func depart(t *testing.T, scene string) {
	// It waits for the ends of leases most of the time.
	t.Parallel()
	program, err := parley()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	report, err := chaos.Departures(t.Context(), chaos.Options{
		Cluster: cluster.Config{Program: program, Nodes: 3}, Folder: t.TempDir(), Bounds: check.Bounds{Slack: 5 * time.Second}, Out: &said,
	}, chaos.PresenceOptions{People: 5, Crowd: 60, Only: []string{scene}})
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if report.Print(&said); !report.OK() {
		t.Errorf("not everything was told as promised:\n%s", said.String())
	}
	for _, m := range report.Measures {
		t.Logf("%s: %s", m.Name, m.Value)
	}
}
