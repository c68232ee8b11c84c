package client

import (
	"context"
	"errors"
	"sync"
	"time"
)

// leaveAfter is when a draining node is left that has not closed the connection at the time it named.
const leaveAfter = 500 * time.Millisecond

// maxSubscribe is the most conversations in one subscribe (C3.3).
const maxSubscribe = 500

// LiveOptions are what a live connection may be told.
type LiveOptions struct {
	// Handle is called with every event, one after the other, from the goroutine of [Live.Run]. While it
	// runs nothing else is read, so it must not wait for this connection: [Live.SendAsync] is fine in it,
	// [Live.Send] is not. May be nil.
	Handle func(Event)
	// Heard is called with each change of a followed conversation as the server sends it: before Handle, out of its
	// place, and also when it came before. Programs that watch the server need it. May be nil.
	Heard func(Event)
	// DeviceID and DeviceType name the device to presence; "" leaves it to the server.
	DeviceID   string
	DeviceType string
}

// Live is a connection that comes back. [Live.Run] must run for anything to happen; the other methods
// may be called from any goroutine, before, while and after it runs.
type Live struct {
	client  *Client
	options LiveOptions
	out     *outbox
	asked   chan struct{} // there may be something in asks
	pages   chan page

	mu   sync.Mutex
	asks []func()

	// The rest belongs to the goroutine of Run.
	socket     *socket
	signedIn   bool
	tokenUsed  string
	userID     string
	tracks     map[string]*track
	leaving    map[string]int // unsubscribes that this socket has not answered, by conversation
	readings   readings
	idle       bool          // the person does nothing on this device, by the last heartbeat
	retryAfter time.Duration // asked for by the last RATE_LIMITED of the connection
	leaveAt    time.Time     // when a draining node lets go of us; zero when it is not
}

// Live makes a live connection for the client's person.
func (c *Client) Live(o LiveOptions) *Live {
	if o.Handle == nil {
		o.Handle = func(Event) {}
	}
	return &Live{
		client: c, options: o, out: newOutbox(), asked: make(chan struct{}, 1), pages: make(chan page),
		tracks: map[string]*track{}, leaving: map[string]int{},
	}
}

// Run keeps the connection until ctx ends, and then returns nil, or until trying again is useless, and
// then returns the reason: the login has ended, or the server refuses what this client sends (C4.9).
// Sends that wait are answered with [CodeNetwork]. It may be called once.
func (l *Live) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := l.keepConnected(ctx)
	l.out.end(err)
	return err
}

func (l *Live) keepConnected(ctx context.Context) error {
	for failures := 0; ; {
		l.leaveAt = time.Time{}
		err := l.connection(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if l.signedIn {
			l.signedIn, failures = false, 0
		}
		wait := backoff(failures, max(l.retryAfter, askedFor(err)))
		l.retryAfter = 0
		switch {
		case wantsLogin(err):
			if _, renewErr := l.client.renew(ctx, l.tokenUsed); refused(renewErr) {
				return renewErr
			}
		case !retryable(err):
			return err
		}
		if !l.leaveAt.IsZero() {
			wait = max(0, time.Until(l.leaveAt))
		}
		failures++
		l.options.Handle(Offline{Err: err, RetryIn: wait})
		if !l.rest(ctx, wait) {
			return nil
		}
	}
}

// rest waits between two connections. It reports whether to go on.
func (l *Live) rest(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-l.asked:
			l.runAsks()
		case <-l.pages:
		case <-ctx.Done():
			return false
		}
	}
}

func retryable(err error) bool {
	var e *Error
	return !errors.As(err, &e) || e.Retryable
}

// askedFor is how long the server wants the next try to wait.
func askedFor(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// connection is the life of one socket, from the dial to its end.
func (l *Live) connection(ctx context.Context) error {
	token, err := l.client.AccessToken(ctx)
	if err != nil {
		return err
	}
	l.tokenUsed = token
	l.out.reset()
	l.out.command(l.auth(token))
	if l.socket, err = l.client.dial(ctx, l.out); err != nil {
		return err
	}
	defer l.socket.close()
	clear(l.leaving)
	l.readings.renew()
	for _, t := range l.tracks {
		t.phase, t.retryAt, t.failures, t.holeSince, t.hole = wanted, time.Time{}, 0, time.Time{}, false
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case f := <-l.socket.frames:
			if err := l.frame(ctx, f); err != nil {
				return err
			}
		case err := <-l.socket.failed:
			return l.drained(ctx, err)
		case <-l.asked:
			l.runAsks()
		case p := <-l.pages:
			l.paged(ctx, p)
		case now := <-tick.C:
			if !l.leaveAt.IsZero() && !now.Before(l.leaveAt.Add(leaveAfter)) {
				return networkError("The node is leaving.", nil)
			}
			l.tend(now)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// drained takes what was read before the socket ended, then returns why it ended.
func (l *Live) drained(ctx context.Context, why error) error {
	for {
		select {
		case f := <-l.socket.frames:
			if err := l.frame(ctx, f); err != nil {
				return err
			}
		default:
			return why
		}
	}
}

func (l *Live) auth(token string) command {
	return command{Type: "auth", Token: token, DeviceID: l.options.DeviceID, DeviceType: l.options.DeviceType}
}

// frame acts on one frame of the server.
func (l *Live) frame(ctx context.Context, f *frame) error {
	if l.outlived(f) {
		return nil
	}
	switch f.Type {
	case "auth:success":
		l.online(f)
	case "auth:error":
		e := f.err()
		e.Retryable = repeatable(e.Code)
		return e
	case "auth:expiring":
		go l.renewOnSocket(ctx, l.tokenUsed)
	case "subscribed":
		if t := l.tracks[f.ConversationID]; t != nil {
			l.options.Handle(t.subscribed(f.LastSeq, f.LastRev, f.HasMore))
		}
	case "caught:up":
		l.caughtUp(ctx, f)
	case "message:sent":
		l.confirmed(f)
	case "message:error":
		if s := l.out.remove(f.ClientMessageID); s != nil {
			s.answer(Sent{}, f.err())
		}
	case "system:draining":
		l.leaveAt = time.Now().Add(time.Duration(f.ReconnectInMS) * time.Millisecond)
	default:
		l.event(f)
	}
	return nil
}

// outlived reports whether a frame belongs to a subscription that was given up for another one: until the
// server has answered the unsubscribe, what it tells of the conversation is of the former.
func (l *Live) outlived(f *frame) bool {
	id := f.ConversationID
	switch f.Type {
	case "unsubscribed":
		if l.leaving[id]--; l.leaving[id] <= 0 {
			delete(l.leaving, id)
		}
		return true
	case "subscribed", "caught:up":
	case "message:received", "message:updated", "message:deleted":
		if f.Message.ConversationID != "" {
			id = f.Message.ConversationID
		}
	case "error":
		id = f.Ref
	default:
		return false
	}
	return l.leaving[id] > 0 && l.tracks[id] != nil
}

func (l *Live) online(f *frame) {
	if l.signedIn {
		return // a fresh token on the same socket
	}
	l.signedIn, l.userID = true, f.UserID
	if l.idle {
		l.out.command(command{Type: "presence:heartbeat", Status: StatusAway})
	}
	l.tend(time.Now())
	l.out.release()
	l.options.Handle(Online{UserID: f.UserID, SessionID: f.SessionID, ServerID: f.ServerID, ExpiresAt: f.ExpiresAt})
}

// renewOnSocket answers auth:expiring. When it fails the server closes with 4401 and the ordinary way
// back is gone.
func (l *Live) renewOnSocket(ctx context.Context, stale string) {
	fresh, err := l.client.renew(ctx, stale)
	if err != nil {
		return
	}
	l.ask(func() {
		l.tokenUsed = fresh
		l.out.command(l.auth(fresh))
	})
}

// confirmed answers a send and gives the message its place among the others.
func (l *Live) confirmed(f *frame) {
	s := l.out.remove(f.ClientMessageID)
	if s == nil {
		return
	}
	m := Message{
		ID: f.MessageID, ConversationID: s.draft.ConversationID, SenderID: l.userID, Seq: f.Seq, Rev: f.Rev,
		Content: s.draft.Content, ContentType: "text", ClientMessageID: f.ClientMessageID,
		CreatedAt: f.Timestamp, UpdatedAt: f.Timestamp,
	}
	s.answer(Sent{
		ConversationID: m.ConversationID, ClientMessageID: m.ClientMessageID, MessageID: m.ID,
		Seq: m.Seq, Rev: m.Rev, Timestamp: m.CreatedAt,
	}, nil)
	if t := l.tracks[m.ConversationID]; t != nil {
		l.hand(t.offer(m.Rev, MessageReceived{Message: m, Own: true}, time.Now()))
	}
}

// event hands an event over, in its place when it has one.
func (l *Live) event(f *frame) {
	e := f.event()
	if e == nil {
		return
	}
	conversation, rev := place(e)
	if t := l.tracks[conversation]; t != nil && rev > 0 && l.leaving[conversation] == 0 {
		if l.options.Heard != nil {
			l.options.Heard(e)
		}
		l.hand(t.offer(rev, e, time.Now()))
		return
	}
	switch e := e.(type) {
	case ConversationRemoved:
		delete(l.tracks, e.ConversationID)
		l.readings.forget(e.ConversationID)
	case ReadSynced:
		l.readings.answered(e.ReadState)
	case Failed:
		l.refusedFor(e)
	}
	l.options.Handle(e)
}

// refusedFor notes what an error means to the connection itself.
func (l *Live) refusedFor(f Failed) {
	if !f.Err.Retryable && f.Ref != "" {
		l.readings.refused(f.Ref)
	}
	if retryOf(f.Err.Code) == retryWait && f.Ref == "" {
		l.retryAfter = f.Err.RetryAfter
	}
	t := l.tracks[f.Ref]
	if t == nil || t.phase != requested && t.phase != catchingUp {
		return
	}
	l.repair(t, f.Err)
}

// repair has a conversation subscribed again of which something could not be read. It reports false when that is
// given up.
func (l *Live) repair(t *track, err error) bool {
	wait, again := repairIn(err, t.failures)
	if !again {
		delete(l.tracks, t.conversation)
		return false
	}
	t.failures++
	t.phase, t.retryAt = wanted, time.Now().Add(wait)
	return true
}

func (l *Live) hand(events []Event) {
	for _, e := range events {
		l.options.Handle(e)
	}
}

// tend does what time asks for: subscribe what is wanted or has a hole, acknowledge what was handed over, say again what
// was read.
func (l *Live) tend(now time.Time) {
	if !l.signedIn {
		return
	}
	var subscribe []subscription
	for _, t := range l.tracks {
		if t.lost(now) {
			t.phase, t.holeSince, t.hole = wanted, time.Time{}, true
		}
		if t.phase == wanted && !now.Before(t.retryAt) {
			t.phase = requested
			s := subscription{ConversationID: t.conversation}
			if t.complete != FromNow {
				after := t.complete
				s.AfterRev = &after
			}
			subscribe = append(subscribe, s)
		}
		if t.owesAck(now) {
			t.acked, t.ackedAt = t.seq, now
			l.out.command(command{Type: "message:ack", ConversationID: t.conversation, Seq: t.seq})
		}
	}
	for len(subscribe) > 0 {
		n := min(len(subscribe), maxSubscribe)
		l.out.command(command{Type: "subscribe", Conversations: subscribe[:n]})
		subscribe = subscribe[n:]
	}
	for _, c := range l.readings.due(now) {
		l.out.command(c)
	}
}

// ask has f run by the goroutine of Run.
func (l *Live) ask(f func()) {
	l.mu.Lock()
	l.asks = append(l.asks, f)
	l.mu.Unlock()
	select {
	case l.asked <- struct{}{}:
	default:
	}
}

func (l *Live) runAsks() {
	l.mu.Lock()
	asks := l.asks
	l.asks = nil
	l.mu.Unlock()
	for _, f := range asks {
		f()
	}
}
