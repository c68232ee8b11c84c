package ws

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// noteActivity notes that the person does something: they write, or read. What a client does by itself says nothing of them.
func (c *conn) noteActivity(command protocol.Command, now time.Time) {
	switch command.(type) {
	case *protocol.SendMessage, *protocol.EditMessage, *protocol.DeleteMessage, *protocol.StartTyping, *protocol.Read:
		c.presence.Active(now, c.acting)
	}
}

// heartbeat takes what the client says of its person (C7.1). That it lives every frame says (C4.4).
func (c *conn) heartbeat(ctx context.Context, m *protocol.Heartbeat, now time.Time) {
	device, err := chat.CheckDevice(m.DeviceID, m.DeviceType)
	if err == nil {
		err = checkActivity(m.Status)
	}
	if err != nil {
		c.presenceProblem(ctx, err)
		return
	}
	of := c.acting
	beat := func(context.Context) { c.presence.Heartbeat(now, chat.Status(m.Status), device, of) }
	switch {
	case c.sights == nil || c.sights.idle():
		beat(context.Background())
	case !c.later(c.sights, 0, beat):
		c.presenceProblem(ctx, busy())
	}
}

// checkActivity holds the rule for what a client says of its person on a device; it may say nothing.
func checkActivity(status string) error {
	switch chat.Status(status) {
	case "", chat.StatusOnline, chat.StatusAway:
		return nil
	}
	return chat.Invalid("status", "status must be \"online\" or \"away\".")
}

// setPresence is answered by nothing but what the person's own sessions are told of themselves. It holds for a client that has
// closed at once, too.
func (c *conn) setPresence(ctx context.Context, m *protocol.SetPresence) {
	c.askPresence(ctx, func(ctx context.Context) error {
		return c.server.rules.SetPresence(ctx, c.session.User, c.presence, chat.Status(m.Status))
	})
}

// subscribePresence has people followed explicitly, and answers with the presence of those (C7.4).
func (c *conn) subscribePresence(ctx context.Context, ids []string) {
	c.follow(ctx, ids, c.server.rules.FollowPresence)
}

func (c *conn) unsubscribePresence(ctx context.Context, ids []string) {
	c.follow(ctx, ids, c.server.rules.UnfollowPresence)
}

func (c *conn) follow(ctx context.Context, ids []string, do func(context.Context, chat.UserID, []chat.UserID) error) {
	users := make([]chat.UserID, len(ids))
	for i, id := range ids {
		users[i] = chat.UserID(id)
	}
	c.askPresence(ctx, func(ctx context.Context) error {
		err := do(ctx, c.session.User, users)
		if err == nil {
			c.server.hub.ShowPresence(ctx, c.session, users)
		}
		return err
	})
}

// askPresence has done what may wait for the database, after what was asked of presence before it, so that the client's acks
// and pings do not wait for it, too.
func (c *conn) askPresence(ctx context.Context, do func(context.Context) error) {
	if !c.aside(&c.sights, func(ctx context.Context) {
		err := c.limited(ctx, c.server.cfg.Rules.ChangeAnything, string(c.session.User))
		if err == nil {
			err = do(ctx)
		}
		if err != nil {
			c.presenceProblem(ctx, err)
		}
	}) {
		c.presenceProblem(ctx, busy())
	}
}

// presenceProblem names the member that is wrong, since there is nothing else that it is about.
func (c *conn) presenceProblem(ctx context.Context, err error) {
	c.problem(ctx, err, chat.AsError(err).Field)
}

// exit is what the end of the connection says of the device. Of one that took nothing any more it says nothing: its network may
// be gone.
func (c *conn) exit() chat.Exit {
	switch c.closing.Code {
	case protocol.CloseSilent, protocol.CloseSlow:
		return chat.ExitSilent
	case protocol.CloseLoginEnded:
		return chat.ExitSignedOut
	}
	return chat.ExitClosed
}
