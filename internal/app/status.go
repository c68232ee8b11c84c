package app

import (
	"encoding/json"
	"net/http"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/obs"
	"github.com/parley-chat/parley/internal/status"
	"github.com/parley-chat/parley/internal/store"
)

// status is how the node is now. It waits for nothing.
func (n *Node) status() status.Node {
	health, pool := n.health(), n.store.Pool()
	out := status.Node{
		ID: n.id, Version: n.version, URL: n.address(), Told: true, Up: time.Since(n.began).Seconds(),
		Ready: health.Ready(), Draining: n.draining.Load(), Degraded: health.Degraded, Checks: health.Checks, Stuck: n.vitals.stuck(),
		Connections: n.sockets.Connections(), Sessions: n.hub.Stats().Sessions, Sends: n.recentSends(), Bus: status.NotNeeded,
		Database: status.Database{Kind: n.store.Kind(), Used: pool.Used, Idle: pool.Idle, Max: pool.Max},
	}
	if n.reach.joint != nil {
		out.Process, out.Bus = n.reach.registry.Process(), string(n.reach.joint.State())
	}
	for _, b := range n.breakers() {
		if out.Breakers == nil {
			out.Breakers = make(map[string]string)
		}
		out.Breakers[b.Part()] = b.State().String()
	}
	if n.storage.path != "" {
		out.Storage = &status.Storage{FreeBytes: n.storage.free.Load(), ReadOnly: n.storage.is.Load()}
	}
	for _, t := range n.chat.Turning() {
		out.Queue += t.Waiting
	}
	out.HeapBytes, out.Goroutines = heapAndGoroutines()
	return out
}

// recentSends is what became of the sends of the last minute.
func (n *Node) recentSends() status.Sends {
	sends, while := n.recent.Sends()
	return status.Sends{
		Seconds: while.Seconds(), Stored: sends.ByResult[obs.Stored], Duplicate: sends.ByResult[obs.Duplicate],
		Rejected: sends.ByResult[obs.Rejected], Refused: sends.ByResult[obs.Refused], Unknown: sends.ByResult[obs.Unknown], Times: sends.Times,
	}
}

func heapAndGoroutines() (bytes uint64, goroutines int) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), int(samples[1].Value.Uint64())
}

// stateForRegistry is what the node writes into its row of the registry.
func (n *Node) stateForRegistry() string {
	text, err := json.Marshal(n.status())
	if err != nil {
		n.log.Error("the node's state cannot be written", "event", "registry.state", "error", err)
		return ""
	}
	return string(text)
}

// report is the state of this node and of the others as they said last.
func (n *Node) report() *status.Report {
	own := n.status()
	own.Warnings = n.health().InFull().Warnings
	own.Warnings = append(own.Warnings, n.live().InFull().Warnings...)
	r := &status.Report{At: time.Now().UTC(), Source: status.SourceNode, Nodes: []status.Node{own}}
	if n.reach.registry != nil {
		r.Nodes = append(r.Nodes, n.others()...)
	}
	r.Judge()
	return r
}

// others are the other nodes as the registry knew them at its last look.
func (n *Node) others() []status.Node {
	seen, looked := n.reach.registry.Look()
	own := n.reach.registry.Process()
	i := slices.IndexFunc(seen, func(row store.Node) bool { return row.Process == own })
	if i < 0 {
		return nil
	}
	// The look followed this node's own beat at once, which tells the time by the database's clock.
	now := seen[i].SeenAt.Add(time.Since(looked))
	var out []status.Node
	for _, row := range slices.Delete(seen, i, i+1) {
		out = append(out, fromRegistry(row, now))
	}
	return out
}

// fromRegistry reads a row of the registry at a moment by the database's clock.
func fromRegistry(row store.Node, now time.Time) status.Node {
	var out status.Node
	// A row may hold the state of the process before this one, where the program that runs now writes none.
	if json.Unmarshal([]byte(row.State), &out) != nil || out.Process != row.Process {
		out = status.Node{Process: row.Process, Ready: !row.Draining}
	}
	out.ID, out.Version, out.URL, out.Draining, out.Bus = row.ID, row.Version, row.URL, row.Draining, row.Bus
	out.Up, out.Silent = max(0, now.Sub(row.StartedAt).Seconds()), max(0, now.Sub(row.SeenAt).Seconds())
	return out
}

// serveStatus answers parley status.
func (n *Node) serveStatus(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// Who asked and has gone reads no answer.
	_ = json.NewEncoder(w).Encode(n.report())
}
