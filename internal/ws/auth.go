package ws

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

// Verifier says who an access token speaks for. *[auth.Service] is one.
type Verifier interface {
	Verify(token string) (auth.Identity, error)
}

// introduce takes the first frame, which must be auth (C4.2).
func (c *conn) introduce(command protocol.Command) {
	m, first := command.(*protocol.Auth)
	if !first {
		c.refuse(&chat.Error{Code: chat.CodeUnauthorized, Message: "The first frame must be auth."})
		return
	}
	c.deep = true
	device, err := chat.CheckDevice(m.DeviceID, m.DeviceType)
	if err == nil {
		err = checkActivity(m.Status)
	}
	if err != nil {
		c.refuse(err)
		return
	}
	identity, err := c.server.admit(m.Token, &c.place)
	if err != nil {
		c.refuse(err)
		return
	}
	c.welcome(identity, m.Token, device, chat.Status(m.Status))
}

// admit checks a token and counts the connection: how many its person opens, and how many they have.
func (s *Server) admit(token string, held *place) (auth.Identity, error) {
	identity, err := s.verifier.Verify(token)
	if err != nil {
		return auth.Identity{}, err
	}
	r := s.limiter.Take(context.Background(), s.cfg.Rules.Connect, string(identity.User))
	if !r.Allowed {
		return auth.Identity{}, &chat.Error{Code: chat.CodeRateLimited, Message: "Too many connections. Wait a moment.", RetryAfter: r.RetryAfter}
	}
	return identity, s.places.name(held, identity.User)
}

// welcome begins the session. Who was away before they reconnected is not told as online in between.
func (c *conn) welcome(identity auth.Identity, token string, device chat.Device, status chat.Status) {
	c.login, c.expires = identity.Login, identity.ExpiresAt
	c.session = c.server.hub.Open(c.server.ctx, identity.User, identity.Login, c.out)
	c.server.cfg.Log.Info("connection opened", "event", "websocket.connected", "traceId", c.trace.TraceID(), "userId", identity.User, "sessionId", c.session.ID)
	// A login that ended since it was checked did not find this session.
	if _, err := c.server.verifier.Verify(token); err != nil {
		c.refuse(err)
		return
	}
	c.presence = c.server.rules.Attend(identity.User, identity.Login, device, c.trace)
	c.presence.Heartbeat(time.Now(), status, device, c.trace)
	c.succeed()
	c.server.hub.Welcome(c.session)
}

// renew goes on with a fresh token of the same person (C4.3).
func (c *conn) renew(m *protocol.Auth) {
	_, err := chat.CheckDevice(m.DeviceID, m.DeviceType)
	if err == nil {
		err = checkActivity(m.Status)
	}
	if err != nil {
		c.refuse(err)
		return
	}
	identity, err := c.server.verifier.Verify(m.Token)
	if err == nil && identity.User != c.session.User {
		err = &chat.Error{Code: chat.CodeAuthFailed, Message: "This token is somebody else's."}
	}
	if err != nil {
		c.refuse(err)
		return
	}
	if identity.Login != c.login {
		c.server.hub.ChangeLogin(c.session, identity.Login)
		c.presence.Relogin(identity.Login, c.acting)
		// A login that ended since it was checked did not find this session.
		if _, err := c.server.verifier.Verify(m.Token); err != nil {
			c.refuse(err)
			return
		}
	}
	c.login, c.expires, c.due.warned = identity.Login, identity.ExpiresAt, false
	c.succeed()
}

func (c *conn) succeed() {
	c.send(protocol.AuthSuccess{
		UserID: string(c.session.User), SessionID: string(c.session.ID), ServerID: c.server.hub.NodeID(),
		ExpiresAt: protocol.FormatTime(c.expires),
	})
	c.arm(time.Now())
}

// refuse says why, and closes: with 4401 only when a fresh token helps (C4.9).
func (c *conn) refuse(err error) {
	e := chat.AsError(err)
	c.send(protocol.AuthErrorOf(e, c.trace))
	c.out.End(realtime.Closing{Code: protocol.CloseOf(e.Code), Reason: string(e.Code)})
}
