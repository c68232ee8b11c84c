package realtime

import (
	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/chat"
)

// Bus carries envelopes between the nodes, topic by topic. It delivers at most once, may reorder and may
// double, and says when it may have lost something; whoever listens then reads the store.
type Bus interface {
	// Publish hands an envelope to every other node that follows the topic. It neither blocks nor fails: what
	// it could not hand over is told to the nodes concerned by their lost, at the latest when they are reached
	// again. The publisher may hear its own envelope.
	Publish(topic string, envelope []byte)
	// Listen registers a listener that follows nothing yet, and returns at once. hear is called with each
	// envelope of the topics followed, one call at a time and never at the same time as lost; the envelope is
	// the bus's again when hear has returned. lost(topics) says that envelopes of those topics may have been
	// missed, lost(nil) that any may have. Neither is called from within a method of the bus or the listener.
	Listen(hear func(topic string, envelope []byte), lost func(topics []string)) Listener
	// Peers reports whether another node may be listening; if not, nothing needs to be published.
	Peers() bool
}

// Listener is one node's ear. Its methods may be called at any time, but not by hear or lost; what they ask
// for takes effect in the order of the calls.
type Listener interface {
	// Follow asks for topics; it does not block. When they are in force lost is called with them once: what
	// was published before may have been missed, everything after is heard or told as lost. A topic that is
	// followed already is left as it is.
	Follow(topics ...string)
	// Unfollow gives topics up. It does not block; what is under way may still be heard.
	Unfollow(topics ...string)
	// Stop ends it: after it has returned neither hear nor lost is called. Only the first call counts.
	Stop()
}

// The topics: the seed's (DOC-007), and one of each person for what concerns their sessions alone.
const (
	conversationTopicPrefix = "chat:conversation:"
	userTopicPrefix         = "chat:user:"
	// SystemTopic carries what concerns all nodes.
	SystemTopic = "chat:system"
)

// ConversationTopic carries what happens in a conversation.
func ConversationTopic(c chat.ConversationID) string { return conversationTopicPrefix + string(c) }

// UserTopic carries what concerns one person's sessions.
func UserTopic(u chat.UserID) string { return userTopicPrefix + string(u) }

// The types of envelopes.
const (
	envelopeChanges    = "changes"
	envelopeSuspect    = "suspect"
	envelopeTyping     = "typing"
	envelopeDelivered  = "message:delivered"
	envelopeRead       = "receipt:synced"
	envelopeHidden     = "conversation:hidden"
	envelopeReturned   = "conversation:returned"
	envelopeJoined     = "conversation:joined"
	envelopeRoster     = "roster:changed"
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
	joined struct {
		User   chat.UserID
		Change chat.Change
	}
	rosterChanged struct{ Conversation chat.ConversationID }
	loginEnded    struct{ Login chat.LoginID }
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
	case envelopeJoined:
		return unwrap(data, func(p joined) { h.heardJoined(p.User, p.Change) })
	case envelopeRoster:
		return unwrap(data, func(p rosterChanged) { h.source.ForgetRoster(p.Conversation) })
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
	h.lost(nil)
}
