package ws_test

import (
	"testing"

	"github.com/coder/websocket"
)

func TestConnectionsThatEndAreCountedByHow(t *testing.T) {
	w := newWorld(t, options{})
	url := w.serve()
	u := w.person()
	clumsy := w.connect(url, u)
	for range 10 {
		clumsy.send(`{"type":"nothing"}`)
	}
	if code := clumsy.awaitClose(); code != 1008 {
		t.Fatalf("it was closed with %d", code)
	}
	for _, code := range []websocket.StatusCode{websocket.StatusNormalClosure, 4999} {
		if err := w.connect(url, u).Close(code, ""); err != nil {
			t.Fatal(err)
		}
	}
	nameless := w.dial(url, nil)
	nameless.send(`{"type":"message:send"}`)
	if code := nameless.awaitClose(); code != 4401 {
		t.Fatalf("it was closed with %d", code)
	}
	stats := w.ws.Stats()
	for how, want := range map[string]uint64{"1008": 1, "1000": 1, "other": 1, "4401": 1, "4413": 0, "lost": 0} {
		if got, known := stats.Closed[how]; got != want || !known {
			t.Errorf("%d connections ended by %s, want %d (known: %v)", got, how, want, known)
		}
	}
	if stats.Commands != 10 {
		t.Errorf("%d commands were not understood", stats.Commands)
	}
}
