package ws

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// typingEvery is how often a typing:start is listened to in a conversation (C4.7).
	typingEvery = 3 * time.Second
	// maxTyping bounds the conversations that are remembered for that.
	maxTyping = 64
)

// typing remembers when a typing:start was last listened to.
type typing struct {
	started map[chat.ConversationID]time.Time
}

// startTyping passes on that the person types; what comes too often is not an error and not passed on.
func (c *conn) startTyping(ctx context.Context, m *protocol.StartTyping, now time.Time) {
	id := chat.ConversationID(m.ConversationID)
	if last, typed := c.typing.started[id]; typed && now.Sub(last) < typingEvery {
		return
	}
	if c.typing.started == nil || len(c.typing.started) >= maxTyping {
		c.typing.started = make(map[chat.ConversationID]time.Time)
	}
	c.typing.started[id] = now
	if err := c.server.rules.Typing(ctx, c.session.User, id, true, c.session.ID); err != nil {
		c.problem(err, m.ConversationID)
	}
}

func (c *conn) stopTyping(ctx context.Context, m *protocol.StopTyping) {
	if err := c.server.rules.Typing(ctx, c.session.User, chat.ConversationID(m.ConversationID), false, c.session.ID); err != nil {
		c.problem(err, m.ConversationID)
	}
}
