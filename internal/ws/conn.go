package ws

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

// requestWithin bounds what a frame may take that has to wait for something, beside the reading.
const requestWithin = 3 * time.Second

// readPause is how long a connection is not read on which a send was refused for want of time: what comes meanwhile is refused
// together, in one read and one write, and who stores messages has the processors. A refusal is to take 50 ms at most, the wait
// for a processor included.
const readPause = 15 * time.Millisecond

// gone is how a connection ends that broke off.
var gone = realtime.Closing{Code: protocol.CloseGoingAway, Reason: "connection lost"}

// conn is one connection. Its fields belong to the reading goroutine; the outbox has its own lock.
type conn struct {
	server *Server
	net    net.Conn
	out    *realtime.Outbox
	in     inbound
	due    due
	place  place

	session  *realtime.Session // nil before auth
	presence *chat.Attendance  // nil before auth, and where nothing is known of presence
	login    chat.LoginID      // of the newest token
	expires  time.Time         // when that does

	trace  chat.Trace // of the connection
	acting chat.Trace // of the frame that is being done
	frame  int        // its size in bytes

	requests requests

	jobs     jobs
	sights   *jobs // what was asked of presence; nil before anything was
	receipts *jobs // acks and read positions; nil before there was one
	changes  *jobs // edits and deletions; nil before there was one
	typing   typing
	misuse   misuse
	held     map[chat.ConversationID]int64 // acks that wait; nil when none does
	telling  atomic.Bool                   // acks that were held are being told
	endedAt  atomic.Int64                  // Unix nanoseconds; 0 while the connection lives
	closing  realtime.Closing
	// refusals are of what was read last, and refused for want of time; refused says that there were some since the last pause.
	refusals [][]byte
	refused  bool
	deaf     bool // the stream is broken: what follows cannot be told apart
	deep     bool // the stack has grown while somebody introduced themselves
	parts    atomic.Int32

	allowedAt moment // when writes last got their time; the writer's
}

// newConn takes over a socket whose handshake is done.
func newConn(s *Server, socket net.Conn, early []byte, compressed bool) *conn {
	now := s.at(time.Now())
	c := &conn{server: s, net: socket, due: due{opened: now, heard: now, ping: now.add(pingEvery)}}
	c.out = realtime.NewOutbox(c.startWriter, c.ended)
	if compressed {
		c.in.inflate = new(inflater)
	}
	if len(early) > 0 {
		c.in.buf = make([]byte, max(smallBuffer, len(early)))
		c.in.w = copy(c.in.buf, early)
	}
	c.parts.Store(2)
	return c
}

// ended is called once, under the outbox's lock, when the connection is to be closed: whatever still
// reads or writes has little time left.
func (c *conn) ended(how realtime.Closing) {
	now := time.Now()
	c.closing = how
	c.server.counters.close(how)
	c.endedAt.Store(now.UnixNano())
	_ = c.net.SetDeadline(now.Add(closeWithin))
}

// partLeaves closes the socket when both have left: the reader, and the writer with its close frame.
func (c *conn) partLeaves() {
	if c.parts.Add(-1) == 0 {
		c.net.Close()
		c.server.forget(c)
	}
}

// run reads until the connection ends. A stack that has grown never gets as small again as a new one, so
// whenever there is nothing to do the reading goes on in a new goroutine.
func (c *conn) run() {
	if c.readOn() {
		c.in.rest()
		go c.run()
		return
	}
	c.leave()
}

// readOn reads until the connection ends or has been idle. It reports which.
func (c *conn) readOn() (idle bool) {
	more := false // has come than there was room for
	for {
		if c.in.r < c.in.w {
			if !c.take(time.Now()) {
				return false
			}
			if c.deep {
				c.deep = false
				return true
			}
		}
		switch {
		case c.refused && more:
			c.in.widen()
		case c.refused:
			c.refused = false
			time.Sleep(readPause)
		}
		space := c.in.space()
		n, err := c.net.Read(space)
		more = n == len(space)
		c.in.w += n
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return c.tick(time.Now())
		default:
			return false
		}
	}
}

// leave ends what the connection was part of.
func (c *conn) leave() {
	c.out.End(gone)
	if c.session != nil {
		c.jobs.stop()
		c.releaseLast()
		c.server.hub.Close(c.session)
		c.presence.Leave(c.exit())
		c.server.cfg.Log.Info("connection closed", "event", "websocket.disconnected", "traceId", c.trace.TraceID(), "userId", c.session.User,
			"sessionId", c.session.ID, "code", c.closing.Code, "lastedMs", c.server.at(time.Now()).since(c.due.opened).Milliseconds())
	}
	c.partLeaves()
}

// take deals with what has been read. It reports false when the client has closed.
func (c *conn) take(now time.Time) bool {
	defer c.answerRefusals()
	for {
		if c.deaf {
			c.in.r = c.in.w
			return true
		}
		got, f := c.in.next(c.server.at(now))
		if f != nil {
			c.server.counters.faults.Add(1)
			c.out.End(realtime.Closing{Code: f.code, Reason: f.reason})
			c.deaf = true
			continue
		}
		if got == nil {
			return true
		}
		c.due.heard = c.server.at(now)
		c.ask(c.presence.Heard(now), now)
		switch got.opcode {
		case ws.OpClose:
			c.answerClose(got.payload)
			return false
		case ws.OpPing:
			c.out.Send(pongFrame(got.payload))
		case ws.OpPong:
		default:
			c.command(got.payload, now)
		}
	}
}

// answerRefusals answers together what was refused of what was read together.
func (c *conn) answerRefusals() {
	if len(c.refusals) == 0 {
		return
	}
	c.out.Send(c.refusals...)
	for range c.refusals {
		c.requests.finish()
	}
	c.refusals, c.refused = nil, true
}

// answerClose finishes the closing handshake.
func (c *conn) answerClose(payload []byte) {
	code, f := closeFrame(payload)
	if f != nil {
		c.out.End(realtime.Closing{Code: f.code, Reason: f.reason})
		return
	}
	c.out.End(realtime.Closing{Code: code})
}

// command does what one frame asks for. What is read after the end is not listened to: the client
// sends it again when it is back.
func (c *conn) command(frame []byte, now time.Time) {
	if c.out.Ended() || !c.requests.begin() {
		return
	}
	defer c.requests.finish()
	command, traceparent, err := protocol.DecodeCommand(frame)
	c.acting, c.frame = c.server.cfg.Trace(traceparent), len(frame)
	defer c.survive(c.acting)
	if err != nil {
		c.broken(command, err, now)
		return
	}
	if c.session == nil {
		c.introduce(command)
		return
	}
	if !c.withinRate(command, now) {
		return
	}
	c.noteActivity(command, now)
	if m, sends := command.(*protocol.SendMessage); sends {
		// It waits for nothing here, and what comes of it has a time of its own (C2.6).
		c.sendMessage(c.server.ctx, m)
		return
	}
	c.dispatch(chat.WithTrace(c.server.ctx, c.acting), command, now)
}

// dispatch does what a frame asks for, or has it done beside the reading if it has to wait for anything.
func (c *conn) dispatch(ctx context.Context, command protocol.Command, now time.Time) {
	switch m := command.(type) {
	case *protocol.Auth:
		c.renew(m)
	case *protocol.Subscribe:
		c.subscribe(ctx, m)
	case *protocol.Unsubscribe:
		c.unsubscribe(ctx, m)
	case *protocol.EditMessage:
		c.editMessage(ctx, m)
	case *protocol.DeleteMessage:
		c.deleteMessage(ctx, m)
	case *protocol.AckMessage:
		c.ackMessage(ctx, m, now)
	case *protocol.StartTyping:
		c.startTyping(ctx, m, now)
	case *protocol.StopTyping:
		c.stopTyping(ctx, m)
	case *protocol.Read:
		c.read(ctx, m)
	case *protocol.SyncRead:
		c.syncRead(ctx, m)
	case *protocol.Heartbeat:
		c.heartbeat(ctx, m, now)
	case *protocol.SetPresence:
		c.setPresence(ctx, m)
	case *protocol.SubscribePresence:
		c.subscribePresence(ctx, m.UserIDs)
	case *protocol.UnsubscribePresence:
		c.unsubscribePresence(ctx, m.UserIDs)
	}
}

// survive keeps a fault in what one client asked for from reaching the others (1011).
func (c *conn) survive(trace chat.Trace) {
	if fault := recover(); fault != nil {
		c.server.panicked(trace, fault)
		c.out.End(realtime.Closing{Code: protocol.CloseInternal, Reason: "a fault of the server"})
	}
}

// panicked tells of a fault, from the function that has recovered from it.
func (s *Server) panicked(trace chat.Trace, fault any) {
	s.cfg.Log.Error("a handler panicked", "event", "websocket.panic", "traceId", trace.TraceID(), "panic", chat.FaultText(fault), "stack", string(debug.Stack()))
	if s.cfg.Panicked != nil {
		s.cfg.Panicked()
	}
}

func (c *conn) send(e protocol.Event) { c.out.Send(protocol.Encode(e)) }

// problem answers with an error about ref.
func (c *conn) problem(ctx context.Context, err error, ref string) {
	if chat.AsError(err).Code == chat.CodeInternal && errors.Is(err, context.DeadlineExceeded) {
		// No fault: whatever waited, its time is over.
		err = tooLate(err)
	}
	if chat.AsError(err).Code == chat.CodeInternal && c.server.ctx.Err() == nil {
		about := ref
		if !chat.ValidID(about) {
			// What is no id may be anything, a message too.
			about = ""
		}
		c.server.cfg.Log.Error("a request failed", "event", "websocket.fault", "traceId", chat.TraceOf(ctx).TraceID(), "userId", c.session.User, "ref", about, "error", err)
	}
	c.send(protocol.ProblemOf(err, ref, chat.TraceOf(ctx)))
}
