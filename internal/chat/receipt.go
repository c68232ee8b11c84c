package chat

import (
	"context"
	"sync"
)

// maxDeliveredTo is the size from which a conversation's participants are no longer told how far each
// other's devices are (C3.4).
const maxDeliveredTo = 10

// AdvanceRead moves the actor's read position to a message, inclusive, and tells the actor's other
// sessions. It never moves back (C6.1). With message "" it only reads the position.
func (s *Service) AdvanceRead(ctx context.Context, actor UserID, c ConversationID, m MessageID) (ReadState, error) {
	if _, _, err := s.role(ctx, c, actor); err != nil {
		return ReadState{}, err
	}
	if m != "" && !ValidID(string(m)) {
		return ReadState{}, NotFound("message")
	}
	state, _, err := s.store.AdvanceRead(ctx, c, actor, m, false)
	if err != nil {
		return ReadState{}, err
	}
	if m != "" {
		s.announcer.ReadAdvanced(actor, state)
	}
	return state, nil
}

// ReadStates returns where the people named have read to.
func (s *Service) ReadStates(ctx context.Context, c ConversationID, users []UserID) (map[UserID]ReadState, error) {
	return s.store.ReadStates(ctx, c, users)
}

// AcknowledgeDelivery notes that a device of actor has everything up to seq and tells the others, in
// conversations of under 10 (C3.4). Acks are cumulative; one that brings nothing new is dropped.
func (s *Service) AcknowledgeDelivery(ctx context.Context, actor UserID, c ConversationID, seq int64) error {
	r, _, err := s.role(ctx, c, actor)
	if err != nil {
		return err
	}
	if seq < 1 {
		return Invalid("seq", "The seq must be 1 or more.")
	}
	if len(r.Roles) >= maxDeliveredTo {
		return nil
	}
	if !s.acks.within(c, seq) {
		heads, err := s.store.Heads(ctx, []ConversationID{c})
		if err != nil {
			return err
		}
		s.acks.reached(c, heads[c].LastSeq)
		seq = min(seq, heads[c].LastSeq)
	}
	if seq > 0 && s.acks.advance(c, actor, seq) {
		s.announcer.Delivered(c, actor, seq)
	}
	return nil
}

// ackState remembers the highest ack of each person, so that several devices are one event, and how far
// each conversation is known to reach, so that nobody acknowledges what does not exist yet.
type ackState struct {
	mu   sync.Mutex
	upTo map[ackKey]int64
	last map[ConversationID]int64
}

type ackKey struct {
	conversation ConversationID
	user         UserID
}

const maxAckStates = 100_000

func newAckState() *ackState {
	return &ackState{upTo: make(map[ackKey]int64), last: make(map[ConversationID]int64)}
}

// reached notes that a conversation has messages up to seq.
func (a *ackState) reached(c ConversationID, seq int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.last) >= maxAckStates {
		clear(a.last)
	}
	a.last[c] = max(a.last[c], seq)
}

// within reports whether a conversation is known to reach to seq.
func (a *ackState) within(c ConversationID, seq int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return seq <= a.last[c]
}

// advance reports whether seq is news of u.
func (a *ackState) advance(c ConversationID, u UserID, seq int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := ackKey{c, u}
	if seq <= a.upTo[key] {
		return false
	}
	if len(a.upTo) >= maxAckStates {
		clear(a.upTo)
	}
	a.upTo[key] = seq
	return true
}
