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
	share := float64(len(s.lanes))
	for _, l := range s.lanes {
		l.mu.Lock()
		messages, bytes := len(l.queue), l.bytes
		l.mu.Unlock()
		q.Messages += messages
		q.Bytes += bytes
		q.Full = max(q.Full, share*float64(messages)/maxQueuedMessages, share*float64(bytes)/maxQueuedBytes)
	}
	q.Full = min(q.Full, 1)
	return q
}
