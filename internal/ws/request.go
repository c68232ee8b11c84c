package ws

import "sync"

// requests counts what one client has asked for, sends until they are answered.
type requests struct {
	mu    sync.Mutex
	open  int32
	ended bool
	// answered is called once, when nothing is open and nothing may come.
	answered func()
}

// begin counts a request, until finish. It reports false after end: what comes then is not listened to, and
// the client asks the next node.
func (r *requests) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.open++
	}
	return !r.ended
}

func (r *requests) finish() {
	r.mu.Lock()
	r.open--
	last := r.ended && r.open == 0
	r.mu.Unlock()
	if last {
		r.answered()
	}
}

// end lets nothing more begin and has answered called when all that did is finished, at once when nothing is
// open. It may be called once.
func (r *requests) end(answered func()) {
	r.mu.Lock()
	r.ended, r.answered = true, answered
	last := r.open == 0
	r.mu.Unlock()
	if last {
		answered()
	}
}
