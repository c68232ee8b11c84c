package realtime

import (
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// book is what this node knows of the people who are connected here: which conversations are theirs, and up to
// where each of these was told them. It is what the store is compared with, so that what the bus lost can be told
// all the same, also of conversations that nobody here follows (C3.8). It follows the topics of the bus that
// it needs for that. A node that is alone has none: nil.
//
// A seat says that the person is in the conversation, and whether their sessions were shown it. It is taken and
// given up where they are told (settle.go), and silently when a person's conversations are read before their
// client lists them (load.go).
type book struct {
	hub  *Hub
	wake chan struct{} // somebody waits to be loaded

	mu            sync.Mutex
	people        map[chat.UserID]*person
	conversations map[chat.ConversationID]*interest
	waiting       []*arrival
	round         []chat.UserID // whose turn to be compared is still to come; the watch has it alone
}

// person is somebody who is connected here.
type person struct {
	id       chat.UserID
	sessions int
	since    time.Time
	arrival  *arrival // waits to be loaded
	known    bool     // their conversations have been read
	late     bool     // a session began before they were
	again    bool     // something of theirs was lost before they were
	// touched counts what the person was told of alone. A reading of the store that began before is too old to
	// tell more from.
	touched int
	seats   []*seat
}

// interest is a conversation that somebody here has a seat in.
type interest struct {
	id chat.ConversationID
	// rev is the last change up to which all have been handed on; ahead are later ones, past a gap.
	rev     int64
	ahead   []int64
	doubted bool // the gap is being waited for
	// lastSeq is the seq of the newest message that is known, activeRev the rev of the newest change of one.
	lastSeq, activeRev int64
	// rosterRev is the revision up to which those who have seats were told; there is one at least as new as
	// rosterSeen.
	rosterRev, rosterSeen int64
	seats                 []*seat
}

// seat is one person in one conversation.
type seat struct {
	person   *person
	interest *interest
	shown    bool
	read     int64 // the last read position that was told
	// least is the read position in the store when another session of theirs came: it may have been told that on another
	// node, so what is told below it is late.
	least int64
	// agrees is the read position in the store with which that was found to agree: what the person sent moves only
	// the one that is told (C6.5).
	agrees int64
	hidden int64 // the last hiding that was told, as in chat.Interest
}

// disputed is no read position: nothing in the store was found to agree with what was told.
const disputed = -1

// maxAhead bounds what is remembered of a conversation past a gap; the comparison finds the rest.
const maxAhead = 64

func newBook(h *Hub) *book {
	return &book{
		hub: h, wake: make(chan struct{}, 1),
		people: make(map[chat.UserID]*person), conversations: make(map[chat.ConversationID]*interest),
	}
}

func (b *book) count() (people, conversations int) {
	if b == nil {
		return 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.people), len(b.conversations)
}

// seatOf finds a seat.
func (p *person) seatOf(i *interest) *seat {
	if p == nil || i == nil {
		return nil
	}
	for _, s := range p.seats {
		if s.interest == i {
			return s
		}
	}
	return nil
}

// sit gives a person a seat, if they have none, and returns the topic to follow for it, "" if it is followed.
func (b *book) sit(p *person, in chat.Interest) (s *seat, topic string) {
	i := b.conversations[in.Conversation]
	if i == nil {
		i = &interest{id: in.Conversation, rev: in.LastRev, rosterRev: in.RosterRev}
		b.conversations[i.id] = i
		topic = ConversationTopic(i.id)
	}
	i.rosterSeen, i.lastSeq = max(i.rosterSeen, in.RosterRev), max(i.lastSeq, in.LastSeq)
	if s = p.seatOf(i); s == nil {
		s = &seat{person: p, interest: i, read: in.ReadSeq, agrees: disputed, hidden: in.HiddenSeq}
		p.seats, i.seats = append(p.seats, s), append(i.seats, s)
	}
	return s, topic
}

// rise takes a seat away and returns the topic to give up with it, "" if others need it.
func (b *book) rise(s *seat) (topic string) {
	is := func(other *seat) bool { return other == s }
	s.person.seats = slices.DeleteFunc(s.person.seats, is)
	if s.interest.seats = slices.DeleteFunc(s.interest.seats, is); len(s.interest.seats) > 0 {
		return ""
	}
	delete(b.conversations, s.interest.id)
	return ConversationTopic(s.interest.id)
}

// leave notes one session less of a person.
func (b *book) leave(u chat.UserID) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.people[u]
	if p.sessions--; p.sessions > 0 {
		return
	}
	delete(b.people, u)
	topics := []string{UserTopic(u)}
	for _, s := range slices.Clone(p.seats) {
		if t := b.rise(s); t != "" {
			topics = append(topics, t)
		}
	}
	b.hub.follows.remove(topics...)
}

// heard notes changes of one conversation that are handed on now. It reports whether they are the newest that is
// known of it.
func (b *book) heard(changes []chat.Change) (newest bool) {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.conversations[changes[0].Conversation]
	if i == nil {
		return true
	}
	last := changes[len(changes)-1].Rev
	newest = last > i.rev && (len(i.ahead) == 0 || last > i.ahead[len(i.ahead)-1])
	for k := range changes {
		i.hear(changes[k].Rev)
		if m := changes[k].Message; m != nil {
			i.lastSeq, i.activeRev = max(i.lastSeq, m.Seq), max(i.activeRev, changes[k].Rev)
		}
	}
	if len(i.ahead) > 0 && !i.doubted {
		i.doubted = true
		time.AfterFunc(gapWait, func() { b.gapStayed(i) })
	}
	return newest
}

// hear moves on by one change.
func (i *interest) hear(rev int64) {
	switch {
	case rev <= i.rev:
	case rev > i.rev+1:
		if place, there := slices.BinarySearch(i.ahead, rev); !there && len(i.ahead) < maxAhead {
			i.ahead = slices.Insert(i.ahead, place, rev)
		}
	default:
		i.rev = rev
		for len(i.ahead) > 0 && i.ahead[0] <= i.rev+1 {
			i.rev = max(i.rev, i.ahead[0])
			i.ahead = i.ahead[1:]
		}
		if len(i.ahead) == 0 {
			i.ahead = nil
		}
	}
}

// gapStayed has a conversation compared of which changes are missing. A topic fills its gaps by itself.
func (b *book) gapStayed(i *interest) {
	b.mu.Lock()
	i.doubted = false
	missing := len(i.ahead) > 0
	b.mu.Unlock()
	if missing && b.hub.topic(i.id) == nil {
		b.hub.compares.conversations(i.id)
	}
}

// reached notes that a topic has handed on everything up to rev.
func (b *book) reached(c chat.ConversationID, rev int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.conversations[c]; i != nil && rev > i.rev {
		i.rev, i.ahead = rev, nil
	}
}

// doubt forgets that something past rev was handed on: nobody was left to hand it to.
func (b *book) doubt(c chat.ConversationID, rev int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.conversations[c]; i != nil {
		i.rev = min(i.rev, rev)
	}
}

// compare holds a conversation against where the store says it stands. It reports whether something happened
// that was not handed on, and whether those who have seats have to be looked at again.
func (b *book) compare(c chat.ConversationID, head chat.Head) (moved, revised bool) {
	if b == nil {
		return false, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.conversations[c]
	if i == nil {
		return false, false
	}
	// Activity is a state: that of the newest message stands for those that were missed before it.
	moved = head.LastRev > i.rev && head.LastRev != i.activeRev
	i.rev = max(i.rev, head.LastRev)
	i.ahead, i.rosterSeen, i.lastSeq = nil, max(i.rosterSeen, head.RosterRev), max(i.lastSeq, head.LastSeq)
	return moved, head.RosterRev > i.rosterRev
}
