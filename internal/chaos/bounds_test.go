package chaos

import (
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/check"
)

func TestWhatANodeAloneKnewMayBeForgottenWithEveryFaultThatKillsIt(t *testing.T) {
	for shape, want := range map[cluster.Shape][]string{cluster.SQLite: {"clock"}, cluster.Full: {"clock", "redis-flush"}} {
		b := bounds(check.Bounds{}, shape)
		if !slices.ContainsFunc(b.Forgotten, func(together []string) bool { return slices.Equal(together, want) }) {
			t.Errorf("%v: %v does not excuse %v", shape, b.Forgotten, want)
		}
	}
}
