package realtime

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Announce delivers changes on this node at once and hands them to the others, in one envelope.
func (h *Hub) Announce(changes []chat.Change) {
	if len(changes) == 0 {
		return
	}
	h.announce(changes)
	h.publish(ConversationTopic(changes[0].Conversation), envelopeChanges, changes)
	for i := range changes {
		if c := &changes[i]; c.Kind == chat.ConversationRevised {
			h.publish(SystemTopic, envelopeRoster, rosterChanged{c.Conversation})
			for _, u := range c.Joined {
				h.interests.want(u, ConversationTopic(c.Conversation))
				h.publish(UserTopic(u), envelopeJoined, joined{u, *c})
			}
		}
	}
}

func (h *Hub) announce(changes []chat.Change) {
	t := h.topic(changes[0].Conversation)
	followed := t != nil && t.announce(changes)
	h.notices.active(changes)
	for i := range changes {
		if c := &changes[i]; !followed && c.Kind == chat.ConversationRevised {
			h.notices.revised(c, nil, false)
		}
	}
}

func (h *Hub) heardChanges(changes []chat.Change) {
	if len(changes) == 0 {
		return
	}
	for i := range changes {
		c := &changes[i]
		if c.Conversation != changes[0].Conversation || (c.Message == nil) == (c.State == nil) ||
			(c.Kind == chat.ConversationRevised) != (c.State != nil) {
			h.lost(nil)
			return
		}
		if c.Kind == chat.ConversationRevised {
			h.source.ForgetRoster(c.Conversation)
		}
	}
	h.announce(changes)
}

// heardJoined tells somebody who came into a conversation that nobody here followed.
func (h *Hub) heardJoined(u chat.UserID, c chat.Change) {
	if c.Kind != chat.ConversationRevised || c.State == nil {
		h.lost(nil)
		return
	}
	h.source.ForgetRoster(c.Conversation)
	h.interests.want(u, ConversationTopic(c.Conversation))
	c.Joined, c.Left = []chat.UserID{u}, nil
	h.notices.revised(&c, nil, false)
}

// Suspect has every node compare what it delivered of the conversation with the store.
func (h *Hub) Suspect(c chat.ConversationID) {
	h.suspect(c)
	h.publish(ConversationTopic(c), envelopeSuspect, suspected{c})
}

func (h *Hub) suspect(c chat.ConversationID) {
	if !h.running() {
		return
	}
	h.source.ForgetRoster(c)
	if t := h.topic(c); t != nil {
		t.suspect()
	}
	h.notices.stirred(c)
}

// ReadAdvanced tells the reader's sessions, on all nodes, where the read position is.
func (h *Hub) ReadAdvanced(u chat.UserID, state chat.ReadState) {
	h.readAdvanced(u, state)
	h.publish(UserTopic(u), envelopeRead, advanced{u, state})
}

func (h *Hub) readAdvanced(u chat.UserID, state chat.ReadState) {
	h.tell(u, func() protocol.Event { return protocol.ReceiptSynced{ReadState: protocol.ReadStateOf(state)} })
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
	h.publish(ConversationTopic(c), envelopeTyping, typed{c, u, typing})
}

func (h *Hub) typing(c chat.ConversationID, u chat.UserID, typing bool) {
	if t := h.topic(c); t != nil {
		var event protocol.Event = protocol.TypingStopped{ConversationID: string(c), UserID: string(u)}
		if typing {
			event = protocol.TypingStarted{ConversationID: string(c), UserID: string(u)}
		}
		frame := protocol.Encode(event)
		t.toOthers(u, func(s *Session) { s.SendIfQuiet(frame) })
	}
}

// Delivered tells the other participants that are subscribed how far a device of u is.
func (h *Hub) Delivered(c chat.ConversationID, u chat.UserID, upToSeq int64) {
	h.delivered(c, u, upToSeq)
	h.publish(ConversationTopic(c), envelopeDelivered, delivered{c, u, upToSeq})
}

func (h *Hub) delivered(c chat.ConversationID, u chat.UserID, upToSeq int64) {
	if t := h.topic(c); t != nil {
		frame := protocol.Encode(protocol.MessageDelivered{ConversationID: string(c), UserID: string(u), UpToSeq: upToSeq})
		t.toOthers(u, func(s *Session) { s.Send(frame) })
	}
}

// ConversationHidden takes the conversation off the person's list in all their sessions and ends their
// subscriptions: its next message comes as activity.
func (h *Hub) ConversationHidden(u chat.UserID, c chat.ConversationID) {
	h.conversationHidden(u, c)
	h.publish(UserTopic(u), envelopeHidden, hidden{u, c})
}

func (h *Hub) conversationHidden(u chat.UserID, c chat.ConversationID) {
	t := h.topic(c)
	for _, s := range h.sessions.ofUser(u) {
		if t != nil {
			t.drop(s)
		}
		s.Send(removedFrame(c, chat.ReasonLeft))
	}
}

// ConversationReturned shows a conversation in all sessions of the person.
func (h *Hub) ConversationReturned(u chat.UserID, c chat.Conversation) {
	h.conversationReturned(u, c)
	h.publish(UserTopic(u), envelopeReturned, returned{u, c})
}

func (h *Hub) conversationReturned(u chat.UserID, c chat.Conversation) {
	h.tell(u, func() protocol.Event { return protocol.ConversationAdded{Conversation: protocol.ConversationOf(c)} })
}

func removedFrame(c chat.ConversationID, reason chat.LeaveReason) []byte {
	return protocol.Encode(protocol.ConversationRemoved{ConversationID: string(c), Reason: string(reason)})
}
