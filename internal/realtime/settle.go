package realtime

import (
	"context"
	"maps"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// shown is what the book says of a conversation: up to which revision its people here were told, who has a seat and
// was shown it, and whose seats are known.
type shown struct {
	rosterRev int64
	seated    map[chat.UserID]bool
	known     map[chat.UserID]bool
}

// shown looks a conversation up, for those who are here and those who left. Without a book nobody is known.
func (b *book) shown(c chat.ConversationID, here map[chat.UserID][]*Session, left []chat.Departure) shown {
	if b == nil {
		return shown{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := shown{seated: make(map[chat.UserID]bool), known: make(map[chat.UserID]bool)}
	know := func(u chat.UserID) {
		if p := b.people[u]; p != nil && p.known {
			s.known[u] = true
		}
	}
	for u := range here {
		know(u)
	}
	for _, d := range left {
		know(d.User)
	}
	if i := b.conversations[c]; i != nil {
		s.rosterRev = i.rosterRev
		for _, seat := range i.seats {
			s.seated[seat.person.id] = seat.shown
		}
	}
	return s
}

// rosterSeen is the newest roster revision of a conversation that is known to exist: seats may be of it.
func (b *book) rosterSeen(c chat.ConversationID) int64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.conversations[c]; i != nil {
		return i.rosterSeen
	}
	return 0
}

// unsettled reports whether the roster is one that people here were not told of, or has people whom nobody told that
// they are in it.
func (b *book) unsettled(c chat.ConversationID, roster chat.Roster, here map[chat.UserID][]*Session) bool {
	if b == nil {
		return false
	}
	for _, sessions := range here {
		if anyExpelled(sessions, c) {
			return true
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.conversations[c]
	if i != nil && i.rosterRev < roster.Rev {
		return true
	}
	for u := range here {
		p := b.people[u]
		if s := p.seatOf(i); p != nil && p.known && (s == nil || !s.shown) {
			return true
		}
	}
	return false
}

// tellRevision tells everybody here what a revision means for them: that they are in the conversation, that they
// are not any more, or what it is now. Who has a seat and is not in the roster left; who is in it and has none
// came: so whatever was missed meanwhile is told as well.
func (n *notices) tellRevision(ctx context.Context, c chat.ConversationID, roster chat.Roster, here map[chat.UserID][]*Session, what news) error {
	state, err := n.stateFor(ctx, c, roster, here, what.state)
	if err != nil {
		return err
	}
	if state != nil && state.RosterRev > roster.Rev {
		// It was changed between the two readings, and is for those who are in it now.
		if roster, err = n.roster(ctx, c, state.RosterRev); err != nil {
			return err
		}
		here = n.hub.sessions.among(roster)
	}
	was := n.hub.book.shown(c, here, what.left)
	came := whoCame(c, here, was, what)
	var states map[chat.UserID]chat.ReadState
	if len(came) > 0 && state != nil {
		// One statement for all of them: they may be a thousand. It comes first, so that nothing is told twice.
		if states, err = n.hub.source.ReadStates(ctx, c, came); err != nil {
			return err
		}
	}
	gone := whoLeft(roster, was, what)
	for _, d := range gone {
		n.tellGone(c, d)
	}
	for u, read := range states {
		if !read.Hidden {
			n.tellCame(u, *state, read)
		}
		if read.LastSeq > state.LastSeq {
			// They were shown it as it was before messages that the others have been told of.
			n.stirred(c, 0)
		}
	}
	n.tellState(c, roster, state, here, func(u chat.UserID) bool {
		_, told := states[u]
		return told || (was.known[u] && state.RosterRev <= was.rosterRev)
	})
	n.hub.book.settled(c, roster, state, states, gone)
	n.hub.presences.rosterMoved(whoMoved(came, gone, what), slices.Collect(maps.Keys(here)), what.unclear)
	return nil
}

// whoMoved is who came into a conversation or left it, each once, wherever they are connected.
func whoMoved(came []chat.UserID, gone []chat.Departure, what news) []chat.UserID {
	moved := append(slices.Clone(came), what.joined...)
	for _, d := range append(slices.Clone(gone), what.left...) {
		moved = append(moved, d.User)
	}
	slices.Sort(moved)
	return slices.Compact(moved)
}

// stateFor is the conversation as those who are here are shown it, nil when nobody in it is.
func (n *notices) stateFor(ctx context.Context, c chat.ConversationID, roster chat.Roster, here map[chat.UserID][]*Session, state *chat.Conversation) (*chat.Conversation, error) {
	if state != nil && (n.hub.book == nil || state.RosterRev >= roster.Rev) {
		return state, nil
	}
	for u := range here {
		read, err := n.hub.source.Conversation(ctx, u, c)
		if absent(err) {
			// They left since the roster was read, which will be told by itself.
			continue
		}
		return impersonal(read), err
	}
	return nil, nil
}

// impersonal is a conversation without what belongs to one viewer.
func impersonal(c chat.Conversation) *chat.Conversation {
	c.Viewer, c.UnreadCount, c.MentionCount, c.LastReadMessageID, c.LastReadSeq = "", 0, 0, "", 0
	return &c
}

// whoCame is who is here and in the conversation, and was not shown it, or may not have been. Who left and came back
// before this was looked at has a seat, and was told by the topic that they are out.
func whoCame(c chat.ConversationID, here map[chat.UserID][]*Session, was shown, what news) []chat.UserID {
	var came []chat.UserID
	for u, sessions := range here {
		if was.known[u] {
			if !was.seated[u] || anyExpelled(sessions, c) {
				came = append(came, u)
			}
			continue
		}
		if what.unclear || slices.Contains(what.joined, u) {
			came = append(came, u)
		}
	}
	return came
}

// anyExpelled reports whether one of the sessions was told last that its person is out of the conversation.
func anyExpelled(sessions []*Session, c chat.ConversationID) bool {
	return slices.ContainsFunc(sessions, func(s *Session) bool { return s.wasExpelled(c) })
}

// whoLeft is who was shown the conversation, or may have been, and is not in it any more.
func whoLeft(roster chat.Roster, was shown, what news) []chat.Departure {
	var gone []chat.Departure
	reasons := make(map[chat.UserID]chat.LeaveReason, len(what.left))
	for _, d := range what.left {
		reasons[d.User] = d.Reason
		if _, back := roster.Roles[d.User]; !back && !was.known[d.User] {
			gone = append(gone, d)
		}
	}
	for u := range was.seated {
		if _, in := roster.Roles[u]; in {
			continue
		}
		reason, given := reasons[u]
		switch {
		case given:
		case len(roster.Roles) == 0:
			reason = chat.ReasonEnded
		default:
			reason = chat.ReasonRemoved
		}
		gone = append(gone, chat.Departure{User: u, Reason: reason})
	}
	return gone
}

// tellGone tells those sessions that do not follow; the others hear it at its rev, or have.
func (n *notices) tellGone(c chat.ConversationID, d chat.Departure) {
	for _, s := range n.hub.sessions.ofUser(d.User) {
		s.sendUnlessExpelled(c, removedFrame(c, d.Reason))
	}
}

// tellCame shows somebody the conversation. One that follows may have heard of its removal last, and follow by a
// subscribe sent before.
func (n *notices) tellCame(u chat.UserID, seen chat.Conversation, read chat.ReadState) {
	seen.Viewer, seen.UnreadCount = u, read.UnreadCount
	seen.LastReadMessageID, seen.LastReadSeq = read.LastReadMessageID, read.LastReadSeq
	n.hub.show(u, seen)
}

// tellState tells those who were in it before what it is now.
func (n *notices) tellState(c chat.ConversationID, roster chat.Roster, state *chat.Conversation, here map[chat.UserID][]*Session, told func(chat.UserID) bool) {
	if state == nil || state.RosterRev < roster.Rev {
		// There is a newer revision, which is about to be told. Who is here only since then must not hear of an
		// update before they have been shown the conversation.
		return
	}
	var updated []byte
	for u, sessions := range here {
		if told(u) {
			continue
		}
		if updated == nil {
			updated = protocol.EncodeChange(&chat.Change{Conversation: c, Rev: state.RosterRev, Kind: chat.ConversationRevised, State: state})
		}
		for _, s := range sessions {
			s.sendUnlessSubscribed(c, updated)
		}
	}
}

// settled takes over what was told: seats for those who came, none for those who left.
func (b *book) settled(c chat.ConversationID, roster chat.Roster, state *chat.Conversation, came map[chat.UserID]chat.ReadState, gone []chat.Departure) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var follow, giveUp []string
	for u, read := range came {
		p := b.people[u]
		if p == nil || !p.known {
			continue
		}
		in := chat.Interest{Conversation: c, ReadSeq: read.LastReadSeq, HiddenSeq: -1}
		if read.Hidden {
			in.HiddenSeq = read.LastSeq
		}
		in.LastSeq, in.LastRev, in.RosterRev = state.LastSeq, state.LastRev, roster.Rev
		s, topic := b.sit(p, in)
		if s.shown = true; topic != "" {
			follow = append(follow, topic)
		}
	}
	i := b.conversations[c]
	for _, d := range gone {
		if s := b.people[d.User].seatOf(i); s != nil {
			if topic := b.rise(s); topic != "" {
				giveUp = append(giveUp, topic)
			}
		}
	}
	if i != nil {
		i.rosterRev, i.rosterSeen = max(i.rosterRev, roster.Rev), max(i.rosterSeen, roster.Rev)
	}
	b.hub.follows.add(follow...)
	b.hub.follows.remove(giveUp...)
}
