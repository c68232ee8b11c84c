package chat

import (
	"sync"
	"time"
)

// ackState remembers the highest ack of each person, so that several devices are one event, and how far
// each conversation is known to reach, so that nobody acknowledges what does not exist yet.
type ackState struct {
	mu   sync.Mutex
	upTo map[ackKey]int64
	// fresh and ripe are what is in upTo and not written yet: of the second that runs, and of those before. The store is
	// shown to others, and the time at which a device was reached is for nobody to see more exactly.
	fresh, ripe map[ackKey]int64
	second      int64 // of fresh, since 1970
	last        map[ConversationID]int64
}

type ackKey struct {
	conversation ConversationID
	user         UserID
}

const maxAckStates = 100_000

func newAckState() *ackState {
	return &ackState{
		upTo: make(map[ackKey]int64), fresh: make(map[ackKey]int64), ripe: make(map[ackKey]int64), last: make(map[ConversationID]int64),
	}
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
	if now := time.Now().Unix(); now != a.second {
		a.ripen()
		a.second = now
	}
	if len(a.fresh)+len(a.ripe) < maxAckStates {
		a.fresh[key] = seq
	}
	return true
}

// ripen lets what is fresh be written.
func (a *ackState) ripen() {
	for key, seq := range a.fresh {
		a.ripe[key] = seq
	}
	clear(a.fresh)
}

// take returns what was acknowledged in the seconds before this one and was not taken yet, and at the end of the node all.
func (a *ackState) take(all bool) []DeliveredStep {
	a.mu.Lock()
	defer a.mu.Unlock()
	if all || time.Now().Unix() != a.second {
		a.ripen()
	}
	out := make([]DeliveredStep, 0, len(a.ripe))
	for key, seq := range a.ripe {
		out = append(out, DeliveredStep{key.conversation, key.user, seq})
	}
	clear(a.ripe)
	return out
}

// giveBack takes what could not be written.
func (a *ackState) giveBack(steps []DeliveredStep) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, step := range steps {
		key := ackKey{step.Conversation, step.User}
		a.ripe[key] = max(a.ripe[key], step.Seq)
	}
}
