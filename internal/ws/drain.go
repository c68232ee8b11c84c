package ws

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

const (
	// maxSpread is over how long the clients of a leaving node go elsewhere, so that the others are not
	// overrun; a small node spreads them less.
	maxSpread     = 2 * time.Second
	spreadAClient = 2 * time.Millisecond
	// answerWithin is how long what a client has asked for may take; the rules answer sends within 3 seconds
	// (C2.6).
	answerWithin = 3 * time.Second
)

var restarts = realtime.Closing{Code: protocol.CloseRestart, Reason: "the node restarts"}

// Drain lets go of every connection (C8.4). New ones are refused. Each client is told when to connect again
// and is served as ever until then, so that all it is without service is the time it takes to connect; then
// what it has asked for is answered and its socket closes with 1012. Drain returns when all are closed,
// within 8 seconds, or when ctx ends. A second call does nothing.
func (s *Server) Drain(ctx context.Context) error {
	conns, first := s.refuse()
	if !first {
		return nil
	}
	for _, p := range told(conns) {
		if !sleepUntil(ctx, p.at) {
			break
		}
		p.conn.requests.end(func() { p.conn.out.End(restarts) })
	}
	if !s.closed(ctx, answerWithin) {
		for _, c := range conns {
			c.out.End(restarts)
		}
	}
	s.cancel()
	if s.closed(ctx, closeWithin) {
		return nil
	}
	for _, c := range conns {
		c.net.Close()
	}
	return ctx.Err()
}

// refuse lets nobody in any more and returns who is.
func (s *Server) refuse() (conns []*conn, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return nil, false
	}
	s.draining = true
	if len(s.conns) == 0 {
		close(s.empty)
	}
	return slices.Collect(maps.Keys(s.conns)), true
}

// parting is when a client is let go.
type parting struct {
	conn *conn
	at   time.Time
}

// told tells each client when it is to connect again, and returns them in that order.
func told(conns []*conn) []parting {
	spread := min(maxSpread, time.Duration(len(conns))*spreadAClient)
	now := time.Now()
	partings := make([]parting, len(conns))
	for i, c := range conns {
		in := rand.N(spread.Milliseconds() + 1)
		partings[i] = parting{c, now.Add(time.Duration(in) * time.Millisecond)}
		c.send(protocol.Draining{ReconnectInMs: in})
	}
	slices.SortFunc(partings, func(a, b parting) int { return a.at.Compare(b.at) })
	return partings
}

func sleepUntil(ctx context.Context, t time.Time) bool {
	wait := time.Until(t)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// closed waits until no connection is left. It reports whether that is so.
func (s *Server) closed(ctx context.Context, within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-s.empty:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
