package bench

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10

	// patience is how long a peer waits for what must come.
	patience = 20 * time.Second
)

// peer is a WebSocket client that costs as little as can be: it takes frames apart in place and reads
// the two or three members that it needs by their place. One goroutine reads; any may write.
type peer struct {
	conn  net.Conn
	in    *bufio.Reader
	aside func(text []byte) // where set, sees what await passes over

	writing sync.Mutex
	out     []byte
}

// connect opens a socket at address ("host:port"). buffer is the most that one frame may have.
func connect(address string, buffer int) (*peer, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	p := &peer{conn: conn, in: bufio.NewReaderSize(conn, buffer)}
	if err := p.upgrade(address); err != nil {
		conn.Close()
		return nil, err
	}
	return p, nil
}

func (p *peer) upgrade(host string) error {
	_ = p.conn.SetDeadline(time.Now().Add(patience))
	defer func() { _ = p.conn.SetDeadline(time.Time{}) }()
	_, err := fmt.Fprintf(p.conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: chat.v1\r\n\r\n", host)
	if err != nil {
		return err
	}
	status, err := p.in.ReadString('\n')
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("upgrade: %w", err)
		}
		if line == "\r\n" {
			break
		}
	}
	if !strings.HasPrefix(status, "HTTP/1.1 101") {
		return fmt.Errorf("upgrade refused: %s", strings.TrimSpace(status))
	}
	return nil
}

// signIn sends the token and waits for auth:success.
func (p *peer) signIn(token string) error {
	if err := p.write(`{"type":"auth","token":"` + token + `"}`); err != nil {
		return err
	}
	_, err := p.await("auth:success")
	return err
}

// subscribe follows a conversation from its beginning and waits until it is caught up.
func (p *peer) subscribe(conversation string) error {
	if err := p.write(`{"type":"subscribe","conversationId":"` + conversation + `","afterRev":0}`); err != nil {
		return err
	}
	_, err := p.await("caught:up")
	return err
}

// await reads up to the first event of a type.
func (p *peer) await(kind string) ([]byte, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	defer func() { _ = p.conn.SetReadDeadline(time.Time{}) }()
	for {
		text, err := p.read()
		if err != nil {
			return nil, fmt.Errorf("waiting for %s: %w", kind, err)
		}
		switch got := kindOf(text); {
		case string(got) == kind:
			return text, nil
		case bytes.HasSuffix(got, []byte("error")):
			return nil, fmt.Errorf("waiting for %s: %s", kind, text)
		case p.aside != nil:
			p.aside(text)
		}
	}
}

// read returns the next text. It is valid until the next read.
func (p *peer) read() ([]byte, error) {
	for {
		head, err := p.in.Peek(2)
		if err != nil {
			return nil, err
		}
		op, size, header := head[0]&0x0f, int(head[1]&0x7f), 2
		switch size {
		case 126:
			if head, err = p.in.Peek(4); err != nil {
				return nil, err
			}
			size, header = int(binary.BigEndian.Uint16(head[2:])), 4
		case 127:
			return nil, errors.New("a frame of 64 KiB or more")
		}
		if _, err := p.in.Discard(header); err != nil {
			return nil, err
		}
		text, err := p.in.Peek(size)
		if errors.Is(err, bufio.ErrBufferFull) {
			text = make([]byte, size)
			if _, err = io.ReadFull(p.in, text); err == nil {
				size = 0
			}
		}
		if err != nil {
			return nil, err
		}
		switch op {
		case opPing:
			if err := p.frame(opPong, string(text)); err != nil {
				return nil, err
			}
		case opClose:
			return nil, closed(text)
		}
		if _, err := p.in.Discard(size); err != nil {
			return nil, err
		}
		if op == opText {
			return text, nil
		}
	}
}

func closed(reason []byte) error {
	if len(reason) < 2 {
		return errors.New("closed by the server without a code")
	}
	return fmt.Errorf("closed by the server: %d %s", binary.BigEndian.Uint16(reason), reason[2:])
}

// write sends texts, a frame each, in one write.
func (p *peer) write(texts ...string) error { return p.frame(opText, texts...) }

func (p *peer) frame(op byte, texts ...string) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.out = p.out[:0]
	for _, text := range texts {
		p.out = appendFrame(p.out, op, text)
	}
	_, err := p.conn.Write(p.out)
	return err
}

// appendFrame appends a client's frame. Its masking key is zero, which is one of the keys there are.
func appendFrame(dst []byte, op byte, text string) []byte {
	dst = append(dst, 0x80|op)
	if len(text) < 126 {
		dst = append(dst, 0x80|byte(len(text)))
	} else {
		dst = append(dst, 0x80|126, byte(len(text)>>8), byte(len(text)))
	}
	return append(append(dst, 0, 0, 0, 0), text...)
}

// kindOf is the type of an event. The server writes it first.
func kindOf(text []byte) []byte {
	const lead = `{"type":"`
	if len(text) < len(lead) || string(text[:len(lead)]) != lead {
		return nil
	}
	text = text[len(lead):]
	return text[:max(0, bytes.IndexByte(text, '"'))]
}

// member is the first integer member of a name. Ids and keys stand before message text and hold no
// quotes, so that the first is the right one.
func member(text []byte, name string) int64 {
	i := bytes.Index(text, []byte(`"`+name+`":`))
	if i < 0 {
		return 0
	}
	var n int64
	for _, c := range text[i+len(name)+3:] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// sendFrame is a message:send of 100 bytes of text under the key "prefix.n".
func sendFrame(conversation, prefix string, n int) string {
	return `{"type":"message:send","conversationId":"` + conversation + `","clientMessageId":"` + prefix + "." + strconv.Itoa(n) +
		`","contentType":"text","content":"` + hundred + `"}`
}

// numberOf is the n of the key that an event names.
func numberOf(text []byte) int {
	const name = `"clientMessageId":"`
	i := bytes.Index(text, []byte(name))
	if i < 0 {
		return -1
	}
	key := text[i+len(name):]
	key = key[:max(0, bytes.IndexByte(key, '"'))]
	n, err := strconv.Atoi(string(key[bytes.LastIndexByte(key, '.')+1:]))
	if err != nil {
		return -1
	}
	return n
}

// hundred is a message's text: 100 bytes.
const hundred = "The quick brown fox jumps over the lazy dog and then it goes home to write down what it did. Goodbye"
