package leak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// patience is how long something may take to come: longer than a lease, and the sweep after it.
const patience = 50 * time.Second

// frame is an event as it was sent.
type frame = map[string]any

// socket is one connection, which keeps everything that it is told.
type socket struct {
	conn *websocket.Conn
	done chan struct{}

	mu     sync.Mutex
	frames []frame
	came   chan struct{} // closed when the next frame comes
	err    error
}

// connect opens a socket and signs in as a device.
func connect(ctx context.Context, url, token, device, kind string) (*socket, error) {
	conn, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1)+"/ws", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(4 << 20)
	s := &socket{conn: conn, done: make(chan struct{}), came: make(chan struct{})}
	go s.read()
	auth := frame{"type": "auth", "token": token}
	if device != "" {
		auth["deviceId"], auth["deviceType"] = device, kind
	}
	if err := s.write(auth); err != nil {
		return nil, err
	}
	_, err = s.await(0, func(f frame) bool { return f["type"] == "auth:success" })
	return s, err
}

func (s *socket) read() {
	defer close(s.done)
	for {
		_, text, err := s.conn.Read(context.Background())
		var f frame
		if err == nil {
			err = json.Unmarshal(text, &f)
		}
		s.mu.Lock()
		if err != nil {
			s.err = err
		} else {
			s.frames = append(s.frames, f)
		}
		close(s.came)
		s.came = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *socket) write(f frame) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// heard is how many frames have come.
func (s *socket) heard() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.frames)
}

// since are the frames that came after the first n.
func (s *socket) since(n int) []frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]frame(nil), s.frames[n:]...)
}

// await returns the first frame after the first n that is as wanted.
func (s *socket) await(n int, wanted func(frame) bool) (frame, error) {
	timeout := time.After(patience)
	for {
		s.mu.Lock()
		for ; n < len(s.frames); n++ {
			if wanted(s.frames[n]) {
				defer s.mu.Unlock()
				return s.frames[n], nil
			}
		}
		came, err := s.came, s.err
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-came:
		case <-timeout:
			return nil, fmt.Errorf("it did not come within %v", patience)
		}
	}
}

// close ends the connection as a browser does that is closed.
func (s *socket) close() {
	_ = s.conn.Close(websocket.StatusGoingAway, "")
	<-s.done
}
