package check

import (
	"cmp"
	"slices"
)

// unreadExact: when all is settled, every list shows the unread count that follows from the messages, and
// so does the badge of every connection that does not follow the conversation (C3.8, C6.5).
func unreadExact(x *index, f *finding) {
	for i := range x.h.Operations {
		if o := &x.h.Operations[i]; o.Op == List && x.final(o) {
			for n := range o.Conversations {
				listedUnread(x, f, o, &o.Conversations[n])
			}
		}
	}
	if x.h.Run.Settled > 0 {
		for _, s := range x.streams {
			badges(x, f, s)
		}
	}
}

// unread is the count that follows from what is stored.
func (c *conversation) unread(user string) (count int64, known bool) {
	at, known := c.readUpTo(user)
	if !known {
		return 0, false
	}
	gone, _ := slices.BinarySearch(c.tombstones, at+1)
	return c.stored.LastSeq - at - int64(len(c.tombstones)-gone), true
}

func listedUnread(x *index, f *finding, o *Operation, l *Listed) {
	c := x.conversation(l.Conversation)
	want, known := c.unread(o.User)
	if !known {
		return
	}
	f.Checked++
	if at, _ := c.readUpTo(o.User); l.ReadSeq != at || l.Unread != want {
		f.violated(x, c, []source{did(o), said("stored: user %s has read up to seq %d, %d messages follow", o.User, at, want)},
			"the list says that %d messages past seq %d are unread", l.Unread, l.ReadSeq)
	}
}

// badge is what a connection knows of a conversation's unread count without following it.
type badge struct {
	told   *Observation // the last event with a count
	listed *Operation   // the last list
	count  int64        // of the list
}

// badges folds what a connection was told on its last socket. A list and an event that crossed each other
// may come in either order; then one of the two has to be right.
func badges(x *index, f *finding, s *stream) {
	known := make(map[*conversation]*badge)
	did := slices.SortedFunc(slices.Values(s.did), func(a, b *Operation) int { return cmp.Compare(a.Returned, b.Returned) })
	opened := int64(-1)
	for _, o := range s.saw {
		for ; len(did) > 0 && did[0].Returned < o.Serial; did = did[1:] {
			takeList(x, known, did[0], opened)
		}
		switch o.Event {
		case Online:
			opened = o.Serial
			clear(known)
		case Offline:
			opened = -1
		case ConversationActivity, ReadSynced, ConversationAdded:
			badgeOf(known, x.conversation(o.Conversation)).told = o
		case ConversationRemoved, MessageReceived, MessageUpdated, MessageDeleted:
			delete(known, x.conversation(o.Conversation))
		}
	}
	for _, o := range did {
		takeList(x, known, o, opened)
	}
	if opened < 0 {
		return
	}
	for _, c := range x.ordered {
		// Who follows counts for itself. Who has asked to, and was told of an older removal before the answer,
		// follows for the server alone.
		if b, w := known[c], s.last[c]; b != nil && (w == nil || w.over) && !s.wanted[c] && !s.overtook(b, c) {
			b.check(x, f, c)
		}
	}
}

func badgeOf(known map[*conversation]*badge, c *conversation) *badge {
	b := known[c]
	if b == nil {
		b = &badge{}
		known[c] = b
	}
	return b
}

// takeList takes in a list that was read while this socket was open. One read when all was settled would
// hide a badge that is wrong. Who stops following knows nothing until the next event or list.
func takeList(x *index, known map[*conversation]*badge, o *Operation, opened int64) {
	if o.Op == Unsubscribe {
		delete(known, x.conversation(o.Conversation))
	}
	if o.Op != List || o.Result != OK || opened < 0 || o.Called < opened || x.final(o) {
		return
	}
	for i := range o.Conversations {
		l := &o.Conversations[i]
		b := badgeOf(known, x.conversation(l.Conversation))
		b.listed, b.count = o, l.Unread
	}
}

func (b *badge) check(x *index, f *finding, c *conversation) {
	var user string
	var records []source
	var right bool
	if b.told != nil {
		user, records = b.told.User, append(records, saw(b.told))
	}
	if b.listed != nil {
		user, records = b.listed.User, append(records, did(b.listed))
	}
	want, known := c.unread(user)
	if !known {
		return
	}
	f.Checked++
	switch {
	case b.told == nil, b.listed != nil && b.listed.Called > b.told.Serial:
		right = b.count == want
	case b.listed == nil, b.told.Serial > b.listed.Returned:
		right = b.told.Unread == want
	default:
		right = b.count == want || b.told.Unread == want
	}
	if !right {
		f.violated(x, c, append(records, said("stored: %d messages are unread to user %s", want, user)), "a badge is wrong in the end")
	}
}

// overtook reports whether the last event was on its way already when the client began to follow, so that
// what it sent while it followed is not in the count.
func (s *stream) overtook(b *badge, c *conversation) bool {
	if b.told == nil {
		return false
	}
	var sent int64
	for _, o := range s.did {
		switch {
		case o.Conversation != c.id || o.Called > b.told.Serial:
		case o.Op == Send && o.Result == OK:
			sent = max(sent, o.Seq)
		case o.Op == Unsubscribe && sent > b.told.Seq:
			return true
		}
	}
	return false
}
