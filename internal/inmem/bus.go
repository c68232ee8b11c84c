package inmem

import (
	"maps"
	"slices"
	"sync"

	"github.com/parley-chat/parley/internal/realtime"
)

// maxBusQueue is how many envelopes wait for one listener; past it they are lost, and it is told so.
const maxBusQueue = 10_000

// Bus connects the hubs of one process. It satisfies realtime.Bus. It neither doubles nor reorders, and
// loses only what a listener is too slow for.
type Bus struct {
	mu        sync.Mutex
	listeners []*listener
}

// listener is one hub's ear.
type listener struct {
	bus  *Bus
	hear func(topic string, envelope []byte)
	lost func(topics []string)

	mu      sync.Mutex
	follows map[string]struct{}
	queue   []letter
	missed  map[string]struct{} // topics of what the queue had no room for
	wake    chan struct{}

	stopping sync.Once
	stop     chan struct{}
	done     chan struct{}
}

// letter is an envelope, or topics that are in force from here on.
type letter struct {
	topic    string
	envelope []byte
	inForce  []string
}

// NewBus builds a bus without listeners.
func NewBus() *Bus { return &Bus{} }

// Publish queues an envelope for every listener that follows the topic.
func (b *Bus) Publish(topic string, envelope []byte) {
	b.mu.Lock()
	listeners := b.listeners
	b.mu.Unlock()
	for _, l := range listeners {
		l.enqueue(topic, envelope)
	}
}

// Peers reports whether more than one hub listens.
func (b *Bus) Peers() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.listeners) > 1
}

// Listen calls hear and lost in a goroutine of its own, until the listener is stopped.
func (b *Bus) Listen(hear func(topic string, envelope []byte), lost func(topics []string)) realtime.Listener {
	l := &listener{
		bus: b, hear: hear, lost: lost, follows: make(map[string]struct{}),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	b.mu.Lock()
	b.listeners = append(slices.Clone(b.listeners), l)
	b.mu.Unlock()
	go l.run()
	return l
}

// Follow takes the topics in at once.
func (l *listener) Follow(topics ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var fresh []string
	for _, t := range topics {
		if _, known := l.follows[t]; !known {
			l.follows[t] = struct{}{}
			fresh = append(fresh, t)
		}
	}
	if len(fresh) > 0 {
		l.queue = append(l.queue, letter{inForce: fresh})
		l.rouse()
	}
}

// Unfollow gives topics up at once; what waits in the queue is still heard.
func (l *listener) Unfollow(topics ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range topics {
		delete(l.follows, t)
	}
}

// Stop waits for the call under way.
func (l *listener) Stop() {
	l.stopping.Do(func() {
		l.bus.mu.Lock()
		l.bus.listeners = slices.DeleteFunc(slices.Clone(l.bus.listeners), func(other *listener) bool { return other == l })
		l.bus.mu.Unlock()
		close(l.stop)
	})
	<-l.done
}

func (l *listener) enqueue(topic string, envelope []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, follows := l.follows[topic]; !follows {
		return
	}
	if len(l.queue) < maxBusQueue {
		l.queue = append(l.queue, letter{topic: topic, envelope: envelope})
	} else {
		if l.missed == nil {
			l.missed = make(map[string]struct{})
		}
		l.missed[topic] = struct{}{}
	}
	l.rouse()
}

func (l *listener) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *listener) run() {
	defer close(l.done)
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		l.mu.Lock()
		queue, missed := l.queue, l.missed
		l.queue, l.missed = nil, nil
		l.mu.Unlock()
		for _, m := range queue {
			select {
			case <-l.stop:
				return
			default:
			}
			if m.inForce != nil {
				l.lost(m.inForce)
			} else {
				l.hear(m.topic, m.envelope)
			}
		}
		if len(missed) > 0 {
			l.lost(slices.Collect(maps.Keys(missed)))
		}
	}
}
