package pgbus

import (
	"sync"
	"sync/atomic"
)

// What waits to be published is bounded; what has no room is lost, and the others are told.
const (
	maxQueued      = 10_000
	maxQueuedBytes = 8 << 20
	// maxBatch and maxBatchBytes bound one statement.
	maxBatch      = 500
	maxBatchBytes = 1 << 20
)

// outbox is what this node has to publish.
type outbox struct {
	number atomic.Uint64 // of the last notification
	wake   chan struct{}

	mu     sync.Mutex
	queue  []letter
	bytes  int
	missed losses
}

// letter is the text of a notification, and the topic that loses something if it is not sent.
type letter struct {
	topic string
	text  string
}

// put queues a letter, or reports that there is no room.
func (o *outbox) put(l letter) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) >= maxQueued || o.bytes+len(l.text) > maxQueuedBytes {
		return false
	}
	o.queue = append(o.queue, l)
	o.bytes += len(l.text)
	return true
}

// lose notes that others have to be told of a loss in a topic.
func (o *outbox) lose(topic string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if travels(topic) {
		o.missed.add(topic)
	} else {
		o.missed.addAll()
	}
}

// giveUp notes the losses of a batch that may not have arrived.
func (o *outbox) giveUp(b batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if b.lost && b.topics == nil {
		o.missed.addAll()
	}
	for _, topic := range b.topics {
		o.missed.add(topic)
	}
	for _, l := range b.letters {
		if l.topic != "" {
			o.missed.add(l.topic)
		}
	}
}

// batch is what one statement publishes: notices of losses first, since they concern what was to come before.
type batch struct {
	lost    bool
	topics  []string // that lost something, nil meaning any
	letters []letter
}

func (b batch) empty() bool { return !b.lost && len(b.letters) == 0 }

// take takes what is next; more reports whether something is left.
func (o *outbox) take() (b batch, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.missed.none() {
		b.lost, b.topics = true, o.missed.take()
	}
	n, bytes := 0, 0
	for n < len(o.queue) && n < maxBatch && bytes+len(o.queue[n].text) <= maxBatchBytes {
		bytes += len(o.queue[n].text)
		n++
	}
	b.letters = o.queue[:n:n]
	o.queue = o.queue[n:]
	o.bytes -= bytes
	if len(o.queue) == 0 {
		o.queue = nil
	}
	return b, len(o.queue) > 0
}

func (o *outbox) rouse() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
