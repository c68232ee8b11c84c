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
	opened moment
	heard  moment // the last whole frame
	ping   moment
	look   moment // when to look for acks that are owed; zero while the client never acknowledged
	held   moment // when to tell the acks that are held; zero when none is
	warned bool   // auth:expiring has been sent for this token
}

// moment is a time in nanoseconds since the server began ([Server.at]), which does not jump with the clock. A
// connection keeps many, and a [time.Time] is thrice as large.
type moment int64

func (m moment) add(d time.Duration) moment { return m + moment(d) }

func (m moment) since(earlier moment) time.Duration { return time.Duration(m - earlier) }

// tick does what is due and sets the next deadline. It reports false when there is nothing more to
// wait for.
func (c *conn) tick(now time.Time) bool {
	if ended := c.endedAt.Load(); ended != 0 {
		return now.Sub(time.Unix(0, ended)) < closeWithin
	}
	at := c.server.at(now)
	switch {
	case c.session == nil && at.since(c.due.opened) >= authWithin:
		c.refuse(&chat.Error{Code: chat.CodeAuthFailed, Message: "No token came within 10 seconds."})
	case at.since(c.due.heard) >= silentFor:
		c.out.End(realtime.Closing{Code: protocol.CloseSilent, Reason: "nothing was heard for 30 seconds"})
	case c.session != nil && !now.Before(c.expires):
		c.refuse(&chat.Error{Code: chat.CodeAuthFailed, Message: "The token has expired."})
	default:
		c.remind(now)
	}
	c.arm(now)
	return true
}

func (c *conn) remind(now time.Time) {
	at := c.server.at(now)
	if at >= c.due.ping {
		c.out.Send(pingFrame)
		c.due.ping = at.add(pingEvery)
	}
	if c.session == nil {
		return
	}
	if !c.due.warned && !now.Before(c.expires.Add(-warnBefore)) {
		c.due.warned = true
		c.send(protocol.AuthExpiring{ExpiresAt: protocol.FormatTime(c.expires)})
	}
	if c.due.held != 0 && at >= c.due.held {
		c.tellHeld(at)
	}
	if c.due.look != 0 && at >= c.due.look {
		c.due.look = at.add(realtime.AckWithin)
		if owed := c.server.hub.Resend(c.session); !owed.IsZero() {
			c.due.look = c.server.at(owed)
		}
	}
}

// ask has the client pinged at a time, if that is sooner than it would be; zero is none.
func (c *conn) ask(at, now time.Time) {
	if at.IsZero() {
		return
	}
	if ping := c.server.at(at); ping < c.due.ping {
		c.due.ping = ping
		c.arm(now)
	}
}

// arm sets the read deadline to what is due next.
func (c *conn) arm(now time.Time) {
	next := min(c.due.heard.add(silentFor), c.due.ping)
	if c.session == nil {
		next = min(next, c.due.opened.add(authWithin))
	}
	if c.due.look != 0 {
		next = min(next, c.due.look)
	}
	if c.due.held != 0 {
		next = min(next, c.due.held)
	}
	deadline := c.server.time(next)
	if c.session != nil {
		expires := c.expires
		if !c.due.warned {
			expires = expires.Add(-warnBefore)
		}
		if expires.Before(deadline) {
			deadline = expires
		}
	}
	_ = c.net.SetReadDeadline(deadline)
	// The end may have come between; it sets its own deadline, which must be the last.
	if c.out.Ended() {
		_ = c.net.SetReadDeadline(now.Add(closeWithin))
	}
}
