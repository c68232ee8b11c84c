package ws_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/klauspost/compress/flate"

	"github.com/parley-chat/parley/internal/chat"
	parleyws "github.com/parley-chat/parley/internal/ws"
)

// upgraded is a raw connection of a signed-in person, past its auth:success.
func (w *world) upgraded(url string, u chat.UserID, headers string) *raw {
	w.Helper()
	conn := w.raw(url)
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: chat.example\r\n%s%sAuthorization: Bearer %s\r\n\r\n", goodHeaders, headers, w.token(u, time.Hour))
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		b := make([]byte, 1)
		if _, err := io.ReadFull(conn, b); err != nil {
			w.Fatal(err)
		}
		head = append(head, b...)
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101")) {
		w.Fatalf("%s", head)
	}
	if f := conn.read(); !strings.Contains(string(f.Payload), "auth:success") {
		w.Fatalf("%s", f.Payload)
	}
	return conn
}

func (c *raw) read() ws.Frame {
	c.Helper()
	f, err := ws.ReadFrame(c)
	if err != nil {
		c.Fatal(err)
	}
	return f
}

// awaitClose reads until a close frame or the end of the connection; 0 is an end without a code.
func (c *raw) awaitClose() ws.StatusCode {
	for {
		f, err := ws.ReadFrame(c)
		if err != nil {
			return 0
		}
		if f.Header.OpCode == ws.OpClose {
			code, _ := ws.ParseCloseFrameData(f.Payload)
			return code
		}
	}
}

// masked frames as a client does.
func masked(op ws.OpCode, fin bool, payload string) []byte {
	f := ws.NewFrame(op, fin, []byte(payload))
	return ws.MustCompileFrame(ws.MaskFrame(f))
}

func text(payload string) []byte { return masked(ws.OpText, true, payload) }

func closeFrame(code uint16, reason string) []byte {
	return masked(ws.OpClose, true, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// header is the beginning of a frame that promises length bytes.
func header(first byte, length uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, length), 1, 2, 3, 4)
}

func TestBrokenFramesCloseWithTheCodeThatSaysWhy(t *testing.T) {
	w := newWorld(t, options{})
	url := w.serve()
	ada := w.person()
	many := func(n int, f []byte) []byte { return bytes.Repeat(f, n) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name  string
		bytes []byte
		code  ws.StatusCode
	}{
		{"unmasked", ws.MustCompileFrame(ws.NewTextFrame([]byte("{}"))), 1002},
		{"a reserved bit", []byte{0xc1, 0x80, 0, 0, 0, 0}, 1002},
		{"another reserved bit", []byte{0x91, 0x80, 0, 0, 0, 0}, 1002},
		{"a reserved opcode", []byte{0x83, 0x80, 0, 0, 0, 0}, 1002},
		{"a reserved control opcode", []byte{0x8b, 0x80, 0, 0, 0, 0}, 1002},
		{"a fragmented ping", masked(ws.OpPing, false, ""), 1002},
		{"a ping of 126 bytes", []byte{0x89, 0x80 | 126, 0, 126, 0, 0, 0, 0}, 1002},
		{"a continuation of nothing", masked(ws.OpContinuation, true, "x"), 1002},
		{"a text inside a text", join(masked(ws.OpText, false, "{"), text("{}")), 1002},
		{"binary", masked(ws.OpBinary, true, "{}"), 1003},
		{"invalid UTF-8", text("{\"type\":\"\xff\"}"), 1007},
		{"a surrogate in UTF-8", text("\xed\xa0\x80"), 1007},
		{"UTF-8 that breaks off between fragments", join(masked(ws.OpText, false, "\xe2\x82"), masked(ws.OpContinuation, true, "x")), 1007},
		{"64 KiB and one", header(0x81, 64<<10+1), 1009},
		{"2^40 bytes", header(0x81, 1<<40), 1009},
		{"2^62 bytes", header(0x81, 1<<62), 1009},
		{"2^63 bytes", header(0x81, 1<<63), 1002},
		{"fragments of 64 KiB and one", join(masked(ws.OpText, false, strings.Repeat(" ", 40<<10)), masked(ws.OpContinuation, true, strings.Repeat(" ", 24<<10+1))), 1009},
		{"33 fragments", join(masked(ws.OpText, false, "{"), many(32, masked(ws.OpContinuation, false, "")), masked(ws.OpContinuation, true, "}")), 1008},
		{"a million empty fragments", join(masked(ws.OpText, false, "{"), many(1_000_000, masked(ws.OpContinuation, false, ""))), 1008},
		{"a flood of pings", many(100, masked(ws.OpPing, true, "x")), 1008},
		{"a flood of pongs", many(100, masked(ws.OpPong, true, "")), 1008},
		{"ten broken events", many(10, text(`{"type":"nonsense"}`)), 1008},
		{"half a close code", masked(ws.OpClose, true, "\x03"), 1002},
		{"close code 999", closeFrame(999, ""), 1002},
		{"close code 1005", closeFrame(1005, ""), 1002},
		{"close code 1006", closeFrame(1006, ""), 1002},
		{"close code 2000", closeFrame(2000, ""), 1002},
		{"close code 5000", closeFrame(5000, ""), 1002},
		{"a close reason in broken UTF-8", closeFrame(1000, "\xff"), 1007},
		{"a good close", closeFrame(1000, "bye"), 1000},
		{"a good close of its own", closeFrame(3000, ""), 3000},
		{"what follows a close", join(closeFrame(1000, ""), text(`{"type":"nonsense"}`)), 1000},
	} {
		conn := w.upgraded(url, ada, "")
		go func() { _, _ = conn.Write(c.bytes) }()
		if code := conn.awaitClose(); code != c.code {
			t.Errorf("%s: closed with %d, want %d", c.name, code, c.code)
		}
		conn.Close()
	}
}

func TestFragmentsWithControlFramesBetweenMakeOneMessage(t *testing.T) {
	w := newWorld(t, options{})
	conn := w.upgraded(w.serve(), w.person(), "")
	message := `{"type":"message:send","conversationId":"x","content":"Grüße","clientMessageId":"k1"}`
	var stream []byte
	for i := range len(message) {
		op, fin := ws.OpContinuation, i == len(message)-1
		if i == 0 {
			op = ws.OpText
		}
		if i%20 == 1 {
			stream = append(stream, masked(ws.OpPing, true, fmt.Sprint(i))...)
		}
		if i < 28 || fin {
			part := message[i : i+1]
			if fin {
				part = message[28:]
			}
			stream = append(stream, masked(op, fin, part)...)
		}
	}
	// In pieces of every size, so that frames break off anywhere.
	go func() {
		for len(stream) > 0 {
			n := min(len(stream), 1+rand.IntN(9))
			if _, err := conn.Write(stream[:n]); err != nil {
				return
			}
			stream = stream[n:]
		}
	}()
	pongs := 0
	for {
		f := conn.read()
		if f.Header.OpCode == ws.OpPong {
			pongs++
			continue
		}
		if !strings.Contains(string(f.Payload), `"NOT_IN_CONVERSATION"`) || !strings.Contains(string(f.Payload), `"k1"`) {
			t.Errorf("%s", f.Payload)
		}
		break
	}
	if pongs == 0 {
		t.Error("no ping was answered before the message was whole")
	}
}

func TestAFrameOf64KiBIsTakenWhole(t *testing.T) {
	w := newWorld(t, options{})
	conn := w.upgraded(w.serve(), w.person(), "")
	message := `{"type":"message:delete","conversationId":"x","y":"`
	message += strings.Repeat("x", 64<<10-len(message)-2) + `"}`
	for range 3 {
		if _, err := conn.Write(text(message)); err != nil {
			t.Fatal(err)
		}
		if f := conn.read(); !strings.Contains(string(f.Payload), "NOT_IN_CONVERSATION") {
			t.Errorf("%s", f.Payload)
		}
	}
}

func TestAPingBetweenFragmentsDoesNotCountAsPartOfTheMessage(t *testing.T) {
	w := newWorld(t, options{})
	conn := w.upgraded(w.serve(), w.person(), "")
	message := `{"type":"message:delete","conversationId":"x","y":"`
	message += strings.Repeat("x", 64<<10-len(message)-2) + `"}`
	stream := masked(ws.OpText, false, message[:64<<10-50])
	stream = append(stream, masked(ws.OpPing, true, strings.Repeat("p", 100))...)
	stream = append(stream, masked(ws.OpContinuation, true, message[64<<10-50:])...)
	if _, err := conn.Write(stream); err != nil {
		t.Fatal(err)
	}
	if f := conn.read(); f.Header.OpCode != ws.OpPong {
		t.Errorf("opcode %d: %q", f.Header.OpCode, f.Payload)
	}
	if f := conn.read(); !strings.Contains(string(f.Payload), "NOT_IN_CONVERSATION") {
		t.Errorf("%s", f.Payload)
	}
}

func TestACompressionBombIsCutOffAfterInflation(t *testing.T) {
	w := newWorld(t, options{config: parleyws.Config{Compression: true}})
	var bomb bytes.Buffer
	z, err := flate.NewWriter(&bomb, 9)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 32 {
		_, _ = z.Write(zeros)
	}
	_ = z.Flush()
	f := ws.NewTextFrame(bytes.TrimSuffix(bomb.Bytes(), []byte("\x00\x00\xff\xff")))
	f.Header.Rsv = ws.Rsv(true, false, false)
	frame := ws.MustCompileFrame(ws.MaskFrame(f))
	if len(frame) > 64<<10 {
		t.Fatalf("the bomb has %d bytes", len(frame))
	}
	conn := w.upgraded(w.serve(), w.person(), "Sec-WebSocket-Extensions: permessage-deflate\r\n")
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	if code := conn.awaitClose(); code != 1009 {
		t.Errorf("closed with %d", code)
	}
}

func TestAStalledReaderIsCutOffAndCostsNobodyElse(t *testing.T) {
	w := newWorld(t, options{})
	url := w.serve()
	people := []chat.UserID{w.person(), w.person()}
	c := w.group(people...)
	stalled := w.upgraded(url, people[1], "")
	if _, err := stalled.Write(text(fmt.Sprintf(`{"type":"subscribe","conversationId":%q}`, c))); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(string(stalled.read().Payload), "caught:up") {
	}
	ada := w.connect(url, people[0])
	ada.send(`{"type":"subscribe","conversationId":%q}`, c)
	content := strings.Repeat("é", 4000)
	// What the kernel's buffers take, and then the outbox's megabyte.
	for i := 0; w.ws.Connections() == 2 && i < 5000; i++ {
		ada.send(`{"type":"message:send","conversationId":%q,"content":%q,"clientMessageId":"k%d"}`, c, content, i)
		ada.await("message:sent")
	}
	// What is left of it may take two seconds more.
	w.until("the stalled reader is cut off", func() bool { return w.ws.Connections() == 1 })
}
