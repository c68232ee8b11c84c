package redis

import "sync"

const (
	// What waits for one listener is bounded: past either figure envelopes are lost, and it is told so.
	maxHeard      = 10_000
	maxHeardBytes = 32 << 20
)

// listener is one hub's ear: a bounded queue and the goroutine that empties it. A slow one delays nobody.
type listener struct {
	bus  *Bus
	hear func(topic string, envelope []byte)
	lost func(topics []string)

	mu      sync.Mutex
	queue   []letter
	bytes   int
	inForce []string // to be told
	missed  lostTopics

	wake     chan struct{}
	stopping sync.Once
	stop     chan struct{}
	done     chan struct{}
}

// listen starts a listener.
func (b *Bus) listen(hear func(topic string, envelope []byte), lost func(topics []string)) *listener {
	l := &listener{
		bus: b, hear: hear, lost: lost,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	b.mu.Lock()
	b.listeners[l] = struct{}{}
	b.mu.Unlock()
	go l.run()
	return l
}

// Follow asks Redis for the topics when there is a connection.
func (l *listener) Follow(topics ...string) {
	select {
	case <-l.stop:
		return
	default:
	}
	if inForce := l.bus.topics.follow(l, topics); len(inForce) > 0 {
		l.tellInForce(inForce)
	}
}

// Unfollow gives topics up; what waits in the queue is still heard.
func (l *listener) Unfollow(topics ...string) { l.bus.topics.unfollow(l, topics) }

// Stop waits for the call under way.
func (l *listener) Stop() {
	l.stopping.Do(func() {
		close(l.stop)
		l.bus.mu.Lock()
		delete(l.bus.listeners, l)
		l.bus.mu.Unlock()
		l.bus.topics.unfollowAll(l)
	})
	<-l.done
}

// deliver queues an envelope, or notes that it is missed.
func (l *listener) deliver(m letter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) < maxHeard && l.bytes+len(m.envelope) <= maxHeardBytes {
		l.queue = append(l.queue, m)
		l.bytes += len(m.envelope)
	} else {
		l.missed.add(m.topic)
		l.bus.stats.dropped.Add(1)
	}
	rouse(l.wake)
}

func (l *listener) tellInForce(topics []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inForce = append(l.inForce, topics...)
	rouse(l.wake)
}

func (l *listener) tellLost(topics ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, topic := range topics {
		l.missed.add(topic)
	}
	rouse(l.wake)
}

func (l *listener) tellAllLost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missed.addAll()
	rouse(l.wake)
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
		queue, inForce, missed := l.queue, l.inForce, l.missed
		l.queue, l.bytes, l.inForce, l.missed = nil, 0, nil, lostTopics{}
		l.mu.Unlock()
		for _, m := range queue {
			if l.stopped() {
				return
			}
			l.hear(m.topic, m.envelope)
		}
		// After what was heard: a listener that has heard it need not read it from the store.
		if len(inForce) > 0 && !l.stopped() {
			l.lost(inForce)
		}
		if !missed.empty() && !l.stopped() {
			l.lost(missed.list())
		}
	}
}

func (l *listener) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}
