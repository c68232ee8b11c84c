package realtime

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// maxEnvelope is the longest envelope that is listened to, in bytes.
	maxEnvelope = 1 << 20
	// maxChangesBytes is how much message text is put into one envelope; more goes in several. The worst
	// text is six times as long in JSON.
	maxChangesBytes = 128 << 10
)

// The types of envelopes. Those of a conversation travel on its topic, those of one person on theirs, and
// what every node has to know on [SystemTopic].
const (
	envelopeMessages   = "message:received"
	envelopeChanges    = "changes"
	envelopeSuspect    = "suspect"
	envelopeTyping     = "typing"
	envelopeDelivered  = "message:delivered"
	envelopeJoined     = "conversation:joined"
	envelopeRead       = "receipt:synced"
	envelopeHidden     = "conversation:hidden"
	envelopeReturned   = "conversation:returned"
	envelopeRoster     = "roster:changed"
	envelopeLoginEnded = "login:ended"
	envelopeShown      = "receipt:updated"
	envelopeCounted    = "receipt:count"
	envelopeReceipts   = "receipts:changed"
	envelopeReads      = "receipts:synced"
	envelopePresence   = "presence:changed"
	envelopeWatching   = "presence:watching"
	envelopeFriendship = "friend:changed"
	envelopeBlock      = "block:changed"
)

// envelope is what travels: the seed's {type, serverId, payload}. More members may be added.
type envelope[P any] struct {
	Type     string `json:"type"`
	ServerID string `json:"serverId"`
	// Traces are of the messages of the payload, in their order; none where that is not known.
	Traces  []chat.Trace `json:"traces,omitzero"`
	Payload P            `json:"payload"`
}

type (
	suspected struct{ Conversation chat.ConversationID }
	typed     struct {
		Conversation chat.ConversationID
		User         chat.UserID
		Typing       bool
	}
	delivered struct {
		Conversation chat.ConversationID
		User         chat.UserID
		UpToSeq      int64
	}
	// joined says that somebody came into a conversation, whose topic their node may not follow yet.
	joined struct {
		User         chat.UserID
		Conversation chat.ConversationID
		Rev          int64
	}
	advanced struct {
		User  chat.UserID
		State chat.ReadState
	}
	hidden struct {
		User         chat.UserID
		Conversation chat.ConversationID
		Seq          int64
	}
	returned struct {
		User         chat.UserID
		Conversation chat.ConversationID
	}
	// rosterChanged is for the nodes that follow nothing of the conversation and may remember its roster.
	rosterChanged struct {
		Conversation chat.ConversationID
		Rev          int64
	}
	loginEnded      struct{ Login chat.LoginID }
	receiptsChanged struct{ Conversation chat.ConversationID }
)

var (
	errTooLong    = errors.New("it is too long")
	errShape      = errors.New("its shape is wrong")
	errOtherTopic = errors.New("it is about something else than its topic")
)

// publish hands an envelope to the other nodes, if there are any.
func (h *Hub) publish(topic, kind string, payload any) { h.put(topic, kind, payload, false) }

// publishUrgent hands over one that must not wait until it is noticed that a way hangs.
func (h *Hub) publishUrgent(topic, kind string, payload any) { h.put(topic, kind, payload, true) }

func (h *Hub) put(topic, kind string, payload any, urgent bool) {
	data, err := json.Marshal(envelope[any]{Type: kind, ServerID: h.cfg.NodeID, Payload: payload})
	if err != nil {
		h.cfg.Log.Error("an envelope has no JSON", "event", "bus.publish", "type", kind, "error", err)
		return
	}
	h.gate.publish(letter{topic, data, urgent})
}

// hear takes an envelope from another node. What cannot be read counts as lost.
func (h *Hub) hear(topic string, data []byte) {
	if err := h.open(topic, data); err != nil {
		h.misheard(topic, err)
	}
}

func (h *Hub) open(topic string, data []byte) error {
	if len(data) > maxEnvelope {
		return errTooLong
	}
	head, ok := cutHead(data)
	if !ok && json.Unmarshal(data, &head) != nil || head.Type == "" || head.ServerID == "" {
		return errShape
	}
	if head.ServerID == h.cfg.NodeID {
		return nil
	}
	if c, is := strings.CutPrefix(topic, conversationTopicPrefix); is {
		return h.openOfConversation(chat.ConversationID(c), head.Type, data)
	}
	if u, is := strings.CutPrefix(topic, userTopicPrefix); is {
		return h.openOfUser(chat.UserID(u), head.Type, data)
	}
	if u, is := strings.CutPrefix(topic, presenceTopicPrefix); is {
		return h.openOfPresence(chat.UserID(u), head.Type, data)
	}
	return h.openOfSystem(head.Type, data)
}

// head says what an envelope is.
type head struct {
	Type     string `json:"type"`
	ServerID string `json:"serverId"`
}

const headType, headServer = `{"type":"`, `","serverId":"`

// cutHead reads a head where every node writes it, without what follows: a node hears its own envelopes as well.
func cutHead(data []byte) (h head, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(headType))
	if !ok {
		return h, false
	}
	kind, rest, ok := bytes.Cut(rest, []byte(headServer))
	if !ok || bytes.IndexByte(kind, '"') >= 0 {
		return h, false
	}
	id, _, ok := bytes.Cut(rest, []byte{'"'})
	if !ok || bytes.IndexByte(kind, '\\') >= 0 || bytes.IndexByte(id, '\\') >= 0 {
		return h, false
	}
	return head{string(kind), string(id)}, true
}

// openOfConversation opens what came on a conversation's topic. Like the other two it passes over a type that
// it does not know: a newer node may say more.
func (h *Hub) openOfConversation(c chat.ConversationID, kind string, data []byte) error {
	switch kind {
	case envelopeMessages:
		changes, events, committed, err := decodeMessages(data)
		if err != nil {
			return err
		}
		return h.heardChanges(c, changes, events, committed)
	case envelopeChanges:
		return unwrap(data, func(p []chat.Change) error { return h.heardChanges(c, p, nil, 0) })
	case envelopeSuspect:
		return unwrap(data, func(p suspected) error { return about(p.Conversation == c, func() { h.suspect(c) }) })
	case envelopeTyping:
		return unwrap(data, func(p typed) error {
			return about(p.Conversation == c, func() { h.typing(c, p.User, p.Typing) })
		})
	case envelopeReads:
		return unwrap(data, func(p []advanced) error { return h.heardReads(c, p) })
	case envelopeShown:
		return unwrap(data, func(p chat.Shown) error { return h.heardShown(c, p) })
	case envelopeCounted:
		return unwrap(data, func(p chat.ReadCounts) error { return h.heardCounts(c, p) })
	case envelopeReceipts:
		return unwrap(data, func(p receiptsChanged) error {
			return about(p.Conversation == c, func() { h.receipts.want(c, nil, false) })
		})
	case envelopeDelivered:
		return unwrap(data, func(p delivered) error { return h.heardDelivered(c, p) })
	}
	return nil
}

func (h *Hub) openOfUser(u chat.UserID, kind string, data []byte) error {
	switch kind {
	case envelopeJoined:
		return unwrap(data, func(p joined) error {
			return about(p.User == u && chat.ValidID(string(p.Conversation)), func() { h.heardJoined(u, p.Conversation, p.Rev) })
		})
	case envelopeRead:
		return unwrap(data, func(p advanced) error {
			return about(p.User == u && soundPosition(p.State), func() { h.heardRead(u, p.State) })
		})
	case envelopeFriendship:
		return unwrap(data, func(p befriended) error {
			return about(p.User == u && chat.ValidID(string(p.Friend.User.ID)), func() { h.friendshipChanged(u, p.Friend) })
		})
	case envelopeBlock:
		return unwrap(data, func(p blocked) error {
			return about(p.User == u && chat.ValidID(string(p.Other)), func() { h.blockChanged(u, p.Other, p.Blocked) })
		})
	case envelopeWatching:
		return unwrap(data, func(p watchingChanged) error {
			return about(p.User == u, func() { h.presences.mail.put(func(l *post) { l.reread = append(l.reread, u) }) })
		})
	case envelopeHidden:
		return unwrap(data, func(p hidden) error {
			return about(p.User == u && chat.ValidID(string(p.Conversation)), func() { h.compares.persons(u) })
		})
	case envelopeReturned:
		return unwrap(data, func(p returned) error {
			return about(p.User == u, func() { h.compares.persons(u) })
		})
	}
	return nil
}

func (h *Hub) openOfSystem(kind string, data []byte) error {
	switch kind {
	case envelopeRoster:
		return unwrap(data, func(p rosterChanged) error {
			h.rosterMoved(p.Conversation, p.Rev)
			return nil
		})
	case envelopeLoginEnded:
		return unwrap(data, func(p loginEnded) error {
			h.endLogin(p.Login)
			return nil
		})
	}
	return nil
}

func unwrap[P any](data []byte, use func(P) error) error {
	var e envelope[P]
	if json.Unmarshal(data, &e) != nil {
		return errShape
	}
	return use(e.Payload)
}

// about uses a payload that is about what its topic is about.
func about(same bool, use func()) error {
	if !same {
		return errOtherTopic
	}
	use()
	return nil
}

// misheard treats what cannot be read as lost. Its content is nobody's business.
func (h *Hub) misheard(topic string, err error) {
	if h.counters.misheard.Add(1); h.complains.now() {
		h.cfg.Log.Warn("an envelope cannot be read", "event", "bus.misheard", "topic", topic, "error", err, "sinceStart", h.counters.misheard.Load())
	}
	h.lost([]string{topic})
}

// soundChanges reports whether heard changes are what a node announces: of one conversation, in rev order, each
// whole.
func soundChanges(c chat.ConversationID, changes []chat.Change) bool {
	last := int64(0)
	for i := range changes {
		ch := &changes[i]
		if ch.Conversation != c || ch.Rev <= last || !whole(ch) {
			return false
		}
		last = ch.Rev
	}
	return len(changes) > 0
}

// soundPosition reports whether a heard read position is one that a store may have answered.
func soundPosition(s chat.ReadState) bool {
	return chat.ValidID(string(s.Conversation)) && 0 <= s.LastReadSeq && s.LastReadSeq <= s.LastSeq && 0 <= s.UnreadCount && s.UnreadCount <= s.LastSeq
}

func whole(ch *chat.Change) bool {
	switch ch.Kind {
	case chat.MessageAdded, chat.MessageEdited, chat.MessageDeleted:
		m := ch.Message
		return m != nil && ch.State == nil && m.Conversation == ch.Conversation && m.Rev == ch.Rev && m.Seq > 0
	case chat.ConversationRevised:
		return ch.State != nil && ch.Message == nil && ch.State.ID == ch.Conversation && ch.State.RosterRev <= ch.Rev
	}
	// A newer node has one more kind.
	return false
}
