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
	// maxSpread is over how long the clients of a leaving node come back, so that nobody is without
	// service for over 3 seconds (C8.4); a small node spreads them less.
	maxSpread     = 2 * time.Second
	spreadAClient = 2 * time.Millisecond
	// answerWithin is how long sends in flight may take; the rules answer each within 3 seconds (C2.6).
	answerWithin = 3500 * time.Millisecond
)

// Drain lets go of every connection (C8.4): new ones are refused, each client is told how long to wait
// before it connects again, sends in flight are answered, and the sockets close with 1012. It returns
// when all are closed, within 10 seconds, or when ctx ends. A second call does nothing.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		return nil
	}
	s.draining = true
	conns := slices.Collect(maps.Keys(s.conns))
	if len(conns) == 0 {
		close(s.empty)
	}
	if s.requests == 0 {
		close(s.idle)
	}
	s.mu.Unlock()

	spread := min(maxSpread, time.Duration(len(conns))*spreadAClient)
	for _, c := range conns {
		c.send(protocol.Draining{ReconnectInMs: rand.N(spread.Milliseconds() + 1)})
	}
	answered := time.NewTimer(answerWithin)
	defer answered.Stop()
	select {
	case <-s.idle:
	case <-answered.C:
	case <-ctx.Done():
	}
	s.cancel()
	for _, c := range conns {
		c.out.End(realtime.Closing{Code: protocol.CloseRestart, Reason: "the node restarts"})
	}
	closed := time.NewTimer(2 * closeWithin)
	defer closed.Stop()
	select {
	case <-s.empty:
		return nil
	case <-closed.C:
	case <-ctx.Done():
	}
	for _, c := range conns {
		c.net.Close()
	}
	return ctx.Err()
}
