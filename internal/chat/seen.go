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

// seenDrafts remembers recent sends in two generations: when the young one is full or half of seenFor
// old it becomes the old one, and what was old is forgotten.
type seenDrafts struct {
	seed       maphash.Seed
	mu         sync.Mutex
	young, old map[uint64]*seenDraft // by the hash of what tells sends apart; of two with one hash the later is remembered
	since      time.Time
}

// seenDraft is what a draft was stored as, without its text.
type seenDraft struct {
	message Message
	content uint64 // the hash of its text
}

func newSeenDrafts() *seenDrafts {
	return &seenDrafts{seed: maphash.MakeSeed(), young: make(map[uint64]*seenDraft), since: time.Now()}
}

func (d *seenDrafts) key(sub *Submission) uint64 {
	return maphash.Comparable(d.seed, [3]string{string(sub.Conversation), string(sub.Sender), sub.ClientMessageID})
}

// find returns what the submission was stored as. Other content under the same key is not found here:
// the message may have been edited since, and only the store knows.
func (d *seenDrafts) find(sub *Submission) (Message, bool) {
	key := d.key(sub)
	d.mu.Lock()
	s := d.young[key]
	if s == nil {
		s = d.old[key]
	}
	d.mu.Unlock()
	if s == nil || !s.is(sub) || s.content != maphash.String(d.seed, sub.Content) {
		return Message{}, false
	}
	m := s.message
	m.Content = sub.Content
	return m, true
}

func (s *seenDraft) is(sub *Submission) bool {
	return s.message.Conversation == sub.Conversation && s.message.Sender == sub.Sender && s.message.ClientMessageID == sub.ClientMessageID
}

func (d *seenDrafts) remember(sub *Submission, m Message) {
	s := &seenDraft{message: m, content: maphash.String(d.seed, sub.Content)}
	s.message.Content = ""
	key := d.key(sub)
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); len(d.young) >= maxSeen/2 || now.Sub(d.since) >= seenFor/2 {
		d.old, d.young, d.since = d.young, make(map[uint64]*seenDraft), now
	}
	d.young[key] = s
}
