package inmem

import (
	"slices"
	"sync"
)

// maxBusQueue is how many envelopes wait for one listener; past it they are lost, and it is told so.
const maxBusQueue = 10_000

// Bus connects the hubs of one process: one in the embedded shape, several in tests. It satisfies
// realtime.Bus. It neither doubles nor reorders, and loses only what a listener is too slow for.
type Bus struct {
	mu        sync.Mutex
	listeners []*listener
}

type listener struct {
	hear func(topic string, envelope []byte)
	lost func()

	mu    sync.Mutex
	queue []letter
	full  bool
	wake  chan struct{}
	stop  chan struct{}
	done  chan struct{}
}

type letter struct {
	topic    string
	envelope []byte
}

// NewBus builds a bus without listeners.
func NewBus() *Bus { return &Bus{} }

// Publish queues an envelope for every listener.
func (b *Bus) Publish(topic string, envelope []byte) {
	b.mu.Lock()
	listeners := b.listeners
	b.mu.Unlock()
	for _, l := range listeners {
		l.enqueue(letter{topic, envelope})
	}
}

// Peers reports whether more than one hub listens.
func (b *Bus) Peers() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.listeners) > 1
}

// Listen calls hear for each envelope, in a goroutine of its own, until stop is called.
func (b *Bus) Listen(hear func(topic string, envelope []byte), lost func()) (stop func()) {
	l := &listener{hear: hear, lost: lost, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	b.mu.Lock()
	b.listeners = append(slices.Clone(b.listeners), l)
	b.mu.Unlock()
	go l.run()
	return func() {
		b.mu.Lock()
		b.listeners = slices.DeleteFunc(slices.Clone(b.listeners), func(other *listener) bool { return other == l })
		b.mu.Unlock()
		close(l.stop)
		<-l.done
	}
}

func (l *listener) enqueue(m letter) {
	l.mu.Lock()
	if len(l.queue) >= maxBusQueue {
		l.full = true
	} else {
		l.queue = append(l.queue, m)
	}
	l.mu.Unlock()
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
		queue, full := l.queue, l.full
		l.queue, l.full = nil, false
		l.mu.Unlock()
		for _, m := range queue {
			l.hear(m.topic, m.envelope)
		}
		if full {
			l.lost()
		}
	}
}
