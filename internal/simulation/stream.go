package simulation

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// socketBuffer is what fits between a server and a client that does not read.
const socketBuffer = 64 << 10

// stream is one direction of a connection: bytes arrive in order, each a latency after it was written.
type stream struct {
	latency time.Duration
	room    int // bytes on their way at most; 0 for any number

	mu      sync.Mutex
	chunks  []chunk
	size    int
	ended   bool // the writer has closed: what is on its way still arrives
	cut     bool // nothing arrives any more
	readBy  time.Time
	writeBy time.Time
	changed chan struct{} // closed and replaced when any of it changes
}

type chunk struct {
	due  time.Time
	data []byte
}

func newStream(latency time.Duration, room int) *stream {
	return &stream{latency: latency, room: room, changed: make(chan struct{})}
}

// change applies a change and wakes who waits.
func (s *stream) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits for a change, or until a time, if that is not zero. The lock is held; it is given up meanwhile.
func (s *stream) wait(until time.Time) {
	changed := s.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	if until.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func passed(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		now := time.Now()
		until := s.readBy
		switch {
		case s.cut:
			return 0, net.ErrClosed
		case len(s.chunks) > 0 && !s.chunks[0].due.After(now):
			return s.take(p, now), nil
		case passed(s.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(s.chunks) > 0:
			if due := s.chunks[0].due; until.IsZero() || due.Before(until) {
				until = due
			}
		case s.ended:
			return 0, io.EOF
		}
		s.wait(until)
	}
}

// take moves what has arrived into p.
func (s *stream) take(p []byte, now time.Time) (n int) {
	for len(s.chunks) > 0 && n < len(p) && !s.chunks[0].due.After(now) {
		c := &s.chunks[0]
		k := copy(p[n:], c.data)
		n += k
		if c.data = c.data[k:]; len(c.data) == 0 {
			s.chunks = s.chunks[1:]
		}
	}
	s.size -= n
	close(s.changed)
	s.changed = make(chan struct{})
	return n
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.cut || s.ended:
			return n, net.ErrClosed
		case passed(s.writeBy):
			return n, os.ErrDeadlineExceeded
		}
		k := len(p) - n
		if s.room > 0 {
			k = min(k, s.room-s.size)
		}
		if k > 0 {
			s.chunks = append(s.chunks, chunk{time.Now().Add(s.latency), append([]byte(nil), p[n:n+k]...)})
			n, s.size = n+k, s.size+k
			close(s.changed)
			s.changed = make(chan struct{})
		}
		if n == len(p) {
			return n, nil
		}
		s.wait(s.writeBy)
	}
}

// end is one end of a connection. It satisfies net.Conn.
type end struct {
	in, out *stream
	gate    *gate  // of the process that has this end; nil for a client's
	closed  func() // is told when the end is closed; may be nil
}

// connect makes a connection: bytes that the server sends wait in a small buffer, as in a kernel.
func connect(latency time.Duration, g *gate) (client, server *end) {
	up, down := newStream(latency, 0), newStream(latency, socketBuffer)
	return &end{in: down, out: up}, &end{in: up, out: down, gate: g}
}

func (e *end) Read(p []byte) (int, error) {
	if e.gate != nil && !e.gate.pass() {
		return 0, net.ErrClosed
	}
	n, err := e.in.read(p)
	if e.gate != nil && !e.gate.pass() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (e *end) Write(p []byte) (int, error) {
	if e.gate != nil && !e.gate.pass() {
		return 0, net.ErrClosed
	}
	return e.out.write(p)
}

// Close lets arrive what is on its way to the other end.
func (e *end) Close() error {
	e.out.change(func() { e.out.ended = true })
	e.in.change(func() { e.in.cut = true })
	if e.closed != nil {
		e.closed()
	}
	return nil
}

// sever breaks the connection: what is on its way is gone in both directions.
func (e *end) sever() {
	for _, s := range []*stream{e.in, e.out} {
		s.change(func() { s.cut = true })
	}
}

func (e *end) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.in.change(func() { e.in.readBy = t })
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.out.change(func() { e.out.writeBy = t })
	return nil
}

func (e *end) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3000} }
func (e *end) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000} }
