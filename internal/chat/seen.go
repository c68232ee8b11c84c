package chat

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	// seenFor is the seed's memory of client message ids (DOC-002). It only saves a trip to the store,
	// which remembers them for good (C2.3).
	seenFor = 5 * time.Minute
	// maxSeen bounds that memory; under load it reaches less far back.
	maxSeen = 50_000
)

type draftKey struct {
	conversation ConversationID
	sender       UserID
	clientID     string
}

// seenDrafts remembers recent sends in two generations: when the young one is full or half of seenFor
// old it becomes the old one, and what was old is forgotten.
type seenDrafts struct {
	seed       maphash.Seed
	mu         sync.Mutex
	young, old map[draftKey]seenDraft
	since      time.Time
}

// seenDraft is what a draft was stored as, without its text.
type seenDraft struct {
	message Message
	content uint64
}

func newSeenDrafts() *seenDrafts {
	return &seenDrafts{seed: maphash.MakeSeed(), young: make(map[draftKey]seenDraft), since: time.Now()}
}

func keyOf(sub *Submission) draftKey {
	return draftKey{sub.Conversation, sub.Sender, sub.ClientMessageID}
}

// find returns what the submission was stored as. Other content under the same key is not found here:
// the message may have been edited since, and only the store knows.
func (d *seenDrafts) find(sub *Submission) (Message, bool) {
	content := maphash.String(d.seed, sub.Content)
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.young[keyOf(sub)]
	if !ok {
		s, ok = d.old[keyOf(sub)]
	}
	if !ok || s.content != content {
		return Message{}, false
	}
	s.message.Content = sub.Content
	return s.message, true
}

func (d *seenDrafts) remember(sub *Submission, m Message) {
	s := seenDraft{message: m, content: maphash.String(d.seed, sub.Content)}
	s.message.Content = ""
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); len(d.young) >= maxSeen/2 || now.Sub(d.since) >= seenFor/2 {
		d.old, d.young, d.since = d.young, make(map[draftKey]seenDraft), now
	}
	d.young[keyOf(sub)] = s
}
