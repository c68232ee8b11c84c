package app_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// balancer is a proxy in front of nodes: it takes them in turns, and the next one when one refuses, as nginx does.
type balancer struct {
	listener net.Listener
	links    sync.WaitGroup

	mu     sync.Mutex
	nodes  []string // host:port; "" for one that is gone
	next   int
	closed bool
	open   map[net.Conn]bool
}

func newBalancer(t *testing.T, nodes ...*node) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{listener: listener, open: make(map[net.Conn]bool)}
	for _, n := range nodes {
		b.nodes = append(b.nodes, addressOf(n))
	}
	b.links.Go(b.serve)
	t.Cleanup(b.close)
	return b
}

func addressOf(n *node) string { return strings.TrimPrefix(n.url, "http://") }

func (b *balancer) url() string { return "http://" + b.listener.Addr().String() }

// replace puts another node into a place.
func (b *balancer) replace(i int, n *node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes[i] = addressOf(n)
}

func (b *balancer) serve() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.links.Go(func() { b.forward(c) })
	}
}

// keep notes an open connection, unless the balancer is closed.
func (b *balancer) keep(c net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.open[c] = true
	}
	return !b.closed
}

func (b *balancer) drop(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
	c.Close()
}

func (b *balancer) forward(down net.Conn) {
	defer b.drop(down)
	up := b.dial()
	if up == nil || !b.keep(down) || !b.keep(up) {
		return
	}
	defer b.drop(up)
	var both sync.WaitGroup
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		// The other direction may have something to say still.
		_ = to.(*net.TCPConn).CloseWrite()
	}
	both.Go(func() { pipe(up, down) })
	both.Go(func() { pipe(down, up) })
	both.Wait()
}

// dial connects to the next node that takes it, or returns nil when none does.
func (b *balancer) dial() net.Conn {
	b.mu.Lock()
	nodes, first := append([]string(nil), b.nodes...), b.next
	b.next++
	b.mu.Unlock()
	for i := range nodes {
		if c, err := net.Dial("tcp", nodes[(first+i)%len(nodes)]); err == nil {
			return c
		}
	}
	return nil
}

func (b *balancer) close() {
	b.listener.Close()
	b.mu.Lock()
	b.closed = true
	for c := range b.open {
		c.Close()
	}
	b.mu.Unlock()
	b.links.Wait()
}
