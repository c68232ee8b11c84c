package bench

import (
	"testing"

	"github.com/parley-chat/parley/internal/crowd"
)

func TestSightKnowsWhatEverybodyWasToldLast(t *testing.T) {
	talks := []talk{{people: []crowd.Person{{ID: "a"}, {ID: "b"}}}, {people: []crowd.Person{{ID: "c"}, {ID: "d"}}}}
	s, l := newSight(talks), newLoad()
	var told []status
	s.onTold = func(_, _ place, is status) { told = append(told, is) }
	viewer := map[string]*chatter{}
	for _, t := range talks {
		for _, p := range t.people {
			viewer[string(p.ID)] = &chatter{person: p, load: l}
		}
	}
	s.take(viewer["a"], []byte(`{"type":"presence:state","presences":[{"userId":"a","status":"invisible"},{"userId":"b","status":"online","device":"mobile"},{"userId":"d","status":"online"}]}`))
	s.take(viewer["b"], []byte(`{"type":"presence:changed","userId":"a","status":"offline","lastSeenAt":"2026-01-01T00:00:00.000000Z"}`))
	s.take(viewer["c"], []byte(`{"type":"presence:changed","userId":"d","status":"online"}`))
	if s.has(viewer["a"], viewer["b"]) != online || s.has(viewer["b"], viewer["a"]) != offline || string(told) != "nfn" || s.frames.Load() != 3 {
		t.Errorf("told %q in %d frames", told, s.frames.Load())
	}
	if n := s.others(online); n != 2 {
		t.Errorf("something else than online was told %d times, want of a, and nothing to d", n)
	}
	s.take(viewer["b"], []byte(`{"type":"presence:changed","userId":"a","status":"online"}`))
	s.take(viewer["d"], []byte(`{"type":"presence:changed","userId":"c","status":"online"}`))
	if took, err := s.until(l, online, 0); err != nil || took < 0 {
		t.Error(err)
	}
}
