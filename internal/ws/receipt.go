package ws

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// read moves the person's read position; receipt:synced reaches all their sessions, this one too.
func (c *conn) read(ctx context.Context, m *protocol.Read) {
	if m.MessageID == "" {
		c.problem(ctx, chat.Invalid("messageId", "Say which message has been read."), m.ConversationID)
		return
	}
	if !c.aside(&c.receipts, func(ctx context.Context) { c.advance(ctx, m) }) {
		c.problem(ctx, busy(), m.MessageID)
	}
}

func (c *conn) advance(ctx context.Context, m *protocol.Read) {
	err := c.limited(ctx, c.server.cfg.Rules.Receipts, string(c.session.User))
	if err == nil {
		_, err = c.server.rules.AdvanceRead(ctx, c.session.User, chat.ConversationID(m.ConversationID), chat.MessageID(m.MessageID))
	}
	if err != nil {
		c.problem(ctx, err, m.MessageID)
	}
}

// syncRead takes the client's read position if it is the newer one, and answers with the true one. A
// message that does not exist moves nothing (C6.5).
func (c *conn) syncRead(ctx context.Context, m *protocol.SyncRead) {
	if !c.aside(&c.receipts, func(ctx context.Context) { c.settleRead(ctx, m) }) {
		c.problem(ctx, busy(), m.ConversationID)
	}
}

func (c *conn) settleRead(ctx context.Context, m *protocol.SyncRead) {
	if err := c.limited(ctx, c.server.cfg.Rules.Receipts, string(c.session.User)); err != nil {
		c.problem(ctx, err, m.ConversationID)
		return
	}
	id := chat.ConversationID(m.ConversationID)
	if m.LastReadMessageID != nil && *m.LastReadMessageID != "" {
		_, err := c.server.rules.AdvanceRead(ctx, c.session.User, id, chat.MessageID(*m.LastReadMessageID))
		if err == nil {
			return
		}
		if chat.AsError(err).Code != chat.CodeNotFound {
			c.problem(ctx, err, m.ConversationID)
			return
		}
	}
	state, err := c.server.rules.AdvanceRead(ctx, c.session.User, id, "")
	if err != nil {
		c.problem(ctx, err, m.ConversationID)
		return
	}
	c.send(protocol.ReceiptSynced{ReadState: protocol.ReadStateOf(state)})
}
