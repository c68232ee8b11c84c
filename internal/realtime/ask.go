package realtime

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// ShowPresence answers a session with presence:state of these people as its person may see them.
func (h *Hub) ShowPresence(context.Context, *Session, []chat.UserID) {}
