package chat

// Queue is what waits on this node for the batches on their way to the store.
type Queue struct {
	Messages int
	Bytes    int
	// Full is how full the fullest lane is, by messages or by bytes, from 0 to 1: at 1 it refuses.
	Full float64
}

// Queue looks at what waits.
func (s *Service) Queue() Queue {
	var q Queue
	for _, l := range s.lanes {
		l.mu.Lock()
		q.Messages += len(l.queue)
		q.Bytes += l.bytes
		q.Full = max(q.Full, l.full())
		l.mu.Unlock()
	}
	return q
}

// full is how full a lane is, from 0 to 1. The caller has the lock.
func (l *lane) full() float64 {
	share := float64(len(l.service.lanes))
	return min(1, max(share*float64(len(l.queue))/maxQueuedMessages, share*float64(l.bytes)/maxQueuedBytes))
}
