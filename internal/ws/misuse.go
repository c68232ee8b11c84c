package ws

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

const (
	// maxBroken is how many broken frames in brokenWindow close the connection (C4.1).
	maxBroken    = 10
	brokenWindow = time.Minute
	// maxRefused is how many frames over the rate are answered before the connection is closed with 4429.
	maxRefused = 100
)

// misuse remembers what a client does wrong.
type misuse struct {
	broken  []time.Time // the last ones, oldest first
	refused int         // frames over the rate since one was allowed
}

// broken answers a frame that is no command.
func (c *conn) broken(command protocol.Command, err error, now time.Time) {
	c.server.counters.commands.Add(1)
	if m, sends := command.(*protocol.SendMessage); sends && c.session != nil {
		c.send(protocol.MessageErrorOf(err, m.ClientMessageID, c.acting))
	} else {
		c.send(protocol.ProblemOf(err, chat.AsError(err).Field, c.acting))
	}
	c.misuse.broken = append(c.misuse.broken, now)
	if len(c.misuse.broken) < maxBroken {
		return
	}
	if now.Sub(c.misuse.broken[0]) <= brokenWindow {
		c.out.End(realtime.Closing{Code: protocol.ClosePolicy, Reason: "too many broken frames"})
	}
	c.misuse.broken = append(c.misuse.broken[:0], c.misuse.broken[1:]...)
}

// withinRate counts a frame. One over the rate is answered and not done; a client that goes on all the
// same is closed with 4429.
func (c *conn) withinRate(command protocol.Command, now time.Time) bool {
	err := c.limited(c.server.ctx, c.server.cfg.Rules.FramesOnASocket, string(c.session.ID))
	if err == nil {
		c.misuse.refused = 0
		return true
	}
	if m, sends := command.(*protocol.SendMessage); sends {
		c.send(protocol.MessageErrorOf(err, m.ClientMessageID, c.acting))
	} else {
		c.send(protocol.ProblemOf(err, "", c.acting))
	}
	if c.misuse.refused++; c.misuse.refused > maxRefused {
		c.out.End(realtime.Closing{Code: protocol.CloseRateLimited, Reason: "too many frames"})
	}
	return false
}

// limited takes one use of a rule, or answers RATE_LIMITED with when to come again. It may wait for a tenth of a second, but for
// frames on a socket, which only this node counts.
func (c *conn) limited(ctx context.Context, rule limit.Rule, key string) error {
	if err := outOfTime(ctx); err != nil {
		return err
	}
	if r := c.server.limiter.Take(ctx, rule, key); !r.Allowed {
		return &chat.Error{Code: chat.CodeRateLimited, Message: "Too many requests. Wait a moment.", RetryAfter: r.RetryAfter}
	}
	return nil
}
