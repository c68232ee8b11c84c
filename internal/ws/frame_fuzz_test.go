package ws

import (
	"bytes"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/protocol"
)

// FuzzFrames feeds the frame decoder arbitrary bytes in pieces: it must not panic, hold more than one message, hand
// out what is not text, or depend on where the network cut the stream.
func FuzzFrames(f *testing.F) {
	mask := [4]byte{1, 2, 3, 4}
	frame := func(op ws.OpCode, fin bool, payload string) []byte {
		masked := []byte(payload)
		ws.Cipher(masked, mask, 0)
		var b bytes.Buffer
		h := ws.Header{Fin: fin, OpCode: op, Masked: true, Mask: mask, Length: int64(len(payload))}
		if err := ws.WriteFrame(&b, ws.Frame{Header: h, Payload: masked}); err != nil {
			f.Fatal(err)
		}
		return b.Bytes()
	}
	whole := frame(ws.OpText, true, `{"type":"unsubscribe","conversationId":"x"}`)
	parts := append(frame(ws.OpText, false, "half a "), frame(ws.OpPing, true, "between")...)
	parts = append(parts, frame(ws.OpContinuation, true, "message")...)
	for _, seed := range [][]byte{
		whole, parts, frame(ws.OpClose, true, "\x03\xe8bye"), frame(ws.OpText, true, "\xff"), frame(ws.OpBinary, true, "x"),
		{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, {0xc1, 0x80, 0, 0, 0, 0}, {0x81, 0x01, 'x'},
	} {
		f.Add(seed, uint8(1))
		f.Add(seed, uint8(7))
		f.Add(append(bytes.Clone(seed), whole...), uint8(0))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		inOne := decodeAll(t, stream, max(len(stream), 1))
		inPieces := decodeAll(t, stream, int(piece)+1)
		if inOne != inPieces {
			t.Errorf("at once:\n%s\nin pieces of %d:\n%s", inOne, int(piece)+1, inPieces)
		}
	})
}

// decodeAll writes down what a stream is decoded to when it arrives in pieces of at most so many bytes.
func decodeAll(t *testing.T, stream []byte, piece int) string {
	var in inbound
	var out bytes.Buffer
	const now = moment(0)
	for len(stream) > 0 {
		n := copy(in.space(), stream[:min(piece, len(stream))])
		in.w += n
		stream = stream[n:]
		if len(in.buf) > protocol.MaxFrame+ws.MaxHeaderSize || len(in.message) > protocol.MaxFrame {
			t.Fatalf("it holds %d and %d bytes", len(in.buf), len(in.message))
		}
		for {
			got, f := in.next(now)
			if f != nil {
				fmt.Fprintf(&out, "fault %d\n", f.code)
				return out.String()
			}
			if got == nil {
				break
			}
			if got.opcode == ws.OpText && !utf8.Valid(got.payload) {
				t.Fatal("a message is not text")
			}
			fmt.Fprintf(&out, "%d %q\n", got.opcode, got.payload)
		}
	}
	return out.String()
}
