package chat

// Turning is how far the committers have come and what they have before them.
type Turning struct {
	Turns   uint64 // batches that are done with since the start, whatever became of them
	Busy    bool   // a batch is under way
	Waiting int    // sends that are queued or under way
}

// Turning tells of each committer. A batch is done with some seconds after its last try, whatever the database does
// (C2.6): one that stays under way for much longer shows that the process is at fault.
func (s *Service) Turning() []Turning {
	out := make([]Turning, len(s.lanes))
	for i, l := range s.lanes {
		l.mu.Lock()
		out[i] = Turning{Turns: l.turns, Busy: l.inFlight != nil, Waiting: len(l.queue) + len(l.inFlight)}
		l.mu.Unlock()
	}
	return out
}
