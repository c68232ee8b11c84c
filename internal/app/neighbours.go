package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/cluster"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/store"
)

const (
	// lookAround is how often the other nodes are looked at.
	lookAround = time.Second
	// settled is how long a node must have been there to be compared with, and this one's Redis after it came back: not
	// all may be connected yet, and what the registry says of the others is as old as their last beat.
	settled = 10 * time.Second
	// silentAfter is how old a node's last beat may be at a look of this one: two have been missed, and it is no more than gone.
	silentAfter = 10 * time.Second
	// fading is how long after a node fell silent over Redis a look may find its last beat not that old.
	fading = silentAfter + 5*time.Second
	// newcomer is how long a node that finds another one of its ID, there before it, is the one that goes.
	newcomer = 20 * time.Second
)

// neighbours are the other nodes that serve the same database, as one node sees them.
type neighbours struct {
	self  store.Node
	nodes []store.Node // without itself
	// heard is how many of them this node hears over its Redis; -1 when it has none, or that is away or just back, or when one
	// of them fell silent a moment ago.
	heard int
	twin  bool // another process has this node's ID
	// apart says that this node has no Redis to share presence over.
	apart bool
}

// neighbours looks at the registry's last look.
func (n *Node) neighbours() (around neighbours, known bool) {
	if n.reach.registry == nil {
		return around, false
	}
	around.heard, around.twin, around.apart = -1, n.reach.registry.Twin(), n.reach.knowsOwnOnly()
	if n.reach.redis != nil {
		around.heard = heardOver(n.reach.redis.Stats())
	}
	for _, other := range n.reach.registry.Nodes() {
		if other.ID == n.id {
			around.self, known = other, true
		} else {
			around.nodes = append(around.nodes, other)
		}
	}
	return around, known
}

func heardOver(s redis.Stats) int {
	if !s.Up || s.UpFor < settled || time.Since(s.PeerFell) < fading {
		return -1
	}
	return s.Peers
}

// warnings say what an operator has to put right about the nodes together.
func (a *neighbours) warnings() []string {
	var out []string
	if a.twin {
		out = append(out, "Another process calls itself "+a.self.ID+" too, and neither hears the other: give each node its own PARLEY_NODE_ID.")
	}
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if others := a.which(func(n store.Node) bool { return n.Version != a.self.Version }); others != "" {
		say("Other nodes on this database run another version than this one's %s (%s): that is for the time of an upgrade only.", a.self.Version, others)
	}
	if others := a.which(func(n store.Node) bool { return !understand(a.self.Keys, n.Keys) }); others != "" {
		say("Other nodes on this database sign tokens with another key (%s): people are signed out when they come to one. Give all the same PARLEY_SIGNING_KEY.", others)
	}
	if a.apart && len(a.nodes) > 0 {
		out = append(out, ownOnly)
	}
	if a.heard < 0 {
		return out
	}
	if others := a.which(func(n store.Node) bool { return n.Bus != string(cluster.StateRedis) && a.isComparable(n) }); others != "" {
		say("Other nodes on this database do not use Redis as this one does (%s): theirs is away, or they have no REDIS_URL.", others)
	}
	with := slices.DeleteFunc(slices.Clone(a.nodes), func(n store.Node) bool {
		return n.Bus != string(cluster.StateRedis) || n.Draining || !a.isComparable(n)
	})
	if a.heard < len(with) && a.isSettled(a.self) {
		say("This node hears %d of %d other nodes over Redis: do all have the same REDIS_URL?", a.heard, len(with))
	}
	return out
}

// isSettled reports whether a node is there for long enough to be connected everywhere.
func (a *neighbours) isSettled(n store.Node) bool { return a.self.SeenAt.Sub(n.StartedAt) >= settled }

// isComparable reports whether what a node says of its Redis can be held against it: it is settled, and not silent.
func (a *neighbours) isComparable(n store.Node) bool {
	return a.isSettled(n) && a.self.SeenAt.Sub(n.SeenAt) <= silentAfter
}

// which names the nodes that something is true of.
func (a *neighbours) which(is func(store.Node) bool) string {
	var names []string
	for _, n := range a.nodes {
		if is(n) {
			names = append(names, n.ID+" of version "+n.Version)
		}
	}
	return strings.Join(names, ", ")
}

// stranger is a node that was there first and signs tokens with a key that this one does not take, or does not
// take this one's.
func (a *neighbours) stranger() (other store.Node, is bool) {
	for _, n := range a.nodes {
		first := n.StartedAt.Before(a.self.StartedAt) || n.StartedAt.Equal(a.self.StartedAt) && n.ID < a.self.ID
		if first && !understand(a.self.Keys, n.Keys) {
			return n, true
		}
	}
	return store.Node{}, false
}

// lookAround logs what is wrong with the nodes together, and with Redis, when it begins. It ends a node whose key is not that of
// those who were there first, since two that start at once do not see each other before, and a new one whose ID is
// taken.
func (n *Node) lookAround(ctx context.Context) error {
	tick := time.NewTicker(lookAround)
	defer tick.Stop()
	began := time.Now()
	known := n.reach.warnings() // the start has said them
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		around, looked := n.neighbours()
		if !looked {
			continue
		}
		if other, is := around.stranger(); is {
			return keyProblem(other)
		}
		if n.reach.registry.Intruder() && time.Since(began) < newcomer {
			return twinProblem(n.id)
		}
		warnings := append(n.reach.warnings(), around.warnings()...)
		for _, w := range warnings {
			if !slices.Contains(known, w) {
				n.log.Warn("node.warning", "message", w)
			}
		}
		known = warnings
	}
}

func twinProblem(id string) error {
	return problem(nil, "another node on the same database calls itself "+id+" too", "give each node its own PARLEY_NODE_ID, or none, and each gets one by itself")
}
