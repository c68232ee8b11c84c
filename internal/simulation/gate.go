package simulation

import "sync"

// gate is where a process meets the world: every call to the store, every envelope and every byte of a socket
// passes it. A process that is held does nothing that anybody could see; one that is dead never will.
type gate struct {
	mu   sync.Mutex
	held chan struct{} // closed when the process may go on; nil while it runs
	dead chan struct{}
	over bool
	ever bool // it was held or killed
}

func newGate() *gate { return &gate{dead: make(chan struct{})} }

// pass waits while the process is held. It reports false when the process is dead.
func (g *gate) pass() bool {
	for {
		g.mu.Lock()
		held, over := g.held, g.over
		g.mu.Unlock()
		switch {
		case over:
			return false
		case held == nil:
			return true
		}
		select {
		case <-held:
		case <-g.dead:
		}
	}
}

// hold stops the process (SIGSTOP). It reports false when it is held already or dead.
func (g *gate) hold() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != nil || g.over {
		return false
	}
	g.held, g.ever = make(chan struct{}), true
	return true
}

// release lets it go on (SIGCONT).
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != nil {
		close(g.held)
		g.held = nil
	}
}

// kill ends it for good (SIGKILL). It reports false when it is dead already.
func (g *gate) kill() bool {
	g.mu.Lock()
	g.ever = g.ever || !g.over
	g.mu.Unlock()
	return g.end()
}

// end is how a process is gone that has ended in order.
func (g *gate) end() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return false
	}
	g.over = true
	close(g.dead)
	return true
}

// isHeld reports whether the process is held or dead.
func (g *gate) isHeld() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.over || g.held != nil
}

// troubled reports whether the process was ever held or is dead: what is promised of it is not promised then.
func (g *gate) troubled() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ever
}

func (g *gate) isDead() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.over
}
