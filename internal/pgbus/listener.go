package pgbus

import "sync"

// What waits for one listener is bounded; what has no room is lost, and the listener is told.
const (
	maxHeard      = 10_000
	maxHeardBytes = 8 << 20
)

// listener is one ear of this node.
type listener struct {
	bus  *Bus
	hear func(topic string, envelope []byte)
	lost func(topics []string)

	mu        sync.Mutex
	connected bool // while the bus is up: topics are in force at once
	follows   map[string]struct{}
	pending   []string // asked for while the bus is down
	queue     []heard
	bytes     int
	missed    losses

	wake     chan struct{}
	stopping sync.Once
	stop     chan struct{}
	done     chan struct{}
}

// heard is an envelope, or topics that are in force from here on.
type heard struct {
	topic    string
	envelope string
	inForce  []string
}

func newListener(b *Bus, hear func(string, []byte), lost func([]string)) *listener {
	return &listener{
		bus: b, hear: hear, lost: lost, follows: make(map[string]struct{}),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// Follow takes topics in at once: all that others publish comes here anyway.
func (l *listener) Follow(topics ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var fresh []string
	for _, topic := range topics {
		if _, known := l.follows[topic]; !known {
			l.follows[topic] = struct{}{}
			fresh = append(fresh, topic)
		}
	}
	switch {
	case len(fresh) == 0:
	case l.connected:
		l.queue = append(l.queue, heard{inForce: fresh})
		l.rouse()
	default:
		l.pending = append(l.pending, fresh...)
	}
}

// Unfollow gives topics up at once; what waits in the queue is still heard.
func (l *listener) Unfollow(topics ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, topic := range topics {
		delete(l.follows, topic)
	}
}

// Stop waits for the call under way.
func (l *listener) Stop() {
	l.stopping.Do(func() {
		l.bus.forget(l)
		close(l.stop)
	})
	<-l.done
}

// connect notes that the bus came up or went down. Coming up puts in force what was asked for meanwhile; all
// else may have missed something. The bus holds its lock; nothing takes the two the other way round.
func (l *listener) connect(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if up && len(l.follows) > 0 {
		l.missed.addAll()
	}
	if up && len(l.pending) > 0 {
		l.queue = append(l.queue, heard{inForce: l.pending})
		l.pending = nil
	}
	l.connected = up
	l.rouse()
}

// take puts an envelope into the queue if its topic is followed.
func (l *listener) take(topic, envelope string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, follows := l.follows[topic]; !follows {
		return
	}
	if len(l.queue) < maxHeard && l.bytes+len(envelope) <= maxHeardBytes {
		l.queue = append(l.queue, heard{topic: topic, envelope: envelope})
		l.bytes += len(envelope)
		l.bus.counts.heard.Add(1)
	} else {
		l.bus.counts.overflowed.Add(1)
		l.missed.add(topic)
	}
	l.rouse()
}

// miss notes that topics, nil meaning any, have lost something.
func (l *listener) miss(topics []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if topics == nil {
		l.missed.addAll()
	}
	for _, topic := range topics {
		if _, follows := l.follows[topic]; follows {
			l.missed.add(topic)
		}
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
		l.queue, l.bytes, l.missed = nil, 0, losses{}
		l.mu.Unlock()
		if !l.tell(queue, missed) {
			return
		}
	}
}

// tell hands over what was taken from the queue; it reports false when the listener is stopped meanwhile.
func (l *listener) tell(queue []heard, missed losses) bool {
	for _, h := range queue {
		select {
		case <-l.stop:
			return false
		default:
		}
		if h.inForce != nil {
			l.lost(h.inForce)
		} else {
			l.hear(h.topic, []byte(h.envelope))
		}
	}
	if !missed.none() {
		l.lost(missed.take())
	}
	return true
}
