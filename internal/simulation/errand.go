package simulation

import "sync"

// errands are what goes on beside the devices and the processes. One may begin another, also while somebody waits
// for all of them.
type errands struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when there is none; nil when nobody waits
}

// Go begins an errand.
func (e *errands) Go(f func()) {
	e.mu.Lock()
	e.n++
	e.mu.Unlock()
	go func() {
		defer e.done()
		f()
	}()
}

func (e *errands) done() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n--; e.n == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
}

// Wait waits until there is none.
func (e *errands) Wait() {
	for {
		e.mu.Lock()
		if e.n == 0 {
			e.mu.Unlock()
			return
		}
		if e.idle == nil {
			e.idle = make(chan struct{})
		}
		idle := e.idle
		e.mu.Unlock()
		<-idle
	}
}
