package realtime

import "github.com/parley-chat/parley/internal/chat"

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
	presenceTopicPrefix     = "chat:presence:"
	userTopicPrefix         = "chat:user:"
	// SystemTopic carries what concerns all nodes.
	SystemTopic = "chat:system"
)

// ConversationTopic carries what happens in a conversation.
func ConversationTopic(c chat.ConversationID) string { return conversationTopicPrefix + string(c) }

// PresenceTopic carries one person's presence to those who watch it.
func PresenceTopic(u chat.UserID) string { return presenceTopicPrefix + string(u) }

// UserTopic carries what concerns one person's sessions.
func UserTopic(u chat.UserID) string { return userTopicPrefix + string(u) }

// Degrading is what a bus may be as well. Degraded reports that at present envelopes do not reach other nodes,
// or theirs this one, by any way: until that is over the hub compares what is subscribed with the store every
// 400 ms, so that messages still cross within a second (C3.2). A bus says lost(nil) when it is over.
type Degrading interface{ Degraded() bool }

// Urgent is what a bus with several ways may be as well. PublishUrgent hands an envelope over on all of them at once,
// since one may hang without its being known: for the rare ones that are promised within a second, of removals and ended
// logins (C3.7, C4.3).
type Urgent interface {
	PublishUrgent(topic string, envelope []byte)
}

// Alone is the bus of a node that has no others and never will: the embedded shape. A hub on it keeps no book
// of what concerns its people, compares nothing and has nothing to wait for.
type Alone struct{}

// Publish does nothing: there is nobody.
func (Alone) Publish(string, []byte) {}

// Listen returns a listener that is never told anything.
func (Alone) Listen(func(string, []byte), func([]string)) Listener { return silence{} }

// Peers is false for good.
func (Alone) Peers() bool { return false }

type silence struct{}

func (silence) Follow(...string)   {}
func (silence) Unfollow(...string) {}
func (silence) Stop()              {}
