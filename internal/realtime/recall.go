package realtime

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// recallWithin is how long what is remembered is waited for: the goroutine that has it may be beginning anew.
const recallWithin = time.Second

// recall asks what is remembered of people.
type recall struct {
	users []chat.UserID
	done  chan map[chat.UserID]chat.Presence
}

// Remembered returns what those who watch these people on this node were told of them last. Who is missing is watched by
// nobody here, or nothing was known of them yet.
func (h *Hub) Remembered(ctx context.Context, users []chat.UserID) map[chat.UserID]chat.Presence {
	ctx, cancel := context.WithTimeout(ctx, recallWithin)
	defer cancel()
	r := recall{users: users, done: make(chan map[chat.UserID]chat.Presence, 1)}
	h.presences.mail.put(func(l *post) { l.recalls = append(l.recalls, r) })
	select {
	case known := <-r.done:
		return known
	case <-ctx.Done():
		return nil
	}
}

// recall answers with what was told.
func (p *presences) recall(r recall) {
	known := make(map[chat.UserID]chat.Presence, len(r.users))
	for _, u := range r.users {
		if t := p.targets[u]; t != nil && t.known {
			known[u] = t.told
		}
	}
	r.done <- known
}
