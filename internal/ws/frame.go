package ws

import (
	"bytes"
	"encoding/binary"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// smallBuffer is what an idle connection keeps to read into: a pong, or a heartbeat. What is larger
	// grows it to usualBuffer at once, which it keeps until it is idle again.
	smallBuffer = 64
	usualBuffer = 512
	// shrinkAbove is the size from which a buffer is given up when it is empty.
	shrinkAbove = 4 << 10
	// maxFragments bounds the frames of one message, empty ones included.
	maxFragments = 32
	// maxControls is how many control frames are borne in controlWindow.
	maxControls   = 30
	controlWindow = 10 * time.Second
)

// fault is why a connection has to be closed.
type fault struct {
	code   protocol.CloseCode
	reason string
}

// inbound turns the bytes of a connection into messages and control frames.
type inbound struct {
	buf  []byte
	r, w int // what is not yet taken lies between

	message   []byte // what came of a fragmented message
	fragments uint8
	opcode    ws.OpCode // of the fragmented message
	deflated  bool      // and whether it is compressed
	controls  uint8     // since controlsSince
	inflate   *inflater // nil when compression was not agreed on

	controlsSince moment
}

// received is a whole message, or a control frame. Its payload is good until the next call.
type received struct {
	opcode  ws.OpCode
	payload []byte
}

// space is where to read into: never empty.
func (in *inbound) space() []byte {
	if in.r == in.w {
		in.r, in.w = 0, 0
		if len(in.buf) > shrinkAbove {
			in.buf = nil
		}
	}
	if in.buf == nil {
		in.buf = make([]byte, smallBuffer)
	}
	if in.w == len(in.buf) && in.r > 0 {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	if in.w == len(in.buf) {
		grown := make([]byte, min(max(2*len(in.buf), usualBuffer), protocol.MaxFrame+ws.MaxHeaderSize))
		copy(grown, in.buf)
		in.buf = grown
	}
	return in.buf[in.w:]
}

// widen makes room for many frames at once, until the connection is idle.
func (in *inbound) widen() {
	if len(in.buf) < shrinkAbove {
		wider := make([]byte, shrinkAbove)
		in.w = copy(wider, in.buf[in.r:in.w])
		in.r, in.buf = 0, wider
	}
}

// rest gives up what an idle connection does not need.
func (in *inbound) rest() {
	if in.r == in.w && len(in.buf) > smallBuffer {
		in.buf, in.r, in.w = nil, 0, 0
	}
}

// next takes a message or control frame out of what has been read. It returns nil when there is no
// whole one, and a fault when the connection must be closed.
func (in *inbound) next(now moment) (*received, *fault) {
	for {
		h, size, f := in.header()
		if f != nil || size == 0 || in.w-in.r < size+int(h.Length) {
			return nil, f
		}
		payload := in.buf[in.r+size : in.r+size+int(h.Length)]
		in.r += size + int(h.Length)
		ws.Cipher(payload, h.Mask, 0)
		if h.OpCode.IsControl() {
			return in.control(h.OpCode, payload, now)
		}
		if whole, f := in.data(h, payload); whole != nil || f != nil {
			return whole, f
		}
	}
}

// header reads and judges the next frame's header; size is 0 when it is not whole yet. It is judged
// before its payload is waited for, so that nobody makes us hold what we would refuse.
func (in *inbound) header() (h ws.Header, size int, f *fault) {
	have := in.buf[in.r:in.w]
	if len(have) < 2 {
		return h, 0, nil
	}
	size = 2
	switch have[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if have[1]&0x80 != 0 {
		size += 4
	}
	if len(have) < size {
		return h, 0, nil
	}
	h, err := ws.ReadHeader(bytes.NewReader(have[:size]))
	if err != nil {
		return h, 0, &fault{protocol.CloseProtocol, err.Error()}
	}
	state := ws.StateServerSide
	if in.fragments > 0 {
		state = state.Set(ws.StateFragmented)
	}
	compressed := in.inflate != nil && h.Rsv == ws.Rsv(true, false, false) && h.OpCode.IsData() && h.OpCode != ws.OpContinuation
	if compressed {
		state = state.Set(ws.StateExtended)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return h, 0, &fault{protocol.CloseProtocol, err.Error()}
	}
	// A control frame between fragments, which has 125 bytes at most, is no part of the message.
	if !h.OpCode.IsControl() && h.Length > int64(protocol.MaxFrame-len(in.message)) {
		return h, 0, &fault{protocol.CloseTooBig, "a message has at most 64 KiB"}
	}
	return h, size, nil
}

func (in *inbound) control(opcode ws.OpCode, payload []byte, now moment) (*received, *fault) {
	if now.since(in.controlsSince) > controlWindow {
		in.controls, in.controlsSince = 0, now
	}
	if in.controls++; in.controls > maxControls {
		return nil, &fault{protocol.ClosePolicy, "too many control frames"}
	}
	return &received{opcode, payload}, nil
}

func (in *inbound) data(h ws.Header, payload []byte) (*received, *fault) {
	if in.fragments == 0 {
		in.opcode, in.deflated = h.OpCode, h.Rsv != 0
		if h.OpCode == ws.OpBinary {
			return nil, &fault{protocol.CloseUnsupported, "Parley speaks text"}
		}
		if h.Fin {
			return in.whole(payload)
		}
	}
	if in.fragments++; in.fragments > maxFragments {
		return nil, &fault{protocol.ClosePolicy, "a message has at most 32 fragments"}
	}
	in.message = append(in.message, payload...)
	if !h.Fin {
		return nil, nil
	}
	message := in.message
	in.message, in.fragments = nil, 0
	return in.whole(message)
}

func (in *inbound) whole(message []byte) (*received, *fault) {
	if in.deflated {
		inflated, f := in.inflate.message(message)
		if f != nil {
			return nil, f
		}
		message = inflated
	}
	if !utf8.Valid(message) {
		return nil, &fault{protocol.CloseInvalidText, "invalid UTF-8"}
	}
	return &received{in.opcode, message}, nil
}

// closeFrame judges a close frame and returns the code to answer with; 0 answers without one. Codes are
// those that RFC 6455 §7.4 and its registry let an endpoint send.
func closeFrame(payload []byte) (protocol.CloseCode, *fault) {
	if len(payload) == 0 {
		return 0, nil
	}
	if len(payload) == 1 {
		return 0, &fault{protocol.CloseProtocol, "half a close code"}
	}
	code := binary.BigEndian.Uint16(payload)
	switch {
	case !utf8.Valid(payload[2:]):
		return 0, &fault{protocol.CloseInvalidText, "invalid UTF-8"}
	case (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999):
		return protocol.CloseCode(code), nil
	}
	return 0, &fault{protocol.CloseProtocol, "a close code that must not be sent"}
}
