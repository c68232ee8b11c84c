package realtime

import "sync"

// gate holds writers back while a batch is handed out: a session that gets several of its frames, its own
// confirmation among them, then has them in one write.
type gate struct {
	mu      sync.Mutex
	holds   int
	waiting []func()
}

// Gather holds back what sessions are sent from now on, for the few moments until release: a batch that was
// committed is being handed out. Nobody may wait in between.
func (h *Hub) Gather() (release func()) {
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	h.gate.holds++
	return h.gate.release
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
	if g.holds == 0 {
		return false
	}
	g.waiting = append(g.waiting, writer)
	return true
}

func (g *gate) release() {
	g.mu.Lock()
	g.holds--
	var start []func()
	if g.holds == 0 {
		start, g.waiting = g.waiting, nil
	}
	g.mu.Unlock()
	for _, writer := range start {
		writer()
	}
}
