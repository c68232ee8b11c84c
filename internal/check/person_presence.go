package check

import (
	"context"

	"github.com/parley-chat/parley/client"
)

// Return gives the person a new live connection for one that has ended: [client.Live.Run] runs once. o says what it is
// told; Handle and Heard have to pass on to those of the person.
func (p *Person) Return(o client.LiveOptions) { p.Live = p.Client.Live(o) }

// Appear has the person look invisible, or visible again, over REST.
func (p *Person) Appear(ctx context.Context, invisible bool) error {
	call := p.Begin(Operation{Op: Appear, REST: true, Status: client.StatusOnline})
	if invisible {
		call.Status = client.StatusInvisible
	}
	_, err := p.Client.UpdateMe(ctx, client.ProfileEdit{PresenceInvisible: &invisible})
	call.End(err)
	return err
}

// AppearLive asks for a status over the live connection: online, away or invisible. What comes of it is only seen.
func (p *Person) AppearLive(status string) {
	call := p.Begin(Operation{Op: Appear, Async: true, Status: status})
	p.Live.SetPresence(status)
	call.End(errUnanswered)
}

// Idle says over the live connection that nobody is active on the device, or that somebody is.
func (p *Person) Idle(idle bool) {
	call := p.Begin(Operation{Op: Idle, Async: true, On: idle})
	status := client.StatusOnline
	if idle {
		status = client.StatusAway
	}
	p.Live.Heartbeat(status)
	call.End(errUnanswered)
}

// Type says over the live connection that the person types, or has stopped.
func (p *Person) Type(conversation string, typing bool) {
	call := p.Begin(Operation{Op: Type, Async: true, Conversation: conversation, On: typing})
	p.Live.Typing(conversation, typing)
	call.End(errUnanswered)
}

// Share says with whom the person shares their presence: everyone, friends, nobody, or "off".
func (p *Person) Share(ctx context.Context, sharing string) error {
	call := p.Begin(Operation{Op: Sharing, Status: sharing})
	on := sharing != "off"
	edit := client.ProfileEdit{PresenceEnabled: &on}
	if on {
		edit.PresenceSharing = &sharing
	}
	_, err := p.Client.UpdateMe(ctx, edit)
	call.End(err)
	return err
}

// Befriend asks somebody for friendship, or accepts theirs.
func (p *Person) Befriend(ctx context.Context, user string) error {
	call := p.Begin(Operation{Op: Befriend, People: []string{user}})
	friend, err := p.Client.Befriend(ctx, user)
	call.Status = friend.Status
	call.End(err)
	return err
}

// Unfriend ends a friendship or a request.
func (p *Person) Unfriend(ctx context.Context, user string) error {
	call := p.Begin(Operation{Op: Unfriend, People: []string{user}})
	err := p.Client.Unfriend(ctx, user)
	call.End(err)
	return err
}

// Block blocks somebody.
func (p *Person) Block(ctx context.Context, user string) error {
	call := p.Begin(Operation{Op: Block, People: []string{user}})
	_, err := p.Client.Block(ctx, user)
	call.End(err)
	return err
}

// Unblock lifts that.
func (p *Person) Unblock(ctx context.Context, user string) error {
	call := p.Begin(Operation{Op: Unblock, People: []string{user}})
	err := p.Client.Unblock(ctx, user)
	call.End(err)
	return err
}

// Watch follows the presence of people explicitly, over the live connection.
func (p *Person) Watch(users ...string) {
	call := p.Begin(Operation{Op: Watch, Async: true, People: users})
	p.Live.SubscribePresence(users...)
	call.End(errUnanswered)
}

// Logout ends the login.
func (p *Person) Logout(ctx context.Context) error {
	call := p.Begin(Operation{Op: Logout})
	err := p.Client.Logout(ctx)
	call.End(err)
	return err
}
