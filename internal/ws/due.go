package ws

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

const (
	// authWithin is how long a connection may stay nameless (C4.2).
	authWithin = 10 * time.Second
	// pingEvery and silentFor are C4.4.
	pingEvery = 15 * time.Second
	silentFor = 30 * time.Second
	// warnBefore is when auth:expiring comes (C4.3).
	warnBefore = 60 * time.Second
)

// due is what happens on a connection without anybody doing anything. All of it shares the one read
// deadline; only the reading goroutine touches it.
type due struct {
	opened time.Time
	heard  time.Time // the last whole frame
	ping   time.Time
	warned bool      // auth:expiring has been sent for this token
	look   time.Time // when to look for acks that are owed; zero while the client never acknowledged
}

// tick does what is due and sets the next deadline. It reports false when there is nothing more to
// wait for.
func (c *conn) tick(now time.Time) bool {
	if ended := c.endedAt.Load(); ended != 0 {
		return now.Sub(time.Unix(0, ended)) < closeWithin
	}
	switch {
	case c.session == nil && !now.Before(c.due.opened.Add(authWithin)):
		c.refuse(&chat.Error{Code: chat.CodeAuthFailed, Message: "No token came within 10 seconds."})
	case !now.Before(c.due.heard.Add(silentFor)):
		c.out.End(realtime.Closing{Code: protocol.CloseSilent, Reason: "nothing was heard for 30 seconds"})
	case c.session != nil && !now.Before(c.identity.ExpiresAt):
		c.refuse(&chat.Error{Code: chat.CodeAuthFailed, Message: "The token has expired."})
	default:
		c.remind(now)
	}
	c.arm(now)
	return true
}

func (c *conn) remind(now time.Time) {
	if !now.Before(c.due.ping) {
		c.out.Send(pingFrame)
		c.due.ping = now.Add(pingEvery)
	}
	if c.session == nil {
		return
	}
	if !c.due.warned && !now.Before(c.identity.ExpiresAt.Add(-warnBefore)) {
		c.due.warned = true
		c.send(protocol.AuthExpiring{ExpiresAt: protocol.FormatTime(c.identity.ExpiresAt)})
	}
	if !c.due.look.IsZero() && !now.Before(c.due.look) {
		c.due.look = now.Add(realtime.AckWithin)
		if owed := c.server.hub.Resend(c.session); !owed.IsZero() {
			c.due.look = owed
		}
	}
}

// arm sets the read deadline to what is due next.
func (c *conn) arm(now time.Time) {
	next := c.due.heard.Add(silentFor)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	sooner(c.due.ping)
	if c.session == nil {
		sooner(c.due.opened.Add(authWithin))
	} else {
		sooner(c.identity.ExpiresAt)
		if !c.due.warned {
			sooner(c.identity.ExpiresAt.Add(-warnBefore))
		}
		if !c.due.look.IsZero() {
			sooner(c.due.look)
		}
	}
	_ = c.net.SetReadDeadline(next)
	// The end may have come between; it sets its own deadline, which must be the last.
	if c.out.Ended() {
		_ = c.net.SetReadDeadline(now.Add(closeWithin))
	}
}
