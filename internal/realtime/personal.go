package realtime

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// has reports whether somebody here has a seat in the conversation.
func (b *book) has(c chat.ConversationID) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conversations[c] != nil
}

// beyond reports whether the conversation is known to have messages past seq.
func (b *book) beyond(c chat.ConversationID, seq int64) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.conversations[c]
	return i != nil && i.lastSeq > seq
}

// awaits reports whether somebody is here who has not been shown the conversation, or not as it is at that
// revision.
func (b *book) awaits(u chat.UserID, c chat.ConversationID, rev int64) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p, i := b.people[u], b.conversations[c]
	s := p.seatOf(i)
	return p != nil && (s == nil || !s.shown || i.rosterRev < rev)
}

// touches are the people of these who are here and whose conversations are known, with how often they were
// told something of their own.
func (b *book) touches(ids []chat.UserID) map[chat.UserID]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[chat.UserID]int, len(ids))
	for _, u := range ids {
		p := b.people[u]
		switch {
		case p == nil:
		case p.known:
			out[u] = p.touched
		default:
			p.again = true
		}
	}
	return out
}

// within splits people into some who have no more than so many seats together, one person at least, and the rest.
func (b *book) within(ids []chat.UserID, most int) (some, rest []chat.UserID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, u := range ids {
		if p := b.people[u]; p != nil {
			most -= len(p.seats)
		}
		if most < 0 && k > 0 {
			return ids[:k], ids[k:]
		}
	}
	return ids, nil
}

// everybody is everyone who is here and known. The others are compared when they have been read.
func (b *book) everybody() []chat.UserID {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]chat.UserID, 0, len(b.people))
	for u, p := range b.people {
		if p.known {
			out = append(out, u)
		} else {
			p.again = true
		}
	}
	return out
}

// reaches reports whether the conversation is known to have a message at seq.
func (b *book) reaches(c chat.ConversationID, seq int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.conversations[c]
	return i != nil && seq <= i.lastSeq
}

// reachedBy reports whether the person has a seat in the conversation, and it is known to have a message at seq.
func (b *book) reachedBy(u chat.UserID, c chat.ConversationID, seq int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.conversations[c]
	return b.people[u].seatOf(i) != nil && seq <= i.lastSeq
}

// advance notes a read position that is about to be told. It reports whether it is: not when a later one was told, or may
// have been on another node; and whether its unread count is older than the newest message, so that it has to be told again.
func (b *book) advance(u chat.UserID, state chat.ReadState) (tell, stale bool) {
	tell = true
	b.touch(u, state.Conversation, func(s *seat) {
		tell, stale = state.LastReadSeq >= max(s.read, s.least), state.LastSeq < s.interest.lastSeq
		if tell && state.LastReadSeq > s.read {
			s.read, s.agrees = state.LastReadSeq, disputed
		}
	})
	return tell, stale
}

// correct notes a read position that the store answered for one that differs from what was told, and may lie before
// it: then somebody made that up. It reports whether it is to be told: not when it is what was told, nor when another
// one was told meanwhile, or may have been on another node.
func (b *book) correct(u chat.UserID, d difference, state chat.ReadState) (tell, stale bool) {
	b.touch(u, state.Conversation, func(s *seat) {
		if s.read != d.told || state.LastReadSeq < s.least {
			return
		}
		tell, stale = state.LastReadSeq != s.read, state.LastSeq < s.interest.lastSeq
		s.read, s.agrees = state.LastReadSeq, d.stored
	})
	return tell, stale
}

// hide notes that the conversation is about to be taken off the person's list, or shown again.
func (b *book) hide(u chat.UserID, c chat.ConversationID, hidden int64) {
	b.touch(u, c, func(s *seat) { s.hidden = hidden })
}

func (b *book) touch(u chat.UserID, c chat.ConversationID, note func(*seat)) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.people[u]
	if p == nil {
		return
	}
	p.touched++
	if s := p.seatOf(b.conversations[c]); s != nil {
		note(s)
	}
}

// apart is what a person should have been told and was not.
type apart struct {
	unsettled map[chat.ConversationID]int64 // with the roster rev as it was read
	read      []difference
	hidden    []chat.Interest
	shown     []chat.ConversationID
}

// difference is a read position in the store that is not the one that was told. What the person sent themselves, of
// which it knows nothing, may account for it.
type difference struct {
	conversation chat.ConversationID
	stored, told int64
}

// differ holds what was read of a person against their seats. It reports false when they were told something
// of their own since: then only the seats were compared.
func (b *book) differ(u chat.UserID, touched int, interests []chat.Interest) (d apart, ok bool) {
	d.unsettled = make(map[chat.ConversationID]int64)
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.people[u]
	if p == nil {
		return d, true
	}
	read := make(map[*interest]bool, len(interests))
	for _, in := range interests {
		i := b.conversations[in.Conversation]
		s := p.seatOf(i)
		if s == nil {
			d.unsettled[in.Conversation] = in.RosterRev
			continue
		}
		if read[i] = true; p.touched != touched {
			continue
		}
		if in.ReadSeq != s.read && in.ReadSeq != s.agrees {
			d.read = append(d.read, difference{in.Conversation, in.ReadSeq, s.read})
		}
		switch {
		case in.HiddenSeq == s.hidden:
		case in.HiddenSeq < 0:
			d.shown = append(d.shown, in.Conversation)
		case in.HiddenSeq >= in.LastSeq:
			d.hidden = append(d.hidden, in)
		default:
			// They were told of the message that brought it back.
			s.hidden = in.HiddenSeq
		}
	}
	for _, s := range p.seats {
		if !read[s.interest] {
			d.unsettled[s.interest.id] = 0
		}
	}
	return d, p.touched == touched
}

// compareSeats tells a person what was read of them and not told.
func (h *Hub) compareSeats(ctx context.Context, u chat.UserID, touched int, interests []chat.Interest) error {
	d, ok := h.book.differ(u, touched, interests)
	h.counters.behind.Add(uint64(len(d.unsettled) + len(d.hidden) + len(d.shown) + len(d.read)))
	for c, rev := range d.unsettled {
		if rev == 0 {
			// Their seat is not in the store any more: a roster that has them is too old.
			h.source.ForgetRoster(c)
			h.compares.conversations(c)
		}
		h.notices.settle(c, rev)
	}
	if !ok {
		h.compares.later(u)
	}
	for _, in := range d.hidden {
		h.conversationHidden(u, in.Conversation, in.HiddenSeq)
	}
	for _, c := range d.shown {
		conversation, err := h.source.Conversation(ctx, u, c)
		if absent(err) {
			continue
		}
		if err != nil {
			return err
		}
		h.conversationReturned(u, conversation)
	}
	for _, differs := range d.read {
		state, in, err := h.source.TrueReadState(ctx, differs.conversation, u)
		if err != nil {
			// It may run ahead of the store, and who knows how far is away.
			continue
		}
		if in {
			if tell, stale := h.book.correct(u, differs, state); tell {
				h.tellRead(u, state, stale)
			}
		}
	}
	return nil
}
