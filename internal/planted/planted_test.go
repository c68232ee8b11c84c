package planted_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/planted"
)

func TestEveryPlantedBugStillHasItsPlaceInTheSource(t *testing.T) {
	root, err := planted.Root()
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, b := range planted.Bugs() {
		if known[b.Name] {
			t.Errorf("two bugs are called %q", b.Name)
		}
		known[b.Name] = true
		if len(b.Caught) == 0 || b.Breaks == "" || !b.Simulation && !b.Chaos && !b.Readers && b.Scene == "" {
			t.Errorf("%q says not what it breaks or who has to catch it by what", b.Name)
		}
		_, cleanup, err := b.Overlay(root)
		if err != nil {
			t.Errorf("%q: %v", b.Name, err)
			continue
		}
		cleanup()
	}
	_, cleanup, err := planted.Overlay(root, planted.Clock(300))
	if err != nil {
		t.Fatalf("a clock that is wrong: %v", err)
	}
	cleanup()
	t.Logf("%d bugs", len(known))
}

func TestABugIsFoundByWhatNoOtherIsCalled(t *testing.T) {
	for _, text := range []string{"skip the gap repair", "gap repair"} {
		if b, err := planted.Named(text); err != nil || b.Name != "skip the gap repair" {
			t.Errorf("%q found %q, %v", text, b.Name, err)
		}
	}
	for _, text := range []string{"", "the", "no such bug"} {
		if b, err := planted.Named(text); err == nil {
			t.Errorf("%q found %q", text, b.Name)
		}
	}
}
