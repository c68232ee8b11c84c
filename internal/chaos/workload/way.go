package workload

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ways are the kinds of ways in to a deployment: everybody has one.
type ways [][]string

// newWays: some go through nginx only, some straight to nodes and another one each time, some by both.
func newWays(c Config) ways {
	var out ways
	if len(c.Doors) > 0 {
		out = append(out, c.Doors)
	}
	if c.Front != "" {
		out = append(out, []string{c.Front}, append(slices.Clone(c.Doors), c.Front))
	}
	if len(out) == 0 {
		out = ways{nil}
	}
	return out
}

// way is how one client gets to the deployment. Each new connection takes the next door.
type way struct {
	doors  []string
	gentle bool // never hops
	client *http.Client

	mu    sync.Mutex
	next  int
	conns map[net.Conn]bool
}

// requestWithin bounds a REST request. It is over the bounds that are promised, so that what is
// late is seen as late and not as lost.
const requestWithin = 10 * time.Second

func (ws ways) way(i int, gentle bool) *way {
	w := &way{gentle: gentle, doors: ws[i%len(ws)], next: i / len(ws), conns: map[net.Conn]bool{}}
	w.client = &http.Client{
		Timeout:   requestWithin,
		Transport: &http.Transport{DialContext: w.dial, MaxIdleConnsPerHost: 2, IdleConnTimeout: 20 * time.Second},
	}
	return w
}

func (w *way) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, w.door(address))
	if err != nil {
		return nil, err
	}
	kept := &keptConn{Conn: conn, way: w}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[kept] = true
	return kept, nil
}

func (w *way) door(otherwise string) string {
	if len(w.doors) == 0 {
		return otherwise
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	return w.doors[w.next%len(w.doors)]
}

// hop drops every connection of this client in the middle of whatever it carries, by RST or in order.
func (w *way) hop(reset bool) {
	if w.gentle {
		return
	}
	w.mu.Lock()
	var conns []net.Conn
	for c := range w.conns {
		conns = append(conns, c)
	}
	w.mu.Unlock()
	for _, c := range conns {
		if tcp, is := c.(*keptConn).Conn.(*net.TCPConn); is && reset {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// keptConn is a connection that its way knows of until it is closed.
type keptConn struct {
	net.Conn
	way *way
}

func (c *keptConn) Close() error {
	c.way.mu.Lock()
	delete(c.way.conns, c)
	c.way.mu.Unlock()
	return c.Conn.Close()
}
