package chaos

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// line is how one person gets to the cluster. It can be cut in the middle of whatever it carries.
type line struct {
	client *http.Client

	mu    sync.Mutex
	conns map[*lineConn]bool
}

func newLine() *line {
	l := &line{conns: map[*lineConn]bool{}}
	l.client = &http.Client{
		Timeout:   noAnswerWithin,
		Transport: &http.Transport{DialContext: l.dial, MaxIdleConnsPerHost: mostOpen, IdleConnTimeout: 20 * time.Second},
	}
	return l
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	kept := &lineConn{conn, l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[kept] = true
	return kept, nil
}

// cut resets every connection of this person.
func (l *line) cut() {
	l.mu.Lock()
	var conns []*lineConn
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		if tcp, is := c.Conn.(*net.TCPConn); is {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// lineConn is a connection that its line knows of until it is closed.
type lineConn struct {
	net.Conn
	line *line
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}
