package ws

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

// sendMessage hands a message to the rules, whose answer goes straight to this session.
func (c *conn) sendMessage(ctx context.Context, m *protocol.SendMessage) {
	trace := c.acting
	if err := c.limited(ctx, c.server.cfg.Rules.Send, string(c.session.User)); err != nil {
		c.send(protocol.MessageErrorOf(err, m.ClientMessageID, trace))
		return
	}
	c.typing.over(chat.ConversationID(m.ConversationID))
	if !c.requests.begin() {
		return
	}
	c.server.rules.SendMessage(chat.Submission{
		Conversation: chat.ConversationID(m.ConversationID), Sender: c.session.User, ClientMessageID: m.ClientMessageID,
		Content: m.Content, ContentType: m.ContentType, Origin: c.session.ID, Trace: trace,
	}, func(sent chat.Sent, err error) {
		if err != nil && chat.AsError(err).Reason == chat.ReasonOverloaded {
			// It comes before SendMessage returns, to the reading goroutine, and is finished when it is answered.
			refusal := protocol.MessageErrorOf(err, m.ClientMessageID, trace)
			c.refusals = append(c.refusals, protocol.AppendMessageError(make([]byte, 0, 320), &refusal))
			return
		}
		defer c.requests.finish()
		if err != nil {
			c.send(protocol.MessageErrorOf(err, m.ClientMessageID, trace))
			return
		}
		confirmation := protocol.AppendMessageSent(make([]byte, 0, 320), &sent.Message)
		c.server.hub.Mark(confirmation, trace)
		c.out.Send(confirmation)
	})
}

// editMessage answers only failures: the edited message reaches everyone who follows, the editor too.
func (c *conn) editMessage(ctx context.Context, m *protocol.EditMessage) {
	c.changeMessage(ctx, m.MessageID, func(ctx context.Context) error {
		_, err := c.server.rules.EditMessage(ctx, c.session.User, chat.ConversationID(m.ConversationID), chat.MessageID(m.MessageID), m.Content)
		return err
	})
}

func (c *conn) deleteMessage(ctx context.Context, m *protocol.DeleteMessage) {
	c.changeMessage(ctx, m.MessageID, func(ctx context.Context) error {
		_, err := c.server.rules.DeleteMessage(ctx, c.session.User, chat.ConversationID(m.ConversationID), chat.MessageID(m.MessageID))
		return err
	})
}

// changeMessage has a message changed, after the changes before it.
func (c *conn) changeMessage(ctx context.Context, id string, change func(context.Context) error) {
	if !c.aside(&c.changes, func(ctx context.Context) {
		err := c.limited(ctx, c.server.cfg.Rules.ChangeAnything, string(c.session.User))
		if err == nil {
			err = change(ctx)
		}
		if err != nil {
			c.problem(ctx, err, id)
		}
	}) {
		c.problem(ctx, busy(), id)
	}
}

// ackMessage notes how far the client has a conversation (C3.4).
func (c *conn) ackMessage(ctx context.Context, m *protocol.AckMessage, now time.Time) {
	if !c.hold(m, now) && !c.aside(&c.receipts, func(ctx context.Context) { c.acknowledge(ctx, m) }) {
		c.problem(ctx, busy(), m.ConversationID)
	}
	if c.due.look == 0 {
		c.due.look = c.server.at(now).add(realtime.AckWithin)
		c.arm(now)
	}
}

func (c *conn) acknowledge(ctx context.Context, m *protocol.AckMessage) {
	id := chat.ConversationID(m.ConversationID)
	err := c.limited(ctx, c.server.cfg.Rules.Receipts, string(c.session.User))
	if err == nil {
		err = c.server.rules.AcknowledgeDelivery(ctx, c.session.User, id, m.Seq)
	}
	if err != nil {
		c.problem(ctx, err, m.ConversationID)
		return
	}
	c.server.hub.Acknowledge(c.session, id, m.Seq)
	c.server.cfg.Log.Debug("messages delivered", "event", "message.delivered", "userId", c.session.User, "conversationId", id, "upToSeq", m.Seq)
}
