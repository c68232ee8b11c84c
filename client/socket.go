package client

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// subprotocol names the protocol's version (C4).
	subprotocol = "chat.v1"
	// maxFrame bounds one frame of the server.
	maxFrame = 4 << 20
	// silence is when a socket counts as dead: the server pings every 15 s (C4.4).
	silence = 45 * time.Second
	// answerWithin bounds a dial, the sign-in and one write.
	answerWithin = 15 * time.Second
	// loginEnded is the close code of a login that is over for good (C4.9).
	loginEnded = 4403
)

// socket is one WebSocket with its two goroutines.
type socket struct {
	conn   *websocket.Conn
	frames chan *frame
	failed chan error // why it ended, once
	stop   context.CancelFunc
	ending sync.WaitGroup
}

// dial opens a socket. An answer that is no upgrade becomes an [Error].
func (c *Client) dial(ctx context.Context, out *outbox) (*socket, error) {
	target := *c.base.JoinPath("/ws")
	target.Scheme = strings.Replace(target.Scheme, "http", "ws", 1)
	ctx, stop := context.WithCancel(ctx)
	alive := time.AfterFunc(answerWithin, stop)
	beat := func() { alive.Reset(silence) }
	conn, answer, err := websocket.Dial(ctx, target.String(), &websocket.DialOptions{
		HTTPClient: c.http, Subprotocols: []string{subprotocol},
		OnPingReceived: func(context.Context, []byte) bool { beat(); return true },
	})
	if err != nil {
		stop()
		if answer != nil && answer.StatusCode >= 400 {
			body, _ := io.ReadAll(answer.Body) // its first KiB, which is there already
			return nil, errorOf(answer, body)
		}
		return nil, networkError("The server cannot be reached.", err)
	}
	conn.SetReadLimit(maxFrame)
	beat()
	s := &socket{conn: conn, frames: make(chan *frame, 256), failed: make(chan error, 2), stop: func() { alive.Stop(); stop() }}
	s.ending.Go(func() { s.read(ctx, beat) })
	s.ending.Go(func() { s.write(ctx, out) })
	return s, nil
}

func (s *socket) read(ctx context.Context, beat func()) {
	for {
		_, text, err := s.conn.Read(ctx)
		if err != nil {
			s.failed <- lostConnection(err)
			return
		}
		beat()
		f, err := decodeFrame(text)
		if err != nil {
			s.failed <- &Error{Code: CodeInternal, Message: "The server sent what is no event.", Retryable: true, Err: err}
			return
		}
		select {
		case s.frames <- f:
		case <-ctx.Done():
			s.failed <- networkError("The connection was closed.", ctx.Err())
			return
		}
	}
}

func (s *socket) write(ctx context.Context, out *outbox) {
	for {
		select {
		case <-out.wake:
		case <-ctx.Done():
			return
		}
		for _, text := range out.take() {
			if err := s.writeOne(ctx, text); err != nil {
				s.failed <- lostConnection(err)
				return
			}
		}
	}
}

func (s *socket) writeOne(ctx context.Context, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// close ends the socket without waiting for the other side. After it nothing is taken from the outbox.
func (s *socket) close() {
	s.stop()
	s.conn.CloseNow()
	s.ending.Wait()
}

// lostConnection is the error of a socket that ended, with the close code as its status.
func lostConnection(err error) *Error {
	e := networkError("The connection was lost.", err)
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		return e
	}
	e.Status = int(closed.Code)
	switch code := e.Status; {
	case code == loginEnded:
		e.Code, e.Message, e.Retryable = CodeUnauthorized, "This login has ended.", false
	case code >= 4400 && code <= 4402:
		e.Code, e.Message = CodeAuthFailed, "The token was refused."
	case code == 4413:
		e.Code, e.Message = CodeSlowConsumer, "The connection read too slowly."
	case code == 4429:
		e.Code, e.Message = CodeRateLimited, "Too many requests."
	case code == 1002 || code == 1003 || code >= 1007 && code <= 1009:
		e.Code, e.Message, e.Retryable = CodeValidation, "The server refused what was sent.", false
	}
	if closed.Reason != "" {
		e.Message = closed.Reason
	}
	return e
}

// wantsLogin reports whether a fresh token may help.
func wantsLogin(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status != loginEnded && (e.Code == CodeAuthFailed || e.Code == CodeUnauthorized)
}
