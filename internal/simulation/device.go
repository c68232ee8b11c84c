package simulation

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	gobwas "github.com/gobwas/ws"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

// device is one client of a person: it keeps a connection to whatever node it finds, follows conversations
// from the rev that it has, and sends again what was not answered.
type device struct {
	w       *world
	name    string
	person  *person
	login   string
	witness *check.Witness
	habit   habit

	mu      sync.Mutex
	socket  *socket // nil while it has none
	online  bool
	leaving bool // it is not to come back
	listed  bool // it has read its list since it came
	awayTo  time.Time
	slowTo  time.Time
	views   map[string]*view
	badges  map[string]badge
	reads   map[string]client.ReadState
	code    int // of the newest close frame
	letters []*letter
	sent    []*letter      // confirmed
	written int            // letters so far
	posted  map[string]int // how often, by key
	wake    chan struct{}
}

// habit is how a device does things.
type habit struct {
	acks    bool
	fromNow bool // it follows from now on instead of from the beginning
	silence time.Duration
}

// badge is what a device was last told of a conversation that it does not follow.
type badge struct {
	unread  int64
	lastSeq int64
}

// socket is one connection of a device.
type socket struct {
	*end
	process *process
	latency time.Duration
	opened  time.Time
	marks   map[string]*mark
	own     map[string]own // by the key of a message of the device's own
	slow    bool           // the device read slowly on it
	asked   time.Time      // when it was last asked for something that the node does before it reads on
}

// mark is what came of a conversation on one socket.
type mark struct {
	live    bool
	last    int64 // rev
	removed bool
}

// own is what a socket was told of a message of its device's own: the rev in each, 0 when it was not told.
type own struct{ sent, received int64 }

func (s *socket) mark(conversation string) *mark {
	m := s.marks[conversation]
	if m == nil {
		m = &mark{}
		s.marks[conversation] = m
	}
	return m
}

func (d *device) log(format string, args ...any) { d.w.journal.add(d.name, format, args...) }

// live keeps a connection until the device is told to leave.
func (d *device) live() {
	for d.wanted() {
		luck := d.w.chance.of("connection of " + d.name)
		err := d.connection(luck)
		wait := luck.between(20*time.Millisecond, 1500*time.Millisecond)
		d.mu.Lock()
		d.offline(err, wait)
		away := time.Until(d.awayTo)
		d.mu.Unlock()
		timer := time.NewTimer(max(wait, away))
		select {
		case <-timer.C:
		case <-d.wake:
			timer.Stop()
		}
	}
}

func (d *device) wanted() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.leaving
}

// connection is the life of one socket.
func (d *device) connection(luck lot) error {
	p := d.w.someProcess(luck)
	if p == nil {
		return errors.New("no node takes connections")
	}
	latency := luck.between(200*time.Microsecond, 40*time.Millisecond)
	conn, err := p.dial(latency)
	if err != nil {
		return err
	}
	s := &socket{end: conn, process: p, latency: latency, opened: time.Now(), marks: make(map[string]*mark), own: make(map[string]own)}
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 4<<10)
	if err := d.handshake(s, reader); err != nil {
		return err
	}
	d.mu.Lock()
	d.socket = s
	d.command(map[string]any{"type": "auth", "token": d.login})
	d.mu.Unlock()
	ticking := make(chan struct{})
	go d.tick(s, ticking)
	err = d.read(s, reader)
	close(ticking)
	return err
}

func (d *device) handshake(s *socket, reader *bufio.Reader) error {
	const request = "GET /ws HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat.v1\r\n\r\n"
	_ = s.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(s, request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("refused with %s", answer.Status)
	}
	return nil
}

// closed is the close frame of the server.
type closed struct{ code gobwas.StatusCode }

func (c closed) Error() string { return fmt.Sprintf("closed with %d", c.code) }

func (d *device) read(s *socket, reader *bufio.Reader) error {
	for {
		d.dawdle(s)
		_ = s.SetReadDeadline(time.Now().Add(d.habit.silence))
		head, err := gobwas.ReadHeader(reader)
		if err != nil {
			return err
		}
		payload := make([]byte, head.Length)
		if _, err := io.ReadFull(reader, payload); err != nil {
			return err
		}
		switch head.OpCode {
		case gobwas.OpPing:
			d.write(s, gobwas.OpPong, payload)
		case gobwas.OpClose:
			code, _ := gobwas.ParseCloseFrameData(payload)
			return closed{code}
		case gobwas.OpText:
			f, err := decode(payload)
			if err != nil {
				d.w.violate("the wire", d.name, "%s is no event: %v", payload, err)
				continue
			}
			d.mu.Lock()
			d.take(s, f)
			d.mu.Unlock()
		}
	}
}

// dawdle makes a slow reader wait.
func (d *device) dawdle(s *socket) {
	for {
		d.mu.Lock()
		wait := time.Duration(0)
		if d.online {
			wait = time.Until(d.slowTo)
		}
		s.slow = s.slow || wait > 0
		d.mu.Unlock()
		if wait <= 0 {
			return
		}
		time.Sleep(min(wait, 100*time.Millisecond))
	}
}

func (d *device) write(s *socket, op gobwas.OpCode, payload []byte) {
	f := gobwas.MaskFrameInPlaceWith(gobwas.NewFrame(op, true, append([]byte(nil), payload...)), [4]byte{1, 2, 3, 4})
	text, err := gobwas.CompileFrame(f)
	if err != nil {
		panic(err)
	}
	_, _ = s.Write(text)
}

// command sends a command over the socket of the moment. The lock is held.
func (d *device) command(fields map[string]any) {
	text, err := json.Marshal(fields, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	if d.socket == nil {
		return
	}
	switch fields["type"] {
	case "message:send", "auth", "subscribe":
	default:
		d.socket.asked = time.Now()
	}
	d.write(d.socket, gobwas.OpText, text)
}

// take acts on one frame. The lock is held.
func (d *device) take(s *socket, f *frame) {
	now := time.Now()
	switch f.Type {
	case "auth:success":
		d.online = true
		d.log("is online at %s", f.ServerID)
		d.witness.Handle(client.Online{UserID: f.UserID, SessionID: f.SessionID, ServerID: f.ServerID})
		d.follow(now)
		for _, l := range d.letters {
			d.post(l)
		}
		d.listed = false
		if first := len(d.views) == 0; first || d.w.chance.of("look "+d.name).is(.35) {
			d.w.errands.Go(func() { _ = d.list() })
		}
	case "auth:error":
		d.log("is refused: %s", f.Code)
	case "subscribed":
		m := s.mark(f.ConversationID)
		m.live, m.removed = false, false
		if v := d.views[f.ConversationID]; v != nil {
			d.tell(v.subscribed(f.LastSeq, f.LastRev))
		}
	case "caught:up":
		m := s.mark(f.ConversationID)
		m.live, m.last = true, max(m.last, f.Rev)
		if v := d.views[f.ConversationID]; v != nil {
			d.tell(v.caughtUp(f.Rev, now)...)
			d.tell(client.CaughtUp{ConversationID: f.ConversationID, Rev: v.complete})
		}
	case "unsubscribed":
		s.mark(f.ConversationID).live = false
		if v := d.views[f.ConversationID]; v != nil && v.phase == following {
			v.phase, v.left = absent, true
		}
		d.follow(now)
	case "message:sent":
		d.twice(s, f.ClientMessageID, f.Rev, 0)
		d.confirmed(f, now)
	case "message:error":
		d.failed(f, now)
	case "system:draining":
		d.log("is asked to leave %s", s.process.id)
	default:
		d.event(s, f, now)
	}
}

func (d *device) tell(events ...client.Event) {
	for _, e := range events {
		d.log("%s", about(e))
		d.witness.Handle(e)
	}
}

// event takes what a frame tells the person. The lock is held.
func (d *device) event(s *socket, f *frame, now time.Time) {
	conversation, rev, e := f.event()
	if e == nil {
		return
	}
	if f.Type == "message:received" && s.mark(conversation).live && !d.habit.acks {
		d.twice(s, f.Message.ClientMessageID, 0, rev)
	}
	d.watch(s, conversation, rev, f.Type)
	v := d.views[conversation]
	if v != nil && !v.left && rev > 0 {
		d.tell(v.offer(rev, e, now)...)
		return
	}
	d.tell(e)
	switch e := e.(type) {
	case client.ConversationAdded:
		d.show(conversation, now)
	case client.MessageReceived:
		if v == nil && s.mark(conversation).live {
			// It was subscribed to while the news was on its way that it is hidden, and is back with this.
			d.w.errands.Go(func() { _ = d.list() })
		}
	case client.ConversationRemoved:
		delete(d.views, conversation)
		delete(d.badges, conversation)
	case client.ReadSynced:
		d.reads[conversation] = e.ReadState
	case client.ConversationActivity:
		d.badges[conversation] = badge{e.UnreadCount, e.LastSeq}
		if v == nil {
			// A direct conversation that was hidden is back (C5.4).
			d.w.errands.Go(func() { _ = d.list() })
		}
	case client.Failed:
		// The server ends a subscription that it cannot go on with.
		s.mark(e.Ref).live = false
		d.refused(e, now)
	}
}

// watch holds what comes on a socket against what is promised of its order. The lock is held.
func (d *device) watch(s *socket, conversation string, rev int64, kind string) {
	m := s.mark(conversation)
	switch kind {
	case "conversation:removed":
		m.live, m.removed = false, true
		return
	case "conversation:added":
		m.removed = false
		return
	case "receipt:synced", "error":
		return
	}
	if m.removed && !d.w.isIn(conversation, d.person) {
		d.w.violate("C3.7", d.name, "%s of %s came after conversation:removed", kind, conversation)
	}
	if rev == 0 || !m.live {
		return
	}
	if rev <= m.last && !d.habit.acks {
		d.w.violate("C3.1", d.name, "%s of %s came at rev %d after rev %d", kind, conversation, rev, m.last)
	}
	m.last = max(m.last, rev)
}

// twice holds what a socket is told of a message of its own against C2.4: of one that was sent once, it is told by
// message:sent or by message:received. The lock is held.
func (d *device) twice(s *socket, key string, sent, received int64) {
	if d.posted[key] != 1 {
		return
	}
	was := s.own[key]
	is := own{max(was.sent, sent), max(was.received, received)}
	if s.own[key] = is; is.sent > 0 && is.sent == is.received && is != was {
		d.w.violate("C2.4", d.name, "was told of %s at rev %d by message:sent and by message:received (first: %+v)", key, is.sent, was)
	}
}

// refused takes an error about a subscribe. The lock is held.
func (d *device) refused(f client.Failed, now time.Time) {
	v := d.views[f.Ref]
	if v == nil || v.phase != requested && v.phase != catchingUp {
		return
	}
	if !f.Err.Retryable {
		delete(d.views, f.Ref)
		return
	}
	v.phase, v.retryAt = absent, now.Add(d.w.chance.of("again "+d.name).between(50*time.Millisecond, time.Second))
}

// show makes sure that a conversation is followed. The lock is held.
func (d *device) show(conversation string, now time.Time) {
	if d.views[conversation] == nil {
		after := int64(0)
		if d.habit.fromNow {
			after = fromNow
		}
		d.views[conversation] = newView(conversation, after)
	}
	d.follow(now)
}

// follow subscribes what is to be followed and is not. The lock is held.
func (d *device) follow(now time.Time) {
	if !d.online {
		return
	}
	var wants []map[string]any
	for _, c := range d.w.inOrder(d.views) {
		v := d.views[c]
		if v.phase != absent || now.Before(v.retryAt) {
			continue
		}
		v.phase, v.left = requested, false
		d.socket.mark(c).removed = false
		want := map[string]any{"conversationId": c}
		if v.complete != fromNow {
			want["afterRev"] = v.complete
		}
		wants = append(wants, want)
		call := d.witness.Begin(check.Operation{Op: check.Subscribe, Conversation: c, AfterRev: v.complete})
		call.End(nil)
	}
	if len(wants) > 0 {
		d.command(map[string]any{"type": "subscribe", "conversations": wants})
	}
}

// offline notes that the connection is over. The lock is held.
func (d *device) offline(err error, wait time.Duration) {
	s := d.socket
	d.socket = nil
	if s != nil {
		d.audit(s, err)
	}
	if d.online {
		d.log("is offline: %v", err)
		d.online = false
	}
	var e *client.Error
	var c closed
	switch {
	case errors.As(err, &c):
		d.code = int(c.code)
		e = &client.Error{Code: client.CodeNetwork, Status: int(c.code), Message: c.Error(), Retryable: true}
	default:
		e = &client.Error{Code: client.CodeNetwork, Message: fmt.Sprint(err), Retryable: true}
	}
	d.witness.Handle(client.Offline{Err: e, RetryIn: wait})
	for _, v := range d.views {
		v.phase, v.left, v.retryAt, v.holeSince, v.holed = absent, false, time.Time{}, time.Time{}, false
	}
}

// tick does what time asks for.
func (d *device) tick(s *socket, over <-chan struct{}) {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-ticker.C:
		}
		d.mu.Lock()
		if d.socket == s && d.online {
			d.tend(time.Now())
		}
		d.mu.Unlock()
	}
}

func (d *device) tend(now time.Time) {
	for _, c := range d.w.inOrder(d.views) {
		v := d.views[c]
		if missing, shown := v.hole(now); missing {
			d.log("has a hole after rev %d of %s", v.complete, c)
			if shown && d.w.stands(c, v.complete+1) {
				d.w.violate("C3.1", d.name, "was shown what comes after rev %d of %s, and not that rev", v.complete+1, c)
			}
			v.phase, v.holeSince, v.holed = absent, time.Time{}, true
		}
		if d.habit.acks && v.phase == following && v.seq > v.acked && now.Sub(v.ackedAt) >= time.Second {
			v.acked, v.ackedAt = v.seq, now
			d.command(map[string]any{"type": "message:ack", "conversationId": c, "seq": v.seq})
		}
	}
	d.follow(now)
	d.overdue(now)
}

// drop ends the connection rudely, and the device stays away for a time.
func (d *device) drop(away time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.awayTo = time.Now().Add(away)
	if d.socket != nil {
		d.log("drops its connection for %v", away)
		d.socket.sever()
	}
}

// leave ends the device for good.
func (d *device) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leaving, d.awayTo = true, time.Time{}
	if d.socket != nil {
		d.socket.sever()
	}
	d.rouse()
}

// comeBack ends an absence and a slowness. The lock is held.
func (d *device) comeBack() {
	d.slowTo, d.awayTo = time.Time{}, time.Time{}
	for _, v := range d.views {
		v.retryAt = time.Time{}
	}
	d.rouse()
}

func (d *device) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// looked reports whether the device has read its list since it came.
func (d *device) looked() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.listed
}

// unfollow ends a subscription by the device's own wish.
func (d *device) unfollow(c string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.views[c]
	if v == nil || v.phase != following {
		return
	}
	d.log("looks away from %s", c)
	v.retryAt = time.Now().Add(time.Hour)
	d.witness.Begin(check.Operation{Op: check.Unsubscribe, Conversation: c}).End(nil)
	d.command(map[string]any{"type": "unsubscribe", "conversationId": c})
}

// refollow goes on where it was.
func (d *device) refollow(c string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.views[c]; v != nil {
		v.retryAt = time.Time{}
	}
	d.follow(time.Now())
}
