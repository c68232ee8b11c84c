package realtime

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Announce delivers changes on this node at once and hands them to the others, in one envelope unless they are
// very long.
func (h *Hub) Announce(changes []chat.Change) {
	if len(changes) == 0 {
		return
	}
	switch peers := h.bus.Peers(); {
	case peers && onlyNew(changes):
		envelope, events := encodeMessages(h.cfg.NodeID, h.stamp(changes[0].Committed), changes)
		h.announceTraced(changes, events, false)
		began := time.Now()
		h.gate.publish(letter{topic: ConversationTopic(changes[0].Conversation), envelope: envelope})
		h.published(changes, began)
	case peers:
		h.announceTraced(changes, nil, false)
		h.publishChanges(changes)
	default:
		h.announceTraced(changes, nil, false)
	}
}

// announceTraced is announce, and tells of it where a trace is recorded.
func (h *Hub) announceTraced(changes []chat.Change, events [][]byte, heard bool) {
	began := time.Now()
	h.announce(changes, events)
	if h.cfg.Delivered == nil || h.topic(changes[0].Conversation) == nil {
		return
	}
	for i := range changes {
		if changes[i].Trace.Sampled {
			h.cfg.Delivered(changes[i].Trace, heard, began)
		}
	}
}

func (h *Hub) published(changes []chat.Change, began time.Time) {
	if h.cfg.Published == nil {
		return
	}
	for i := range changes {
		if changes[i].Trace.Sampled {
			h.cfg.Published(changes[i].Trace, began)
		}
	}
}

// announce delivers changes here. events are what clients get of them, nil where it is still to be encoded.
func (h *Hub) announce(changes []chat.Change, events [][]byte) {
	t := h.topic(changes[0].Conversation)
	followed := t != nil && t.announce(changes, events)
	newest := h.book.heard(changes)
	h.notices.active(changes, newest)
	for i := range changes {
		if c := &changes[i]; !followed && c.Kind == chat.ConversationRevised {
			h.notices.revised(c, false)
		}
	}
}

func (h *Hub) publishChanges(changes []chat.Change) {
	topic := ConversationTopic(changes[0].Conversation)
	size, start := 0, 0
	for i := range changes {
		c := &changes[i]
		if m := c.Message; m != nil {
			if size += len(m.Content); size > maxChangesBytes {
				h.publishSome(topic, changes[start:i])
				start, size = i, len(m.Content)
			}
		}
	}
	h.publishSome(topic, changes[start:])
	for i := range changes {
		if c := &changes[i]; c.Kind == chat.ConversationRevised {
			h.publishRevision(c)
		}
	}
}

func (h *Hub) publishSome(topic string, changes []chat.Change) {
	if onlyNew(changes) {
		envelope, _ := encodeMessages(h.cfg.NodeID, h.stamp(changes[0].Committed), changes)
		h.gate.publish(letter{topic: topic, envelope: envelope})
		return
	}
	revised := slices.ContainsFunc(changes, func(c chat.Change) bool { return c.Kind == chat.ConversationRevised })
	h.put(topic, envelopeChanges, changes, revised)
}

// publishRevision tells those who do not follow the conversation's topic: every node, which may remember the
// roster, and the nodes of those who came in, which may have had no reason to follow.
func (h *Hub) publishRevision(c *chat.Change) {
	h.publishUrgent(SystemTopic, envelopeRoster, rosterChanged{c.Conversation, c.Rev})
	for _, u := range c.Joined {
		h.publishUrgent(UserTopic(u), envelopeJoined, joined{u, c.Conversation, c.Rev})
	}
}

// heardChanges takes what another node announces, and when it was committed by the clock that all share; 0 where that is not
// known.
func (h *Hub) heardChanges(c chat.ConversationID, changes []chat.Change, events [][]byte, committed stamp) error {
	if !soundChanges(c, changes) {
		return errShape
	}
	at := h.committed(committed)
	for i := range changes {
		// Whoever sent it is connected to the other node, whose clock is another.
		changes[i].Origin, changes[i].Committed = "", at
		if changes[i].Kind == chat.ConversationRevised {
			h.rosterMoved(c, changes[i].Rev)
		}
	}
	heard := h.gate.hear()
	h.announceTraced(changes, events, true)
	heard()
	return nil
}

// rosterMoved notes that another node changed who is in a conversation. Where somebody sees its readers counted they are
// counted anew: that node may be unable to have it done.
func (h *Hub) rosterMoved(c chat.ConversationID, rev int64) {
	h.source.RosterMoved(c, rev)
	if h.topic(c) != nil {
		h.source.Reseed(c)
	}
}

// heardJoined has somebody shown a conversation that they came into.
func (h *Hub) heardJoined(u chat.UserID, c chat.ConversationID, rev int64) {
	if h.book.awaits(u, c, rev) {
		h.source.RosterMoved(c, rev)
		h.notices.settle(c, rev, u)
	}
}

// Suspect has every node compare what it delivered of the conversation with the store.
func (h *Hub) Suspect(c chat.ConversationID) {
	h.suspect(c)
	if h.bus.Peers() {
		h.publish(ConversationTopic(c), envelopeSuspect, suspected{c})
	}
}

func (h *Hub) suspect(c chat.ConversationID) {
	if !h.running() {
		return
	}
	h.source.ForgetRoster(c)
	if h.compares != nil {
		h.compares.conversations(c)
		return
	}
	if t := h.topic(c); t != nil {
		t.suspect()
	}
	h.notices.stirred(c, 0)
}

// ReadAdvanced tells the reader's sessions, on all nodes, where the read position is.
func (h *Hub) ReadAdvanced(u chat.UserID, state chat.ReadState) {
	h.readAdvanced(u, state)
	if h.bus.Peers() {
		h.publish(UserTopic(u), envelopeRead, advanced{u, state})
	}
}

// heardRead takes another node's word for a read position that can be: one past every message that is known here would
// silence all later ones, and is asked from the store.
func (h *Hub) heardRead(u chat.UserID, state chat.ReadState) {
	if h.book.reachedBy(u, state.Conversation, state.LastReadSeq) {
		h.readAdvanced(u, state)
		return
	}
	h.compares.persons(u)
}

// readAdvanced passes over what another node's later envelope has overtaken: a position never goes back (C6.1).
func (h *Hub) readAdvanced(u chat.UserID, state chat.ReadState) {
	if tell, stale := h.book.advance(u, state); tell {
		h.tellRead(u, state, stale)
	}
}

// tellRead tells a person's sessions a read position, and the unread count again if that is stale.
func (h *Hub) tellRead(u chat.UserID, state chat.ReadState, stale bool) {
	h.turns.of(u, state.Conversation).pass()
	h.tell(u, func() protocol.Event { return protocol.ReceiptSynced{ReadState: protocol.ReadStateOf(state)} })
	if stale {
		h.notices.stirred(state.Conversation, 0)
	}
}

// show shows a conversation to all sessions of a person on this node.
func (h *Hub) show(u chat.UserID, c chat.Conversation) {
	sessions := h.sessions.ofUser(u)
	if len(sessions) == 0 {
		return
	}
	frame := protocol.Encode(protocol.ConversationAdded{Conversation: protocol.ConversationOf(c)})
	for _, s := range sessions {
		s.show(c.ID, frame)
	}
}

// tell sends an event to all sessions of a person on this node.
func (h *Hub) tell(u chat.UserID, event func() protocol.Event) {
	sessions := h.sessions.ofUser(u)
	if len(sessions) == 0 {
		return
	}
	frame := protocol.Encode(event())
	for _, s := range sessions {
		s.Send(frame)
	}
}

// TypingChanged tells the other participants that are subscribed; a busy session is left out (C4.7).
func (h *Hub) TypingChanged(c chat.ConversationID, u chat.UserID, typing bool, _ chat.SessionID) {
	h.typing(c, u, typing)
	if h.bus.Peers() {
		h.publish(ConversationTopic(c), envelopeTyping, typed{c, u, typing})
	}
}

func (h *Hub) typing(c chat.ConversationID, u chat.UserID, typing bool) {
	if t := h.topic(c); t != nil {
		var event protocol.Event = protocol.TypingStopped{ConversationID: string(c), UserID: string(u)}
		if typing {
			event = protocol.TypingStarted{ConversationID: string(c), UserID: string(u)}
		}
		frame := protocol.Encode(event)
		t.toOthers(u, func(s *Session) {
			if !s.SendIfQuiet(frame) {
				h.counters.typingDropped.Add(1)
			}
		})
	}
}

// ConversationHidden takes the conversation off the person's list in all their sessions and ends their
// subscriptions: its next message comes as activity. Other nodes look up whether it is so.
func (h *Hub) ConversationHidden(u chat.UserID, c chat.ConversationID, seq int64) {
	h.conversationHidden(u, c, seq)
	if h.bus.Peers() {
		h.publish(UserTopic(u), envelopeHidden, hidden{u, c, seq})
	}
}

func (h *Hub) conversationHidden(u chat.UserID, c chat.ConversationID, seq int64) {
	h.book.hide(u, c, seq)
	h.turns.of(u, c).pass()
	t := h.topic(c)
	for _, s := range h.sessions.ofUser(u) {
		if t != nil {
			t.drop(s)
		}
		s.Send(removedFrame(c, chat.ReasonLeft))
	}
	// What was sent since may have been told before, and brings it back.
	h.notices.stirred(c, 0)
}

// ConversationReturned shows a conversation in all sessions of the person. Other nodes look up what it is by then.
func (h *Hub) ConversationReturned(u chat.UserID, c chat.Conversation) {
	h.conversationReturned(u, c)
	if h.bus.Peers() {
		h.publish(UserTopic(u), envelopeReturned, returned{u, c.ID})
	}
}

func (h *Hub) conversationReturned(u chat.UserID, c chat.Conversation) {
	h.book.hide(u, c.ID, -1)
	h.turns.of(u, c.ID).pass()
	h.show(u, c)
	if h.book.beyond(c.ID, c.LastSeq) {
		h.notices.stirred(c.ID, 0)
	}
}

func removedFrame(c chat.ConversationID, reason chat.LeaveReason) []byte {
	return protocol.Encode(protocol.ConversationRemoved{ConversationID: string(c), Reason: string(reason)})
}
