package realtime

import (
	"sync"
	"time"
)

const (
	// worthWaiting is the smallest batch on its way to the store that what other nodes committed waits for. A
	// smaller one shares too few writes, and comes from a node with so little to do that they cost it nothing.
	worthWaiting = 10
	// hearWait is how long it waits at most.
	hearWait = 20 * time.Millisecond
)

// gate holds writers back while a batch is handed out: a session that gets several of its frames, its own
// confirmation among them, then has them in one write. What was heard of another node's batch waits, for
// hearWait at most, for the batch of this node that is on its way to the store: two nodes that write to the same
// conversations commit in turns, so that it is for the same sessions. A write is most of what a delivery costs.
// The batch's envelopes leave together as well, on one way to the bus.
type gate struct {
	bus        Bus
	mu         sync.Mutex
	handing    int // batches being handed out
	handed     int // batches so far
	committing int // batches worth waiting for
	hearing    bool
	waiting    []func()
	letters    []letter
	patience   *time.Timer // nil before the first wait
	patient    bool        // it runs
}

// letter is an envelope and where it goes.
type letter struct {
	topic    string
	envelope []byte
	urgent   bool
}

// Gather holds back what sessions are sent from now on, for the few moments until release: a batch that was
// committed is being handed out. Nobody may wait in between.
func (h *Hub) Gather() (release func()) {
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	h.gate.handing++
	h.gate.handed++
	return h.gate.handedOut
}

// Committing has what is heard of other nodes wait for a batch that is on its way to the store. done comes once,
// after Gather when it was stored.
func (h *Hub) Committing(messages int) (done func()) {
	if messages < worthWaiting {
		return func() {}
	}
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	h.gate.committing++
	return h.gate.committed
}

// Start starts an outbox's writer, at once or when the batch that is being handed out is. It may be called under
// an outbox's lock.
func (h *Hub) Start(writer func()) {
	if !h.gate.keep(writer) {
		writer()
	}
}

func (g *gate) keep(writer func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.handing == 0 && !g.hearing {
		return false
	}
	g.waiting = append(g.waiting, writer)
	return true
}

// traffic reports how many batches have been handed out so far, and whether messages are on their way this moment.
func (g *gate) traffic() (batches int, busy bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.handed, g.handing > 0 || g.hearing || g.committing > 0
}

// publish hands an envelope to the bus, at once or when the batch that is being handed out is.
func (g *gate) publish(l letter) {
	g.mu.Lock()
	if g.handing > 0 {
		defer g.mu.Unlock()
		g.letters = append(g.letters, l)
		return
	}
	g.mu.Unlock()
	g.handOver(l)
}

func (g *gate) handOver(l letter) {
	if bus, may := g.bus.(Urgent); may && l.urgent {
		bus.PublishUrgent(l.topic, l.envelope)
		return
	}
	g.bus.Publish(l.topic, l.envelope)
}

func (g *gate) handedOut() {
	g.mu.Lock()
	g.handing--
	g.open()
}

func (g *gate) committed() {
	g.mu.Lock()
	if g.committing--; g.committing > 0 {
		g.mu.Unlock()
		return
	}
	g.open()
}

// hear holds back what sessions are sent while an envelope is handed out, and then until the batch under way is.
func (g *gate) hear() (heard func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hearing = true
	return g.heard
}

func (g *gate) heard() {
	g.mu.Lock()
	g.hearing = false
	if g.committing == 0 {
		g.open()
		return
	}
	defer g.mu.Unlock()
	if len(g.waiting) == 0 || g.patient {
		return
	}
	if g.patient = true; g.patience == nil {
		g.patience = time.AfterFunc(hearWait, g.waitedEnough)
		return
	}
	g.patience.Reset(hearWait)
}

func (g *gate) waitedEnough() {
	g.mu.Lock()
	g.open()
}

// open starts who waits, unless a batch is being handed out, which starts them in a moment. It gives up the lock.
func (g *gate) open() {
	var start []func()
	var letters []letter
	if g.handing == 0 {
		start, g.waiting = g.waiting, nil
		letters, g.letters = g.letters, nil
		if g.patient {
			g.patient = false
			g.patience.Stop()
		}
	}
	g.mu.Unlock()
	for _, l := range letters {
		g.handOver(l)
	}
	for _, writer := range start {
		writer()
	}
}
