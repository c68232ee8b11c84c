package realtime

import "github.com/parley-chat/parley/internal/protocol"

// Tell sends an event to everybody who is connected to this node.
func (h *Hub) Tell(e protocol.Event) {
	frame := protocol.Encode(e)
	for _, s := range h.sessions.all() {
		s.Send(frame)
	}
}

func (r *registry) all() []*Session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []*Session
	for _, sessions := range r.byUser {
		out = append(out, sessions...)
	}
	return out
}
