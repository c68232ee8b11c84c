package cluster_test

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/parley-chat/parley/internal/realtime"
)

// wire is a path between nodes that can be broken at each of its ends. It keeps the contract of realtime.Bus: what an end
// misses is told when that end is connected again, and what it could not hand over then as well. A break is
// noticed when the test says so.
type wire struct {
	mu    sync.Mutex
	ends  []*end
	loses string // envelopes with this word vanish, against the contract
}

// end is one node's end of a wire: a cluster.Path.
type end struct {
	wire      *wire
	changed   func(bool)
	listeners []*wireListener
	broken    bool            // nothing passes
	up        bool            // what the node believes
	missed    map[string]bool // topics in which something could not be handed over
}

type wireListener struct {
	end     *end
	hear    func(string, []byte)
	lost    func([]string)
	follows map[string]bool
	waiting []string // asked for while the end is broken or believed to be
	calls   []func()
	wake    chan struct{}
	stop    chan struct{}
	once    sync.Once
	done    chan struct{}
}

func (w *wire) connect() *end {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := &end{wire: w, changed: func(bool) {}, broken: true, missed: map[string]bool{}}
	w.ends = append(w.ends, e)
	return e
}

func (e *end) OnChange(changed func(bool)) { e.changed = changed }

func (e *end) Up() bool {
	e.wire.mu.Lock()
	defer e.wire.mu.Unlock()
	return e.up
}

func (e *end) Peers() bool { return true }

func (e *end) Publish(topic string, envelope []byte) {
	e.wire.mu.Lock()
	defer e.wire.mu.Unlock()
	if e.broken || !e.up {
		e.missed[topic] = true
		return
	}
	if e.wire.loses != "" && strings.Contains(string(envelope), e.wire.loses) {
		return
	}
	for _, other := range e.wire.ends {
		if other == e || other.broken {
			continue
		}
		for _, l := range other.listeners {
			if l.follows[topic] {
				l.call(func() { l.hear(topic, envelope) })
			}
		}
	}
}

// breaks stops everything; the node does not notice.
func (e *end) breaks() {
	e.wire.mu.Lock()
	defer e.wire.mu.Unlock()
	e.broken = true
}

// notices lets the node notice that its end is broken.
func (e *end) notices() {
	e.wire.mu.Lock()
	was := e.up
	if e.broken {
		e.up = false
	}
	is := e.up
	e.wire.mu.Unlock()
	if was != is {
		e.changed(is)
	}
}

// heals connects the end again, as a new connection does: what was missed is told, then the end is up.
func (e *end) heals() {
	e.notices()
	e.wire.mu.Lock()
	if e.up {
		e.wire.mu.Unlock()
		return
	}
	e.broken, e.up = false, true
	for _, l := range e.listeners {
		l.call(func() { l.lost(nil) })
		if len(l.waiting) > 0 {
			waiting := l.waiting
			l.waiting = nil
			l.call(func() { l.lost(waiting) })
		}
	}
	for _, other := range e.wire.ends {
		for _, l := range other.listeners {
			var missed []string
			for topic := range e.missed {
				if l.follows[topic] {
					missed = append(missed, topic)
				}
			}
			if other != e && !other.broken && len(missed) > 0 {
				l.call(func() { l.lost(missed) })
			}
		}
	}
	clear(e.missed)
	e.wire.mu.Unlock()
	e.changed(true)
}

func (e *end) Listen(hear func(string, []byte), lost func([]string)) realtime.Listener {
	l := &wireListener{
		end: e, hear: hear, lost: lost, follows: map[string]bool{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	e.wire.mu.Lock()
	defer e.wire.mu.Unlock()
	e.listeners = append(e.listeners, l)
	go l.run()
	return l
}

func (l *wireListener) Follow(topics ...string) {
	l.end.wire.mu.Lock()
	defer l.end.wire.mu.Unlock()
	var fresh []string
	for _, topic := range topics {
		if !l.follows[topic] {
			l.follows[topic] = true
			fresh = append(fresh, topic)
		}
	}
	switch {
	case len(fresh) == 0:
	case l.end.up && !l.end.broken:
		l.call(func() { l.lost(fresh) })
	default:
		l.waiting = append(l.waiting, fresh...)
	}
}

func (l *wireListener) Unfollow(topics ...string) {
	l.end.wire.mu.Lock()
	defer l.end.wire.mu.Unlock()
	for _, topic := range topics {
		delete(l.follows, topic)
		l.waiting = slices.DeleteFunc(l.waiting, func(w string) bool { return w == topic })
	}
}

func (l *wireListener) Stop() {
	l.once.Do(func() {
		l.end.wire.mu.Lock()
		l.end.listeners = slices.DeleteFunc(slices.Clone(l.end.listeners), func(other *wireListener) bool { return other == l })
		l.end.wire.mu.Unlock()
		close(l.stop)
	})
	<-l.done
}

// call queues a call; the wire's lock is held.
func (l *wireListener) call(what func()) {
	l.calls = append(l.calls, what)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *wireListener) run() {
	defer close(l.done)
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		l.end.wire.mu.Lock()
		calls := l.calls
		l.calls = nil
		l.end.wire.mu.Unlock()
		for _, call := range calls {
			select {
			case <-l.stop:
				return
			default:
				call()
			}
		}
	}
}

// truth is the store: how often each topic was changed.
type truth struct {
	mu   sync.Mutex
	revs map[string]int
}

func newTruth() *truth { return &truth{revs: map[string]int{}} }

func (s *truth) change(topic string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revs[topic]++
	return s.revs[topic]
}

func (s *truth) all() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.revs)
}
