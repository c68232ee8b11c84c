package cluster

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/store"
)

// sayings logs what the registry notices, each thing once until it is over. Only the registry's Run uses it.
type sayings struct {
	log      *slog.Logger
	failed   bool
	skewed   bool
	twinned  bool
	known    map[string]store.Node // other nodes, by process
	versions []string
}

// failing says that the registry cannot be kept, or can be again.
func (s *sayings) failing(err error) {
	switch {
	case err != nil && !s.failed:
		s.log.Warn("the registry of nodes cannot be kept", "event", "registry.failed", "error", err)
	case err == nil && s.failed:
		s.log.Info("the registry of nodes is kept again", "event", "registry.recovered")
	}
	s.failed = err != nil
}

// clock says that this node's clock is off the database's, which answered between began and ended.
func (s *sayings) clock(database, began, ended time.Time) {
	var off time.Duration
	switch {
	case database.Before(began):
		off = began.Sub(database)
	case database.After(ended):
		off = ended.Sub(database)
	}
	skewed := off.Abs() > maxSkew
	if skewed && !s.skewed {
		s.log.Warn("this node's clock and the database's differ; set both by NTP", "event", "node.clock", "ahead", off.Round(time.Second))
	}
	s.skewed = skewed
}

// twin says that another process has this node's serverId.
func (s *sayings) twin(twin bool) {
	if twin && !s.twinned {
		s.log.Error("another process has this node's serverId, and neither hears the other: give each its own", "event", "node.twin")
	}
	s.twinned = twin
}

// nodes says who came and went, and whether all have one version.
func (s *sayings) nodes(seen []store.Node, self string, first bool) {
	now := make(map[string]store.Node)
	var versions []string
	for _, n := range seen {
		versions = append(versions, n.Version)
		if n.Process != self {
			now[n.Process] = n
		}
	}
	// One that was started again under its ID goes before it comes: the last word of it must be that it is there.
	for process, n := range s.known {
		if _, there := now[process]; !there {
			s.log.Info("another node is gone", "event", "node.left", "node", n.ID)
		}
	}
	for _, n := range seen {
		if _, known := s.known[n.Process]; !known && n.Process != self {
			s.log.Info("another node is there", "event", "node.joined", "node", n.ID, "url", n.URL, "version", n.Version)
		}
	}
	s.known = now
	slices.Sort(versions)
	versions = slices.Compact(versions)
	if !slices.Equal(versions, s.versions) && (len(versions) > 1 || !first) {
		s.log.Info("the nodes' versions", "event", "node.versions", "versions", strings.Join(versions, ", "))
	}
	s.versions = versions
}
