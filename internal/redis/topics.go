package redis

import (
	"slices"
	"sync"

	"github.com/parley-chat/parley/internal/realtime"
)

// topics says who follows what, and what Redis was asked for. Exactly what somebody follows is subscribed.
type topics struct {
	wake chan struct{} // something changed

	mu        sync.RWMutex
	known     map[string]*topic
	connected bool
	confirmed bool     // something was once in force
	changed   []string // while connected: to be asked for or given up
}

type topic struct {
	pinned    bool        // the bus itself needs it
	listeners []*listener // never changed in place
	awaiting  []*listener // told when it is in force
	asked     bool        // on the connection of now
	inForce   bool
}

func (t *topic) wanted() bool { return t.pinned || len(t.listeners) > 0 }

func newTopics() *topics {
	return &topics{
		wake:  make(chan struct{}, 1),
		known: map[string]*topic{realtime.SystemTopic: {pinned: true}},
	}
}

// follow returns those that are in force already; the listener is told of the others when they are.
func (ts *topics) follow(l *listener, names []string) (inForce []string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, name := range names {
		t := ts.known[name]
		if t == nil {
			t = &topic{}
			ts.known[name] = t
		}
		if slices.Contains(t.listeners, l) {
			continue
		}
		t.listeners = append(slices.Clone(t.listeners), l)
		if t.inForce {
			inForce = append(inForce, name)
			continue
		}
		t.awaiting = append(t.awaiting, l)
		ts.touch(name, t)
	}
	return inForce
}

func (ts *topics) unfollow(l *listener, names []string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, name := range names {
		if t := ts.known[name]; t != nil {
			ts.remove(l, name, t)
		}
	}
}

func (ts *topics) unfollowAll(l *listener) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for name, t := range ts.known {
		ts.remove(l, name, t)
	}
}

func (ts *topics) remove(l *listener, name string, t *topic) {
	other := func(x *listener) bool { return x == l }
	if !slices.ContainsFunc(t.listeners, other) {
		return
	}
	t.listeners = slices.DeleteFunc(slices.Clone(t.listeners), other)
	t.awaiting = slices.DeleteFunc(t.awaiting, other)
	if !t.wanted() {
		ts.touch(name, t)
	}
}

// touch notes a topic that is to be asked for or given up. Without a connection there is nothing to do.
func (ts *topics) touch(name string, t *topic) {
	switch {
	case !t.wanted() && !t.asked:
		delete(ts.known, name)
	case ts.connected && t.wanted() != t.asked:
		ts.changed = append(ts.changed, name)
		rouse(ts.wake)
	}
}

// listeners are those who follow a topic.
func (ts *topics) listeners(name string) []*listener {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	if t := ts.known[name]; t != nil {
		return t.listeners
	}
	return nil
}

// isAsked reports whether Redis was asked for the topic and it was not given up since.
func (ts *topics) isAsked(name string) bool {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	t := ts.known[name]
	return t != nil && t.asked
}

// connect returns every topic that is followed, for a new connection.
func (ts *topics) connect() (ask []string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.connected = true
	for name, t := range ts.known {
		t.asked = true
		ask = append(ask, name)
	}
	return ask
}

// giveUp returns the topics that nobody follows any more.
func (ts *topics) giveUp() (leave []string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	changed := ts.changed
	ts.changed = nil
	for _, name := range changed {
		switch t := ts.known[name]; {
		case t == nil:
		case t.wanted():
			ts.changed = append(ts.changed, name)
		default:
			leave = append(leave, name)
			delete(ts.known, name)
		}
	}
	return leave
}

// ask returns the topics that are followed and not subscribed yet.
func (ts *topics) ask() (ask []string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	changed := ts.changed
	ts.changed = nil
	for _, name := range changed {
		switch t := ts.known[name]; {
		case t == nil:
		case !t.wanted():
			ts.changed = append(ts.changed, name)
		case !t.asked:
			t.asked = true
			ask = append(ask, name)
		}
	}
	return ask
}

// confirm notes that topics are in force and returns who has waited for which of them.
func (ts *topics) confirm(names []string) map[*listener][]string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.confirmed = true
	told := make(map[*listener][]string)
	for _, name := range names {
		t := ts.known[name]
		if t == nil || !t.asked {
			continue
		}
		t.inForce = true
		for _, l := range t.awaiting {
			told[l] = append(told[l], name)
		}
		t.awaiting = nil
	}
	return told
}

// wereInForce reports whether any topic has ever been in force.
func (ts *topics) wereInForce() bool {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	return ts.confirmed
}

// disconnect notes that nothing is in force.
func (ts *topics) disconnect() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.connected, ts.changed = false, nil
	for name, t := range ts.known {
		t.asked, t.inForce = false, false
		ts.touch(name, t)
	}
}

func (ts *topics) count() int {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	return len(ts.known)
}
