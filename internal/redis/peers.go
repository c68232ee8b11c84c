package redis

import (
	"sync"
	"time"
)

const (
	// silence is how long a node may not be heard before it counts as gone: five probes. It may have died
	// between a commit and its announcement.
	silence = 2500 * time.Millisecond
	// maxPeers bounds what strangers on the channel can make this node remember.
	maxPeers = 1000
)

// peers are the other nodes that are heard on this connection.
type peers struct {
	mu    sync.Mutex
	nodes map[string]*peer
	fell  time.Time // when one of them fell silent last
}

type peer struct {
	instance string
	reports  uint64
	heard    time.Time
}

// hear notes another node's probe. lost says that something of that node's was lost: of the topics, or of
// any when there are none.
func (ps *peers) hear(p probe, now time.Time) (topics []string, lost bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	known := ps.nodes[p.ServerID]
	if known == nil || known.instance != p.Payload.Instance {
		if known == nil && len(ps.nodes) >= maxPeers {
			return nil, false
		}
		// What it reported earlier was before this node listened: a report made since would have been heard.
		known = &peer{instance: p.Payload.Instance, reports: p.Payload.Reports}
		if p.Payload.Lost {
			known.reports--
		}
		ps.nodes[p.ServerID] = known
	}
	before := known.reports
	known.reports, known.heard = p.Payload.Reports, now
	switch {
	case p.Payload.Reports <= before:
		return nil, false
	case p.Payload.Reports == before+1 && p.Payload.Lost:
		return p.Payload.Topics, true
	}
	return nil, true
}

// silent forgets the nodes that are not heard any more, and reports whether there were any.
func (ps *peers) silent(now time.Time) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	before := len(ps.nodes)
	for id, p := range ps.nodes {
		if now.Sub(p.heard) > silence {
			delete(ps.nodes, id)
		}
	}
	fewer := len(ps.nodes) < before
	if fewer {
		ps.fell = now
	}
	return fewer
}

// excuse forgives a silence that was this node's own: it was stopped.
func (ps *peers) excuse(now time.Time) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.nodes {
		p.heard = now
	}
}

// reset forgets all nodes, before anything is heard on a new connection.
func (ps *peers) reset() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.nodes = make(map[string]*peer)
}

// count is how many are heard, and when one fell silent last; zero if none did.
func (ps *peers) count() (heard int, fell time.Time) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.nodes), ps.fell
}
