package pgbus

import (
	"maps"
	"slices"
)

// maxLosses is how many topics are remembered by name as having lost something; past it, any may have.
const maxLosses = 1_000

// losses are the topics that have lost something, or all of them.
type losses struct {
	topics map[string]struct{}
	all    bool
}

func (s *losses) add(topic string) {
	if s.all {
		return
	}
	if s.topics == nil {
		s.topics = make(map[string]struct{})
	}
	if s.topics[topic] = struct{}{}; len(s.topics) > maxLosses {
		s.addAll()
	}
}

func (s *losses) addAll() { s.topics, s.all = nil, true }

func (s *losses) none() bool { return !s.all && len(s.topics) == 0 }

// take returns what was lost, nil meaning anything, and forgets it. There must be something.
func (s *losses) take() []string {
	taken := *s
	*s = losses{}
	if taken.all {
		return nil
	}
	return slices.Sorted(maps.Keys(taken.topics))
}
