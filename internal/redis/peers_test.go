package redis

import (
	"testing"
	"time"
)

func TestThatANodeFellSilentIsRemembered(t *testing.T) {
	now := time.Now()
	ps := peers{nodes: map[string]*peer{"a": {heard: now}, "b": {heard: now.Add(-2 * silence)}}}
	if heard, fell := ps.count(); heard != 2 || !fell.IsZero() {
		t.Errorf("%d are heard, and one fell silent at %v", heard, fell)
	}
	for _, fewer := range []bool{true, false} {
		if ps.silent(now) != fewer {
			t.Errorf("there are fewer: %v", !fewer)
		}
		if heard, fell := ps.count(); heard != 1 || !fell.Equal(now) {
			t.Errorf("%d are heard, and one fell silent at %v", heard, fell)
		}
	}
}
