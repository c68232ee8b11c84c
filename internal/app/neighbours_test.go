package app

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/store"
)

func TestWhatIsWrongWithTheNodesTogetherIsSaid(t *testing.T) {
	now := time.Now()
	node := func(id string, change ...func(*store.Node)) store.Node {
		n := store.Node{ID: id, Version: "2", Bus: "redis", Keys: "aa", StartedAt: now.Add(-time.Minute), SeenAt: now}
		for _, c := range change {
			c(&n)
		}
		return n
	}
	silent := func(n *store.Node) { n.SeenAt = now.Add(-silentAfter - time.Millisecond) }
	young := func(n *store.Node) { n.StartedAt = now.Add(-2 * time.Second) }
	bus := func(state string) func(*store.Node) { return func(n *store.Node) { n.Bus = state } }
	keys := func(k string) func(*store.Node) { return func(n *store.Node) { n.Keys = k } }
	for name, row := range map[string]struct {
		around neighbours
		want   []string
	}{
		"nobody else":                       {neighbours{self: node("a")}, nil},
		"all alike":                         {neighbours{self: node("a"), nodes: []store.Node{node("b"), node("c")}, heard: 2}, nil},
		"all alike without Redis":           {neighbours{self: node("a", bus("database")), nodes: []store.Node{node("b", bus("database"))}, heard: -1}, nil},
		"several without Redis":             {neighbours{self: node("a", bus("database")), nodes: []store.Node{node("b", bus("database"))}, heard: -1, apart: true}, []string{"presence"}},
		"one alone without Redis":           {neighbours{self: node("a", bus("database")), heard: -1, apart: true}, nil},
		"another version":                   {neighbours{self: node("a"), nodes: []store.Node{node("b", func(n *store.Node) { n.Version = "1" })}, heard: 1}, []string{"(b of version 1)"}},
		"another key":                       {neighbours{self: node("a"), nodes: []store.Node{node("b", keys("bb"))}, heard: 1}, []string{"sign tokens with another key"}},
		"a key on its way, taken by both":   {neighbours{self: node("a", keys("bb aa")), nodes: []store.Node{node("b", keys("aa bb"))}, heard: 1}, nil},
		"a key on its way, taken by one":    {neighbours{self: node("a", keys("bb aa")), nodes: []store.Node{node("b")}, heard: 1}, []string{"sign tokens with another key"}},
		"a node that does not say its keys": {neighbours{self: node("a"), nodes: []store.Node{node("b", keys(""))}, heard: 1}, nil},
		"one without Redis":                 {neighbours{self: node("a"), nodes: []store.Node{node("b", bus("database"))}, heard: 0}, []string{"do not use Redis as this one does (b"}},
		"one that has just started":         {neighbours{self: node("a"), nodes: []store.Node{node("b", bus("alone"), young)}, heard: 0}, nil},
		"one's own Redis away":              {neighbours{self: node("a", bus("database")), nodes: []store.Node{node("b")}, heard: -1}, nil},
		"another Redis":                     {neighbours{self: node("a"), nodes: []store.Node{node("b"), node("c")}, heard: 1}, []string{"hears 1 of 2 other nodes"}},
		"another Redis, perhaps":            {neighbours{self: node("a", young), nodes: []store.Node{node("b")}, heard: 0}, nil},
		"one that leaves":                   {neighbours{self: node("a"), nodes: []store.Node{node("b", func(n *store.Node) { n.Draining = true })}, heard: 0}, nil},
		"one that is silent":                {neighbours{self: node("a"), nodes: []store.Node{node("b", silent), node("c", silent, bus("database"))}, heard: 0}, nil},
		"a twin":                            {neighbours{self: node("a"), twin: true}, []string{"calls itself a too"}},
	} {
		t.Run(name, func(t *testing.T) {
			said := row.around.warnings()
			if len(said) != len(row.want) {
				t.Fatalf("it says %q", said)
			}
			for i, want := range row.want {
				if !strings.Contains(said[i], want) {
					t.Errorf("%q is not in %q", want, said[i])
				}
			}
		})
	}
}

func TestWhoIsHeardCountsOnlyOnceTheRedisIsBackForAWhileAndNobodyFellSilent(t *testing.T) {
	for stats, want := range map[redis.Stats]int{
		{}:                                     -1,
		{Up: true, UpFor: settled / 2}:         -1,
		{Up: true, UpFor: settled}:             0,
		{Up: true, UpFor: time.Hour, Peers: 2}: 2,
		{Up: true, UpFor: time.Hour, PeerFell: time.Now().Add(-fading / 2)}:           -1,
		{Up: true, UpFor: time.Hour, PeerFell: time.Now().Add(-2 * fading), Peers: 1}: 1,
	} {
		if got := heardOver(stats); got != want {
			t.Errorf("%+v: %d, want %d", stats, got, want)
		}
	}
}
