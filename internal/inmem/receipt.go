package inmem

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// maxReadPositions bounds the positions that are known, about 100 bytes each. Beyond it the conversations that were
	// quiet the longest are unseeded.
	maxReadPositions = 1_000_000
	// readPositionsLast is how long the positions of a quiet conversation are known (DOC-005).
	readPositionsLast = 24 * time.Hour
)

// Readers know how far everybody has read in large conversations, and queue steps, for the only node. It satisfies
// chat.Readers. What is queued is lost by this process's end (ADR-020). Only a full queue makes an error.
type Readers struct {
	mu            sync.Mutex
	conversations map[chat.ConversationID]*list.Element // of *readState
	recent        *list.List                            // the most recently used first
	positions     int                                   // of all conversations together
	queue         stepQueue
	most          int
	last          int64 // epoch or version
}

// readState is what is known of one conversation. Unseeded it also keeps what others read meanwhile, for Seed to merge.
type readState struct {
	id             chat.ConversationID
	epoch, version int64
	seeded         bool
	since, asked   time.Time // when it was seeded, and when somebody was last asked to renew that
	positions      map[chat.UserID]int64
	used           time.Time
}

// isSeeded reports whether it is, or forgets that it was long ago.
func (s *readState) isSeeded(now time.Time) bool {
	s.seeded = s.seeded && now.Sub(s.since) < chat.SeedLastsAtMost
	return s.seeded
}

// toBeRenewed reports whether whoever counts now is to seed anew: the first who finds the seed old, and when nothing came of
// that, everybody.
func (s *readState) toBeRenewed(now time.Time) bool {
	over := now.Sub(s.since) - chat.SeedLasts(len(s.positions))
	if over < 0 || over < chat.SeedRenewal && now.Sub(s.asked) < chat.SeedRenewal {
		return false
	}
	s.asked = now
	return true
}

// NewReaders makes readers that know nothing yet.
func NewReaders() *Readers {
	return &Readers{
		conversations: make(map[chat.ConversationID]*list.Element), recent: list.New(),
		queue: newStepQueue(), most: maxReadPositions,
	}
}

// Advance queues steps and moves positions.
func (r *Readers) Advance(_ context.Context, c chat.ConversationID, steps []chat.Step, how chat.Moved) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(steps) == 0 {
		return nil
	}
	s := r.use(c)
	seeded := s.isSeeded(s.used)
	var further []chat.Step
	for _, step := range steps {
		if at, known := s.positions[step.User]; step.Private || !known || step.Seq > at {
			step.Conversation = c
			further = append(further, step)
		}
	}
	if how == chat.ByReading {
		if err := r.queue.push(further); err != nil {
			return err
		}
	}
	if r.move(s, further) {
		s.version = r.number()
	}
	r.bound()
	if !seeded {
		return chat.ErrUnseeded
	}
	return nil
}

func (r *Readers) move(s *readState, steps []chat.Step) (moved bool) {
	for _, step := range steps {
		at, known := s.positions[step.User]
		if !step.Private && (known || !s.seeded) && step.Seq > at {
			r.put(s, step.User, step.Seq)
			moved = true
		}
	}
	return moved
}

func (r *Readers) put(s *readState, u chat.UserID, seq int64) {
	if _, known := s.positions[u]; !known {
		r.positions++
	}
	s.positions[u] = seq
}

// Counts counts the positions.
func (r *Readers) Counts(_ context.Context, c chat.ConversationID, of []chat.Counted) (map[chat.MessageID]int64, int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.use(c)
	switch {
	case !s.isSeeded(s.used):
		return nil, 0, chat.ErrUnseeded
	case s.toBeRenewed(s.used):
		return nil, 0, chat.ErrSeedOld
	}
	counts := make(map[chat.MessageID]int64, len(of))
	for _, m := range of {
		var n int64
		for u, at := range s.positions {
			if at >= m.Seq && u != m.Sender {
				n++
			}
		}
		counts[m.Message] = n
	}
	return counts, s.version, nil
}

// Seed says who is counted, unless Unseed was called or the conversation forgotten since the epoch.
func (r *Readers) Seed(_ context.Context, c chat.ConversationID, positions map[chat.UserID]int64, epoch int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.use(c)
	if s.epoch != epoch {
		return nil
	}
	ahead := s.positions
	r.positions += len(positions) - len(ahead)
	s.positions = make(map[chat.UserID]int64, len(positions))
	for u, seq := range positions {
		s.positions[u] = max(seq, ahead[u])
	}
	s.seeded, s.since, s.asked, s.version = true, s.used, time.Time{}, r.number()
	r.bound()
	return nil
}

// Epoch numbers what Seed may rest on.
func (r *Readers) Epoch(_ context.Context, c chat.ConversationID) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.use(c).epoch, nil
}

// Unseed has the conversation seeded anew and forgets the positions of those who are gone.
func (r *Readers) Unseed(_ context.Context, c chat.ConversationID, gone ...chat.UserID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.use(c)
	s.seeded, s.epoch = false, r.number()
	for _, u := range gone {
		if _, known := s.positions[u]; known {
			delete(s.positions, u)
			r.positions--
		}
	}
	return nil
}

// use returns what is known of a conversation, and forgets what was quiet for too long.
func (r *Readers) use(c chat.ConversationID) *readState {
	now := time.Now()
	for last := r.recent.Back(); last != nil && now.Sub(last.Value.(*readState).used) >= readPositionsLast; last = r.recent.Back() {
		r.forget(last)
	}
	e, known := r.conversations[c]
	if !known {
		e = r.recent.PushFront(&readState{id: c, epoch: r.number(), positions: make(map[chat.UserID]int64)})
		r.conversations[c] = e
	}
	s := e.Value.(*readState)
	s.used = now
	r.recent.MoveToFront(e)
	return s
}

// bound forgets the conversations that were quiet the longest, never the one in use.
func (r *Readers) bound() {
	for r.positions+r.recent.Len() > r.most && r.recent.Len() > 1 {
		r.forget(r.recent.Back())
	}
}

func (r *Readers) forget(e *list.Element) {
	s := r.recent.Remove(e).(*readState)
	delete(r.conversations, s.id)
	r.positions -= len(s.positions)
}

// number is one after all before, and after those of an earlier process: the time, in microseconds.
func (r *Readers) number() int64 {
	r.last = max(r.last+1, time.Now().UnixMicro())
	return r.last
}
