package realtime

import (
	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/chat"
)

// Lose tells the hub what a bus tells it.
func (h *Hub) Lose(topics []string) { h.lost(topics) }

// PresenceEnvelope is what a node puts on the bus.
func PresenceEnvelope(node string, p chat.Presence) []byte {
	data, err := json.Marshal(envelope[any]{Type: envelopePresence, ServerID: node, Payload: p})
	if err != nil {
		panic(err)
	}
	return data
}

// DamagePresence puts into the mail what neither a step nor a restart can take: a session that is none.
func (h *Hub) DamagePresence() {
	h.presences.mail.put(func(l *post) { l.arrived = append(l.arrived, nil) })
}
