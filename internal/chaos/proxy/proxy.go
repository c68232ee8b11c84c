// Package proxy forwards TCP connections between the parts of a cluster and misbehaves when told to: it
// cuts with RST, holds bytes back in one or both directions while the connections stay open (half-open),
// delays and throttles. No byte is ever lost from within a connection, as with TCP; from what Redis publishes
// whole messages may be ([Losses]).
package proxy

import (
	"math"
	"net"
	"sync"
	"time"
)

// Weather is what happens to links. The zero value is fair.
type Weather struct {
	// Share of the links that are hit, above 0 to 1, of those at hand and of new ones alike. 0 means all.
	Share float64
	// Refuse cuts links with RST, new ones as soon as they are made.
	Refuse bool
	// HoldUp and HoldDown keep bytes and ends of connections back, towards the target and from it. What
	// was held goes on when the weather changes, as after a network that lost every packet for a while.
	HoldUp, HoldDown bool
	// Delay and up to as much Jitter again are added to every chunk of bytes, in their order.
	Delay, Jitter time.Duration
	// BytesPerSecond bounds each direction of a link. 0 means no bound.
	BytesPerSecond int
	// Losses take single messages out of what Redis publishes; nil for none.
	Losses *Losses
}

// Proxy is one listener in front of one target.
type Proxy struct {
	listener net.Listener
	target   string
	spread   bool
	redis    bool

	mu      sync.Mutex
	weather Weather
	changed chan struct{} // closed and replaced when the weather changes
	links   map[*link]bool
	made    uint64
	closed  bool
	running sync.WaitGroup
}

// Listen takes a free port of loopback for connections to target ("host:port").
func Listen(target string) (*Proxy, error) { return listen(&Proxy{target: target}) }

// ListenSpread is Listen for a target that goes by the addresses of its clients: each link comes from another
// network of loopback.
func ListenSpread(target string) (*Proxy, error) { return listen(&Proxy{target: target, spread: true}) }

// ListenRedis is Listen for a Redis that is spoken to in RESP3, of whose messages some may be lost ([Losses]).
func ListenRedis(target string) (*Proxy, error) { return listen(&Proxy{target: target, redis: true}) }

func listen(p *Proxy) (_ *Proxy, err error) {
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	p.changed, p.links = make(chan struct{}), map[*link]bool{}
	p.running.Go(p.accept)
	return p, nil
}

// Address is where the proxy listens, host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Port is the port of [Proxy.Address].
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Set changes the weather for the links at hand and those to come.
func (p *Proxy) Set(w Weather) {
	p.mu.Lock()
	p.weather = w
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
	if w.Refuse {
		p.Cut(w.Share)
	}
}

// Cut ends a share of the links with RST on both sides, 0 for all of them, and returns how many.
func (p *Proxy) Cut(share float64) int {
	n := 0
	for _, l := range p.hit(share) {
		l.reset()
		n++
	}
	return n
}

// Links is how many connections are forwarded now.
func (p *Proxy) Links() int { return len(p.hit(0)) }

func (p *Proxy) hit(share float64) []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*link
	for l := range p.links {
		if share == 0 || l.lot < share {
			out = append(out, l)
		}
	}
	return out
}

// Close ends the listener and every link, and returns when nothing of the proxy runs any more.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut(0)
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(conn.(*net.TCPConn)) })
	}
}

// serve forwards one connection until both directions have ended.
func (p *Proxy) serve(client *net.TCPConn) {
	w, _ := p.now()
	l := &link{proxy: p, client: client, gone: make(chan struct{})}
	if l.number, l.lot = p.draw(); w.Refuse && l.hitBy(w) {
		l.reset()
		return
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if p.spread {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, byte(1+int(l.lot*250)), 0, 1)}
	}
	conn, err := dialer.Dial("tcp", p.target)
	if err != nil {
		l.reset()
		return
	}
	l.server = conn.(*net.TCPConn)
	if !p.keep(l) {
		l.reset()
		return
	}
	var pumps sync.WaitGroup
	down := l.read
	if p.redis {
		down = l.readLossy
	}
	pumps.Go(func() { l.pump(l.client, l.server, l.read, func(w Weather) bool { return w.HoldUp }) })
	pumps.Go(func() { l.pump(l.server, l.client, down, func(w Weather) bool { return w.HoldDown }) })
	pumps.Wait()
	l.reset()
	p.forget(l)
}

// draw gives each link its lot, spread evenly over 0 to 1 in the order in which they are made.
func (p *Proxy) draw() (number uint64, lot float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made++
	_, lot = math.Modf(float64(p.made) * math.Phi)
	return p.made, lot
}

func (p *Proxy) keep(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.links[l] = true
	}
	return !p.closed
}

func (p *Proxy) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

func (p *Proxy) now() (Weather, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather, p.changed
}
