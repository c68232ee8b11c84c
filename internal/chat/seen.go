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
// old it becomes the old one, and what was old is forgotten. A node keeps tens of thousands of them, so that each is as small as
// can be: who has sent what to where is two hashes of 64 bits, whose seeds nobody knows.
type seenDrafts struct {
	keys, proofs maphash.Seed
	mu           sync.Mutex
	young, old   map[uint64]seenDraft
	since        time.Time
}

// seenDraft is what a draft was stored as, without what the submission says itself.
type seenDraft struct {
	proof   uint64 // of the submission, its text included
	message MessageID
	seq     int64
	rev     int64
	created int64 // Unix microseconds
}

func newSeenDrafts() *seenDrafts {
	return &seenDrafts{keys: maphash.MakeSeed(), proofs: maphash.MakeSeed(), young: make(map[uint64]seenDraft), since: time.Now()}
}

func (d *seenDrafts) key(sub *Submission) uint64 {
	return maphash.Comparable(d.keys, [3]string{string(sub.Conversation), string(sub.Sender), sub.ClientMessageID})
}

func (d *seenDrafts) proof(sub *Submission) uint64 {
	return maphash.Comparable(d.proofs, [4]string{string(sub.Conversation), string(sub.Sender), sub.ClientMessageID, sub.Content})
}

// find returns what the submission was stored as. Other content under the same key is not found here:
// the message may have been edited since, and only the store knows.
func (d *seenDrafts) find(sub *Submission) (Message, bool) {
	key := d.key(sub)
	d.mu.Lock()
	s, known := d.young[key]
	if !known {
		s, known = d.old[key]
	}
	d.mu.Unlock()
	if !known || s.proof != d.proof(sub) {
		return Message{}, false
	}
	created := time.UnixMicro(s.created).UTC()
	return Message{
		ID: s.message, Conversation: sub.Conversation, Sender: sub.Sender, Seq: s.seq, Rev: s.rev, Content: sub.Content,
		ContentType: sub.ContentType, ClientMessageID: sub.ClientMessageID, CreatedAt: created, UpdatedAt: created,
	}, true
}

// remember notes what a submission was stored as, and nobody has changed since.
func (d *seenDrafts) remember(sub *Submission, m Message) {
	key, s := d.key(sub), seenDraft{d.proof(sub), m.ID, m.Seq, m.Rev, m.CreatedAt.UnixMicro()}
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); len(d.young) >= maxSeen/2 || now.Sub(d.since) >= seenFor/2 {
		d.old, d.young, d.since = d.young, make(map[uint64]seenDraft), now
	}
	d.young[key] = s
}
