package check

import (
	"context"
	"sync"

	"github.com/parley-chat/parley/client"
)

// showing is of whose reading a client is shown, and where.
type showing struct{ conversation, user string }

// Person is one client of package client of which everything is recorded: what is done through the
// methods below, and all that its live connection delivers. The methods may be called from any goroutine.
type Person struct {
	*Witness
	Client *client.Client
	Live   *client.Live

	sending sync.Mutex        // a send is noted and queued in one step, so that their orders agree
	revs    map[string]int64  // under the recorder's lock
	shown   map[showing]int64 // how far others were shown to have read, under the recorder's lock
	heard   map[string]int64  // the newest rev since the last subscribe was answered; of the live connection's goroutine
}

// Person makes the client of a signed-in c. name is unique in the run; one user may have several, each
// with a client of its own. group is the lane in the time line.
func (r *Recorder) Person(name, group string, user client.User, c *client.Client) *Person {
	p := &Person{Witness: r.Witness(name, group), Client: c, revs: make(map[string]int64), shown: make(map[showing]int64), heard: make(map[string]int64)}
	p.SignedIn(user.ID)
	p.seen = p.advance
	p.Live = c.Live(client.LiveOptions{Handle: p.Handle, Heard: p.Hear, DeviceID: name})
	return p
}

// Handle notes an event of the live connection.
func (p *Person) Handle(e client.Event) {
	if c, is := e.(client.CatchingUp); is {
		delete(p.heard, c.ConversationID)
	}
	p.Witness.Handle(e)
}

// Hear notes what the client puts right in silence: what a server sends of one subscription rises. It is made for
// [client.LiveOptions].
func (p *Person) Hear(e client.Event) {
	var m client.Message
	switch e := e.(type) {
	case client.MessageReceived:
		m = e.Message
	case client.MessageUpdated:
		m = e.Message
	case client.MessageDeleted:
		m = e.Message
	default:
		return
	}
	if before := p.heard[m.ConversationID]; m.Rev <= before {
		p.Observe(Observation{Event: Disordered, Conversation: m.ConversationID, Message: m.ID, Seq: m.Seq, Rev: m.Rev, AfterRev: before})
	}
	p.heard[m.ConversationID] = max(p.heard[m.ConversationID], m.Rev)
}

// advance notes how far a conversation has been delivered, in one step with its record, so that whoever
// waits for a rev finds what brought it in the history.
func (p *Person) advance(o *Observation) {
	switch o.Event {
	case MessageReceived, MessageUpdated, MessageDeleted, ConversationUpdated, CaughtUp:
		p.revs[o.Conversation] = max(p.revs[o.Conversation], o.Rev)
	case ReadUpdated:
		p.shown[showing{o.Conversation, o.Peer}] = o.Seq
	}
}

// Shown is how far the live connection was last told that somebody has read a conversation; 0 for not at all.
func (p *Person) Shown(conversation, user string) int64 {
	p.recorder.mu.Lock()
	defer p.recorder.mu.Unlock()
	return p.shown[showing{conversation, user}]
}

// Rev is the highest rev of a conversation that the live connection has delivered; 0 for none.
func (p *Person) Rev(conversation string) int64 {
	p.recorder.mu.Lock()
	defer p.recorder.mu.Unlock()
	return p.revs[conversation]
}

// Run keeps the live connection until ctx ends, as [client.Live.Run] does.
func (p *Person) Run(ctx context.Context) error {
	p.Begin(Operation{Op: Connect}).End(nil)
	err := p.Live.Run(ctx)
	p.Begin(Operation{Op: Disconnect}).End(err)
	return err
}

// Subscribe follows a conversation from afterRev on; see [client.Live.Subscribe].
func (p *Person) Subscribe(conversation string, afterRev int64) {
	call := p.Begin(Operation{Op: Subscribe, Conversation: conversation, AfterRev: afterRev})
	p.Live.Subscribe(conversation, afterRev)
	call.End(nil)
}

// Unsubscribe stops following a conversation.
func (p *Person) Unsubscribe(conversation string) {
	call := p.Begin(Operation{Op: Unsubscribe, Conversation: conversation})
	p.Live.Unsubscribe(conversation)
	call.End(nil)
}

// Send sends over the live connection and returns when it is answered, over as many sockets as it takes,
// or, when ctx ended, given up.
func (p *Person) Send(ctx context.Context, d client.Draft) (sent client.Sent, err error) {
	answered := make(chan struct{})
	key := p.SendAsync(d, func(s client.Sent, e error) {
		sent, err = s, e
		close(answered)
	})
	select {
	case <-answered:
	case <-ctx.Done():
		p.Live.GiveUp(key, context.Cause(ctx))
		<-answered
	}
	return sent, err
}

// SendAsync is Send without waiting; see [client.Live.SendAsync]. answer must not send again.
func (p *Person) SendAsync(d client.Draft, answer func(client.Sent, error)) (clientMessageID string) {
	if d.ClientMessageID == "" {
		d.ClientMessageID = client.NewClientMessageID()
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	call := p.Begin(Operation{Op: Send, Conversation: d.ConversationID, Key: d.ClientMessageID, Body: DigestOf(d.Content)})
	return p.Live.SendAsync(d, func(sent client.Sent, err error) {
		call.Message, call.Seq, call.Rev, call.CreatedAt = sent.MessageID, sent.Seq, sent.Rev, micro(&sent.Timestamp)
		call.End(err)
		answer(sent, err)
	})
}
