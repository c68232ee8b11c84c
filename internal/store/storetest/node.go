package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func nodes(t *testing.T, w world) {
	t.Run("who beats is seen by all until it leaves", w.beats)
	t.Run("a beat says what has changed and keeps the start", w.changedNode)
	t.Run("two processes with one id notice each other", w.rivals)
	t.Run("only its own process takes a node out", w.leavesItself)
	t.Run("an announcement is read back as it was made, by the database's clock", w.announces)
	t.Run("an announcement that breaks the rule is refused", w.badAnnouncements)
}

func newNode() store.Node {
	id := uuid.NewString()
	return store.Node{ID: "node-" + id[:8], Process: id, Version: "1.2.3", URL: "http://" + id + ":3000", Bus: "database", Keys: "0a1b 2c3d"}
}

// beat beats and strips the times, after a look at them.
func (w world) beat(t *testing.T, n store.Node) (beaten store.Node, rival bool) {
	t.Helper()
	beaten, rival, err := w.Beat(ctx, n)
	ok(t, err)
	if beaten.StartedAt.After(beaten.SeenAt) || beaten.SeenAt.IsZero() {
		t.Errorf("started at %v and seen at %v", beaten.StartedAt, beaten.SeenAt)
	}
	return beaten, rival
}

// seen are the nodes that are there, of those named.
func (w world) seen(t *testing.T, of ...store.Node) []store.Node {
	t.Helper()
	all, err := w.Nodes(ctx)
	ok(t, err)
	var out []store.Node
	for _, o := range of {
		for _, n := range all {
			if n.ID == o.ID {
				out = append(out, n)
			}
		}
	}
	return out
}

func (w world) beats(t *testing.T) {
	a, b := newNode(), newNode()
	same(t, "before", nil, w.seen(t, a, b))
	a, _ = w.beat(t, a)
	b, _ = w.beat(t, b)
	same(t, "both", []store.Node{a, b}, w.seen(t, a, b))
	ok(t, w.Leave(ctx, a))
	ok(t, w.Leave(ctx, a))
	same(t, "one left", []store.Node{b}, w.seen(t, a, b))
}

func (w world) changedNode(t *testing.T) {
	first, rival := w.beat(t, newNode())
	changed := first
	changed.Version, changed.URL, changed.Bus, changed.Keys, changed.Draining = "2", "http://elsewhere", "redis", "2c3d", true
	changed, again := w.beat(t, changed)
	if rival || again {
		t.Error("a node alone has a rival")
	}
	if changed.Version != "2" || changed.URL != "http://elsewhere" || changed.Bus != "redis" || changed.Keys != "2c3d" || !changed.Draining {
		t.Errorf("got %+v", changed)
	}
	if !changed.StartedAt.Equal(first.StartedAt) || changed.SeenAt.Before(first.SeenAt) {
		t.Errorf("started at %v and seen at %v, before that %v and %v", changed.StartedAt, changed.SeenAt, first.StartedAt, first.SeenAt)
	}
	same(t, "read back", []store.Node{changed}, w.seen(t, first))
}

func (w world) rivals(t *testing.T) {
	n := newNode()
	successor := n
	successor.Process = uuid.NewString()
	before, _ := w.beat(t, n)
	after, rival := w.beat(t, successor)
	if !rival {
		t.Error("the successor does not see the fresh row of its predecessor")
	}
	if after.StartedAt.Before(before.SeenAt) {
		t.Error("the successor has its predecessor's start")
	}
	if _, rival := w.beat(t, successor); rival {
		t.Error("the successor is its own rival")
	}
	if _, rival := w.beat(t, n); !rival {
		t.Error("the first does not see the second")
	}
	if _, rival := w.beat(t, successor); !rival {
		t.Error("the second does not see the first")
	}
}

func (w world) leavesItself(t *testing.T) {
	n := newNode()
	successor := n
	successor.Process = uuid.NewString()
	w.beat(t, n)
	successor, _ = w.beat(t, successor)
	ok(t, w.Leave(ctx, n))
	same(t, "the successor", []store.Node{successor}, w.seen(t, n))
}

func (w world) announces(t *testing.T) {
	node, _ := w.beat(t, newNode())
	want := []chat.Announcement{
		{ID: newID[string](), Text: "At noon we restart.", Author: "ops"},
		{ID: newID[string](), Text: strings.Repeat("😀", 4000)},
	}
	for i, a := range want {
		added, err := w.AddAnnouncement(ctx, a)
		ok(t, err)
		if added.CreatedAt.Before(node.SeenAt) || added.CreatedAt.After(node.SeenAt.Add(time.Minute)) {
			t.Errorf("made at %v, just after %v", added.CreatedAt, node.SeenAt)
		}
		want[i].CreatedAt = added.CreatedAt
	}
	again, err := w.AddAnnouncement(ctx, chat.Announcement{ID: want[0].ID, Text: "another text"})
	ok(t, err)
	same(t, "the same id again", want[0], again)
	got, err := w.RecentAnnouncements(ctx, time.Minute)
	ok(t, err)
	same(t, "of the last minute", want, got)
}

func (w world) badAnnouncements(t *testing.T) {
	for _, text := range []string{"", " ", strings.Repeat("x", 4001), "a\x00b", "a\xff"} {
		if _, err := w.AddAnnouncement(ctx, chat.Announcement{ID: newID[string](), Text: text}); code(err) != chat.CodeValidation {
			t.Errorf("%.10q: %v", text, err)
		}
	}
}
