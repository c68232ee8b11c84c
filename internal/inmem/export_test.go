package inmem

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

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

// Age makes the seed of a conversation so much older.
func (r *Readers) Age(c chat.ConversationID, by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, known := r.conversations[c]; known {
		s := e.Value.(*readState)
		s.since, s.asked = s.since.Add(-by), s.asked.Add(-by)
	}
}

// AtMost bounds the people who are known.
func (d *Devices) AtMost(people int) *Devices {
	d.most = people
	return d
}

// Known says how many people are known.
func (d *Devices) Known() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.people)
}
