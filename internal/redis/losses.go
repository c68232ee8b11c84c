package redis

import (
	"maps"
	"slices"
	"sync"
)

// maxLostTopics is how many topics are told by name; past it everything may be lost.
const maxLostTopics = 500

// lostTopics are the topics of which something was lost, or that anything may have been.
type lostTopics struct {
	all   bool
	names map[string]struct{}
}

func (l *lostTopics) add(topic string) {
	if l.all {
		return
	}
	if l.names == nil {
		l.names = make(map[string]struct{})
	}
	if l.names[topic] = struct{}{}; len(l.names) > maxLostTopics {
		l.addAll()
	}
}

func (l *lostTopics) addAll() { l.all, l.names = true, nil }

func (l *lostTopics) empty() bool { return !l.all && len(l.names) == 0 }

// list is nil when anything may be lost.
func (l *lostTopics) list() []string {
	if l.all {
		return nil
	}
	return slices.Sorted(maps.Keys(l.names))
}

// losses is what this node could not publish and has to tell the others.
type losses struct {
	mu      sync.Mutex
	reports uint64 // made so far
	open    lostTopics
	telling lostTopics // in the report under way
}

func (l *losses) add(letters ...letter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lost := range letters {
		l.open.add(lost.topic)
	}
}

// report says how many reports there have been, and what is new in this one. Each is numbered, so that
// who missed one knows from the next.
func (l *losses) report() (reports uint64, lost bool, topics []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open.empty() {
		return l.reports, false, nil
	}
	l.reports++
	l.telling, l.open = l.open, lostTopics{}
	return l.reports, true, l.telling.list()
}

// told ends a report. What Redis did not take is told again.
func (l *losses) told(taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !taken {
		if l.telling.all {
			l.open.addAll()
		}
		for topic := range l.telling.names {
			l.open.add(topic)
		}
	}
	l.telling = lostTopics{}
}
