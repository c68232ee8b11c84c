package ws

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

// subscribe follows one conversation or many (C3.3).
func (c *conn) subscribe(ctx context.Context, m *protocol.Subscribe) {
	wants := make([]realtime.Want, 0, 1+len(m.Conversations))
	if m.ConversationID != "" || len(m.Conversations) == 0 {
		wants = append(wants, realtime.Want{Conversation: chat.ConversationID(m.ConversationID), AfterRev: m.AfterRev})
	}
	for _, s := range m.Conversations {
		wants = append(wants, realtime.Want{Conversation: chat.ConversationID(s.ConversationID), AfterRev: s.AfterRev})
	}
	if len(wants) > chat.MaxSubscribe {
		c.problem(ctx, chat.Invalid("conversations", "Subscribe to at most %d conversations at once.", chat.MaxSubscribe), "")
		return
	}
	if !c.later(&c.jobs, len(wants), func(ctx context.Context) { c.server.hub.Subscribe(ctx, c.session, wants) }) {
		c.problem(ctx, busy(), m.ConversationID)
	}
}

func (c *conn) unsubscribe(ctx context.Context, m *protocol.Unsubscribe) {
	if !c.later(&c.jobs, 1, func(context.Context) { c.server.hub.Unsubscribe(c.session, chat.ConversationID(m.ConversationID)) }) {
		c.problem(ctx, busy(), m.ConversationID)
	}
}

func busy() error {
	return &chat.Error{Code: chat.CodeRateLimited, Message: "Too many requests are waiting."}
}
