package chat

import "sync"

// ackState remembers the highest ack of each person, so that several devices are one event, and how far
// each conversation is known to reach, so that nobody acknowledges what does not exist yet.
type ackState struct {
	mu   sync.Mutex
	upTo map[ackKey]int64
	// fresh is what is in upTo and not written yet.
	fresh map[ackKey]int64
	last  map[ConversationID]int64
}

type ackKey struct {
	conversation ConversationID
	user         UserID
}

const maxAckStates = 100_000

func newAckState() *ackState {
	return &ackState{upTo: make(map[ackKey]int64), fresh: make(map[ackKey]int64), last: make(map[ConversationID]int64)}
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
	if len(a.fresh) < maxAckStates {
		a.fresh[key] = seq
	}
	return true
}

// take returns what was acknowledged since it was last asked.
func (a *ackState) take() []DeliveredStep {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]DeliveredStep, 0, len(a.fresh))
	for key, seq := range a.fresh {
		out = append(out, DeliveredStep{key.conversation, key.user, seq})
	}
	clear(a.fresh)
	return out
}

// giveBack takes what could not be written.
func (a *ackState) giveBack(steps []DeliveredStep) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, step := range steps {
		key := ackKey{step.Conversation, step.User}
		a.fresh[key] = max(a.fresh[key], step.Seq)
	}
}
