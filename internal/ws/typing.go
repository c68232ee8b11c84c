package ws

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// typingEvery is how often a typing:start is listened to while somebody types in a conversation (C4.7).
	typingEvery = 3 * time.Second
	// maxBegun is how often a connection may begin to type at once, in all conversations together; after
	// that it may every begunEvery. People stay far below; a flood of starts and stops does not.
	maxBegun   = 10
	begunEvery = time.Second
	// maxTyping bounds the conversations that are remembered for that.
	maxTyping = 64
)

// typing remembers in which conversations the person types, and when a typing:start was last listened to.
type typing struct {
	started map[chat.ConversationID]moment
	begun   moment // until when the beginnings so far use up what is allowed
}

// start reports whether to pass on that the person types.
func (t *typing) start(id chat.ConversationID, now moment) bool {
	last, typing := t.started[id]
	if typing && now.since(last) < typingEvery {
		return false
	}
	if !typing {
		t.begun = max(t.begun, now)
		if t.begun.since(now) > (maxBegun-1)*begunEvery {
			return false
		}
		t.begun = t.begun.add(begunEvery)
	}
	if t.started == nil || len(t.started) >= maxTyping {
		t.started = make(map[chat.ConversationID]moment)
	}
	t.started[id] = now
	return true
}

// over notes that the person has stopped or sent what they typed: the next start is a beginning.
func (t *typing) over(id chat.ConversationID) { delete(t.started, id) }

// startTyping passes on that the person types; what comes too often is not an error and not passed on.
func (c *conn) startTyping(ctx context.Context, m *protocol.StartTyping, now time.Time) {
	id := chat.ConversationID(m.ConversationID)
	if !c.typing.start(id, c.server.at(now)) || c.server.rules.Shed(chat.WorkTyping) {
		return
	}
	if err := c.server.rules.Typing(ctx, c.session.User, id, true, c.session.ID); err != nil {
		c.problem(ctx, err, m.ConversationID)
	}
}

func (c *conn) stopTyping(ctx context.Context, m *protocol.StopTyping) {
	id := chat.ConversationID(m.ConversationID)
	c.typing.over(id)
	if err := c.server.rules.Typing(ctx, c.session.User, id, false, c.session.ID); err != nil {
		c.problem(ctx, err, m.ConversationID)
	}
}
