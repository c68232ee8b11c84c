package realtime

import (
	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/chat"
)

// Bus carries envelopes between the nodes. It delivers at most once, may reorder, and says when it may
// have lost something; the hub then reads the store. Every node hears every topic, since it owes the
// people connected to it the activity of all their conversations (C3.8).
type Bus interface {
	// Publish hands an envelope to every other node. It does not block and does not fail: what it could
	// not hand over is told to the nodes concerned by their lost, at the latest when they are reached
	// again. The publisher may hear its own envelope.
	Publish(topic string, envelope []byte)
	// Listen calls hear for each envelope, one at a time, and lost whenever envelopes may have been
	// missed since the last call of either. It returns at once; after stop has returned neither is called.
	Listen(hear func(topic string, envelope []byte), lost func()) (stop func())
	// Peers reports whether another node may be listening; if not, nothing needs to be published.
	Peers() bool
}

// The topics of the seed (DOC-007).
const (
	conversationTopicPrefix = "chat:conversation:"
	// SystemTopic carries what concerns all nodes.
	SystemTopic = "chat:system"
)

// ConversationTopic carries what happens in a conversation.
func ConversationTopic(c chat.ConversationID) string { return conversationTopicPrefix + string(c) }

// The types of envelopes.
const (
	envelopeChanges    = "changes"
	envelopeSuspect    = "suspect"
	envelopeTyping     = "typing"
	envelopeDelivered  = "message:delivered"
	envelopeRead       = "receipt:synced"
	envelopeHidden     = "conversation:hidden"
	envelopeReturned   = "conversation:returned"
	envelopeLoginEnded = "login:ended"
)

// envelope is what travels: the seed's {type, serverId, payload}.
type envelope[P any] struct {
	Type     string `json:"type"`
	ServerID string `json:"serverId"`
	Payload  P      `json:"payload"`
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
	advanced struct {
		User  chat.UserID
		State chat.ReadState
	}
	hidden struct {
		User         chat.UserID
		Conversation chat.ConversationID
	}
	returned struct {
		User         chat.UserID
		Conversation chat.Conversation
	}
	loginEnded struct{ Login chat.LoginID }
)

func (h *Hub) publish(topic, kind string, payload any) {
	if !h.bus.Peers() {
		return
	}
	data, err := json.Marshal(envelope[any]{kind, h.cfg.NodeID, payload})
	if err != nil {
		h.cfg.Log.Error("an envelope has no JSON", "event", "bus.publish", "type", kind, "error", err)
		return
	}
	h.bus.Publish(topic, data)
}

// hear takes an envelope from another node.
func (h *Hub) hear(topic string, data []byte) {
	var head struct {
		Type     string `json:"type"`
		ServerID string `json:"serverId"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		h.misheard(topic, err)
		return
	}
	if head.ServerID == h.cfg.NodeID {
		return
	}
	if err := h.open(head.Type, data); err != nil {
		h.misheard(topic, err)
	}
}

func (h *Hub) open(kind string, data []byte) error {
	switch kind {
	case envelopeChanges:
		return unwrap(data, h.heardChanges)
	case envelopeSuspect:
		return unwrap(data, func(p suspected) { h.suspect(p.Conversation) })
	case envelopeTyping:
		return unwrap(data, func(p typed) { h.typing(p.Conversation, p.User, p.Typing) })
	case envelopeDelivered:
		return unwrap(data, func(p delivered) { h.delivered(p.Conversation, p.User, p.UpToSeq) })
	case envelopeRead:
		return unwrap(data, func(p advanced) { h.readAdvanced(p.User, p.State) })
	case envelopeHidden:
		return unwrap(data, func(p hidden) { h.conversationHidden(p.User, p.Conversation) })
	case envelopeReturned:
		return unwrap(data, func(p returned) { h.conversationReturned(p.User, p.Conversation) })
	case envelopeLoginEnded:
		return unwrap(data, func(p loginEnded) { h.endLogin(p.Login) })
	}
	// A newer node may say what this one does not know yet.
	return nil
}

func unwrap[P any](data []byte, use func(P)) error {
	var e envelope[P]
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	use(e.Payload)
	return nil
}

// misheard treats what cannot be read as lost.
func (h *Hub) misheard(topic string, err error) {
	h.cfg.Log.Warn("an envelope cannot be read", "event", "bus.misheard", "topic", topic, "error", err)
	h.lost()
}
