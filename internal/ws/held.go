package ws

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// heldFor is how long acks are held before it is looked again whether the node has time for them.
	heldFor = time.Second
	// maxHeld bounds in how many conversations they are.
	maxHeld = 500
)

// hold keeps an ack while the node has too much to do, and reports whether it does. Acks are cumulative: of each conversation
// the furthest is told in the end.
func (c *conn) hold(m *protocol.AckMessage, now time.Time) bool {
	id := chat.ConversationID(m.ConversationID)
	_, holds := c.held[id]
	if !holds && len(c.held) >= maxHeld || !c.server.rules.Shed(chat.WorkReceipts) {
		return false
	}
	if c.held == nil {
		c.held = make(map[chat.ConversationID]int64)
	}
	c.held[id] = max(c.held[id], m.Seq)
	// What the client has is not sent to it again.
	c.server.hub.Acknowledge(c.session, id, m.Seq)
	if c.due.held == 0 {
		c.due.held = c.server.at(now).add(heldFor)
		c.arm(now)
	}
	return true
}

// tellHeld tells the acks that are held, when the node has time for them.
func (c *conn) tellHeld(at moment) {
	if c.server.rules.Shed(chat.WorkReceipts) || !c.release() {
		c.due.held = at.add(heldFor)
	}
}

// release has the acks that are held told, beside the reading. It reports false when that cannot be now: too much waits there,
// those before are not told yet, or the node drains and begins nothing more.
func (c *conn) release() bool {
	if len(c.held) == 0 {
		return true
	}
	return !c.telling.Load() && c.tellAll()
}

func (c *conn) tellAll() bool {
	if c.receipts == nil {
		c.receipts = new(jobs)
	}
	if !c.requests.begin() {
		return false
	}
	c.telling.Store(true)
	if !c.tellOn(c.acting, c.held) {
		c.toldAll()
		return false
	}
	c.held, c.due.held = nil, 0
	return true
}

func (c *conn) toldAll() {
	c.telling.Store(false)
	c.requests.finish()
}

// tellOn tells one ack, and the others after what waits by then: a slow database has a request's time for each of them, and
// keeps what came meanwhile waiting for one. It gives up when the connection has ended that long ago.
func (c *conn) tellOn(trace chat.Trace, held map[chat.ConversationID]int64) bool {
	return c.enqueue(c.receipts, job{trace: trace, do: func(ctx context.Context) {
		goesOn := false
		defer func() {
			if !goesOn {
				c.toldAll()
			}
		}()
		for id, seq := range held {
			delete(held, id)
			c.tellOne(ctx, id, seq)
			if ended := c.endedAt.Load(); ended != 0 && time.Since(time.Unix(0, ended)) > requestWithin {
				return
			}
			if goesOn = len(held) > 0 && c.tellOn(trace, held); goesOn {
				return
			}
		}
	}})
}

func (c *conn) tellOne(ctx context.Context, id chat.ConversationID, seq int64) {
	ctx, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	c.acknowledge(ctx, &protocol.AckMessage{ConversationID: string(id), Seq: seq})
}

// releaseLast has them told at the end of the connection. A node that drains begins nothing more beside the reading.
func (c *conn) releaseLast() {
	if len(c.held) == 0 {
		return
	}
	if !c.server.drains() {
		c.tellAll()
		return
	}
	defer c.survive(c.trace)
	ctx, cancel := context.WithTimeout(c.server.ctx, closeWithin)
	defer cancel()
	for id, seq := range c.held {
		c.tellOne(ctx, id, seq)
	}
}
