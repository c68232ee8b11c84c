package inmem

// Forget forgets all conversations, as those are that were quiet the longest when there are too many.
func (r *Readers) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.recent.Len() > 0 {
		r.forget(r.recent.Back())
	}
}

// Bounded makes the bounds so small that a test reaches them.
func (r *Readers) Bounded(positions, waiting int) *Readers {
	r.most, r.queue.most = positions, waiting
	return r
}
