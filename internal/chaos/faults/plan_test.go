package faults

import (
	"testing"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

func TestASeedDrawsTheSameFaultsAgain(t *testing.T) {
	kinds, err := Choose(cluster.Full, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := NewPlan(7, kinds, 3, Apart), NewPlan(7, kinds, 3, Apart)
	seen := map[string]int{}
	for range 10 * len(kinds) {
		p, q := a.Next(), b.Next()
		if p != q {
			t.Fatalf("drew %+v and %+v", p, q)
		}
		if p.Window < p.Kind.Shortest || p.Window > p.Kind.Longest || p.Node < 0 || p.Node > 2 || p.Share <= 0 || p.Share > 1 {
			t.Errorf("drew %+v", p)
		}
		seen[p.Kind.Name]++
	}
	for _, k := range kinds {
		if seen[k.Name] != 10 {
			t.Errorf("%s came %d times", k.Name, seen[k.Name])
		}
	}
}

func TestAFaultThatTheShapeDoesNotHaveIsRefused(t *testing.T) {
	for _, name := range []string{"redis-kill", "rebellion"} {
		if _, err := Choose(cluster.SQLite, []string{"kill", name}); err == nil {
			t.Errorf("SQLite has a fault %s", name)
		}
	}
}
