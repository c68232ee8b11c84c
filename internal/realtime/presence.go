package realtime

import "github.com/parley-chat/parley/internal/chat"

// watchingChanged says that it has to be read anew whom a person watches.
type watchingChanged struct{ User chat.UserID }

// PresenceChanged tells those who watch these people and may know, on all nodes.
func (h *Hub) PresenceChanged(changed []chat.Presence) {
	for _, p := range changed {
		if h.bus.Peers() {
			h.publish(PresenceTopic(p.User), envelopePresence, p)
		}
	}
}

// WatchingChanged has it read anew, on all nodes, whom these people watch.
func (h *Hub) WatchingChanged(users ...chat.UserID) {
	for _, u := range users {
		if h.bus.Peers() {
			h.publish(UserTopic(u), envelopeWatching, watchingChanged{u})
		}
	}
}
