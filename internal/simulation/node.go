package simulation

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/ws"
)

// large is how many people make a conversation large here: two of the three conversations begin large, and become small
// and large again while people come and go.
const large = 4

// node is a place where a process runs, one after the other.
type node struct {
	world *world
	place int
	ahead time.Duration // of its clock

	mu     sync.Mutex
	now    *process // nil while none runs
	begun  int      // processes so far
	cutOff bool     // from the database
}

// process is what runs on a node, from its start to its death or its orderly end.
type process struct {
	world   *world
	node    *node
	id      string // its serverId
	gate    *gate
	hub     *realtime.Hub
	rules   *chat.Service
	sockets *ws.Server

	running sync.WaitGroup
	stop    context.CancelFunc
	leaving atomic.Bool
	// fuse is how many more steps at the database the process lives; negative: it does not burn.
	fuse atomic.Int64

	mu      sync.Mutex
	conns   map[*end]struct{}
	drained time.Time // when it began to drain
}

func (p *process) drainedAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.drained
}

func (p *process) log(format string, args ...any) { p.world.journal.add(p.id, format, args...) }

// start starts a process on the node, if none runs.
func (n *node) start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now != nil {
		return
	}
	n.begun++
	w := n.world
	p := &process{world: w, node: n, id: fmt.Sprintf("node%d.%d", n.place+1, n.begun), gate: newGate(), conns: make(map[*end]struct{})}
	p.fuse.Store(-1)
	p.hub = realtime.NewHub(realtime.Config{NodeID: p.id}, bus{w.network, p})
	p.rules = chat.New(chat.Config{
		NewID: func() string { return w.newID(p.id) }, Lanes: 1 + n.place%2, Readers: readers{w.shared, p}, ReadThreshold: large,
	}, newWay(p, w.store), p.hub)
	p.sockets = ws.New(ws.Config{Rules: limit.Defaults()}, p.rules, p.hub, w, limit.Unlimited{})
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.running.Go(func() { _ = p.rules.Run(ctx) })
	p.running.Go(func() { _ = p.hub.Run(ctx, p.rules) })
	n.now = p
	p.log("starts")
}

// process is what runs on the node, or nil.
func (n *node) process() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

func (n *node) unplugged() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cutOff
}

func (n *node) unplug(off bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cutOff = off
}

// vacate notes that the process runs no more.
func (n *node) vacate(p *process) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now == p {
		n.now = nil
	}
}

// kill ends the process where it stands (SIGKILL): its memory is gone, its sockets break, and of what it asked
// the database only what is committed remains.
func (p *process) kill(why string) {
	if !p.gate.kill() {
		return
	}
	p.log("is killed %s", why)
	p.node.vacate(p)
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for c := range conns {
		c.sever()
	}
	p.stop()
	p.world.errands.Go(p.running.Wait)
}

// burn is one step of a process that is about to be killed at one.
func (p *process) burn(step string) {
	if p.fuse.Load() >= 0 && p.fuse.Add(-1) == -1 {
		p.kill(step)
	}
}

// drain ends the process in order (SIGTERM), as internal/app does (C8.4).
func (p *process) drain() {
	if p.gate.isDead() || !p.leaving.CompareAndSwap(false, true) {
		return
	}
	p.log("drains")
	p.mu.Lock()
	p.drained = time.Now()
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	_ = p.sockets.Drain(ctx)
	p.stop()
	p.running.Wait()
	if p.gate.end() {
		p.log("has ended in order")
		p.node.vacate(p)
	}
}

// dial opens a socket to the process. There is none to one that is gone or leaves.
func (p *process) dial(latency time.Duration) (*end, error) {
	client, server := connect(latency, p.gate)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil || p.leaving.Load() {
		return nil, net.ErrClosed
	}
	server.closed = func() { p.forget(server) }
	p.conns[server] = struct{}{}
	go p.serve(server)
	return client, nil
}

// serve is what net/http does with a request for /ws.
func (p *process) serve(c *end) {
	if !p.gate.pass() {
		return
	}
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		c.Close()
		return
	}
	p.sockets.ServeHTTP(&taken{end: c}, r)
}

// forget lets go of a connection that is over.
func (p *process) forget(c *end) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// taken is a response that gives its connection away, or refuses in one line.
type taken struct {
	*end
	header http.Header
	gone   bool
}

func (t *taken) Header() http.Header {
	if t.header == nil {
		t.header = make(http.Header)
	}
	return t.header
}

func (t *taken) WriteHeader(status int) {
	if !t.gone {
		_, _ = fmt.Fprintf(t.end, "HTTP/1.1 %d %s\r\nConnection: close\r\n\r\n", status, http.StatusText(status))
		t.gone = true
		_ = t.end.Close()
	}
}

func (t *taken) Write(p []byte) (int, error) { return len(p), nil }

func (t *taken) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	t.gone = true
	return t.end, bufio.NewReadWriter(bufio.NewReader(t.end), bufio.NewWriter(t.end)), nil
}

// Verify satisfies ws.Verifier: a token is who it speaks for and their login. Signatures are not what is
// simulated.
func (w *world) Verify(token string) (auth.Identity, error) {
	if p := w.byLogin[token]; p != nil && !w.signedOut(token) {
		return auth.Identity{User: p.id, Login: chat.LoginID(token), ExpiresAt: time.Now().Add(time.Hour)}, nil
	}
	return auth.Identity{}, &chat.Error{Code: chat.CodeAuthFailed, Message: "The token is missing, invalid or expired."}
}
