package ws

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

const (
	// writeWithin is how long one write may take; closeWithin how long everything that remains may
	// take once the connection is to be closed.
	writeWithin = 10 * time.Second
	closeWithin = 2 * time.Second
	// bytesAWrite is about how much is written at once.
	bytesAWrite = 64 << 10
)

// writer is what is needed while there is something to write.
type writer struct {
	frames [][]byte
	buf    []byte
}

var writers = sync.Pool{New: func() any { return &writer{buf: make([]byte, 0, 4<<10)} }}

// startWriter is called by the outbox when it has something and nobody writes.
func (c *conn) startWriter() { c.server.hub.Start(func() { go c.write() }) }

// write writes what waits, several frames at once, until nothing does.
func (c *conn) write() {
	w := writers.Get().(*writer)
	defer func() {
		clear(w.frames[:cap(w.frames)])
		if cap(w.buf) <= 2*bytesAWrite {
			writers.Put(w)
		}
	}()
	for {
		var closing *realtime.Closing
		w.frames, closing = c.out.Take(w.frames[:0], bytesAWrite)
		w.buf = w.buf[:0]
		for _, f := range w.frames {
			w.buf = c.appendFrame(w.buf, f)
		}
		if closing != nil {
			w.buf = appendClose(w.buf, *closing)
		}
		if len(w.buf) == 0 {
			return
		}
		c.allowWrite()
		_, err := c.net.Write(w.buf)
		if err == nil {
			c.server.hub.Written(w.frames)
		}
		if err != nil {
			// The outbox keeps its writer for good, so that there is no other.
			c.net.Close()
			c.out.End(unwritten(err))
		}
		if err != nil || closing != nil {
			c.partLeaves()
			return
		}
	}
}

// unwritten is how a connection ends that could not be written to.
func unwritten(err error) realtime.Closing {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return realtime.Closing{Code: protocol.CloseSlow, Reason: "SLOW_CONSUMER"}
	}
	return gone
}

// allowWrite gives the next write its time, which ends early when the connection does. Setting a deadline
// costs a tenth of a small write, so that it is set anew only when a second of it has gone.
func (c *conn) allowWrite() {
	now := time.Now()
	at := c.server.at(now)
	if at.since(c.allowedAt) < time.Second {
		return
	}
	c.allowedAt = at
	_ = c.net.SetWriteDeadline(now.Add(writeWithin))
	if c.out.Ended() {
		_ = c.net.SetWriteDeadline(time.Now().Add(closeWithin))
	}
}

// appendFrame frames an event. Events are JSON objects and begin with a brace; what begins with a set
// FIN bit is a control frame, framed already (pingFrame, pongFrame).
func (c *conn) appendFrame(buf, event []byte) []byte {
	if event[0]&0x80 != 0 {
		return append(buf, event...)
	}
	first := byte(0x80 | ws.OpText)
	if c.in.inflate != nil {
		if compressed, smaller := deflate(event); smaller {
			first, event = first|0x40, compressed
		}
	}
	switch n := len(event); {
	case n < 126:
		buf = append(buf, first, byte(n))
	case n <= 0xffff:
		buf = binary.BigEndian.AppendUint16(append(buf, first, 126), uint16(n))
	default:
		buf = binary.BigEndian.AppendUint64(append(buf, first, 127), uint64(n))
	}
	return append(buf, event...)
}

var pingFrame = []byte{0x80 | byte(ws.OpPing), 0}

func pongFrame(payload []byte) []byte {
	return append([]byte{0x80 | byte(ws.OpPong), byte(len(payload))}, payload...)
}

// appendClose frames a close. Code 0 closes without one.
func appendClose(buf []byte, c realtime.Closing) []byte {
	if c.Code == 0 {
		return append(buf, 0x80|byte(ws.OpClose), 0)
	}
	reason := c.Reason[:min(len(c.Reason), ws.MaxControlFramePayloadSize-2)]
	buf = append(buf, 0x80|byte(ws.OpClose), byte(2+len(reason)))
	return append(binary.BigEndian.AppendUint16(buf, uint16(c.Code)), reason...)
}
