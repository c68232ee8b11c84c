package app

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// A drain is over within 10 seconds (C8.4), whatever hangs: these are its parts and its whole.
const (
	// drainLead is how long a node that others can stand in for says that it is not ready before it lets go of
	// anybody: load balancers that ask for health, or are told by somebody who does, have stopped choosing it.
	drainLead     = time.Second
	drainSockets  = 7 * time.Second
	drainRequests = 500 * time.Millisecond
	drainWhole    = 9500 * time.Millisecond
)

// drain sends the clients away. First the node only says that it is not ready, and serves as ever. Then the port
// closes, which sends every proxy to another node with what is new, and the clients that are connected are told
// when to go, each in its own time. What was asked for, over sockets and over REST, is answered.
func (n *Node) drain(ctx context.Context) error {
	n.draining.Store(true)
	n.reach.leaving()
	if n.reach.bus.Peers() {
		lead := time.NewTimer(drainLead)
		defer lead.Stop()
		<-lead.C
	}
	requests, giveUp := context.WithCancel(ctx)
	defer giveUp()
	closed := make(chan error, 1)
	go func() { closed <- n.server.Shutdown(requests) }()

	ctx, cancel := context.WithTimeout(ctx, drainSockets)
	defer cancel()
	err := n.sockets.Drain(ctx)
	n.requests.wait(ctx)
	// Answers that are being written have a moment more. A connection on which nothing was ever asked would be
	// waited for much longer.
	defer time.AfterFunc(drainRequests, giveUp).Stop()
	if <-closed != nil {
		err = errors.Join(err, n.server.Close())
	}
	return err
}

// underWay counts the requests that are being answered.
type underWay struct {
	mu   sync.Mutex
	open int
	none chan struct{} // closed when there is none; nil while nobody waits
}

// counted serves requests and counts them. While the node drains each is the last on its connection.
func (n *Node) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		n.requests.add(1)
		defer n.requests.add(-1)
		next.ServeHTTP(w, r)
	})
}

func (u *underWay) add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.open += n; u.open == 0 && u.none != nil {
		close(u.none)
		u.none = nil
	}
}

// wait waits until there is no request, or ctx ends. One at a time may wait.
func (u *underWay) wait(ctx context.Context) {
	u.mu.Lock()
	if u.open == 0 {
		u.mu.Unlock()
		return
	}
	none := make(chan struct{})
	u.none = none
	u.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}
