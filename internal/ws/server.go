package ws

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/realtime"
)

// Config is what the operator decides.
type Config struct {
	Log *slog.Logger
	// Rules are the limits; the zero value allows nothing, so it is set even when the limiter is
	// [limit.Unlimited].
	Rules limit.Rules
	// Origins are the web origins that may connect, such as https://chat.example.com. Empty: pages of
	// the host that is connected to (C4.5).
	Origins []string
	// Addresses finds the client behind trusted proxies; nil believes the connection.
	Addresses *limit.Addresses
	// Refuse answers a request that becomes no connection with an error, under a status. Nil says it in plain text.
	Refuse func(w http.ResponseWriter, status int, of chat.Trace, err *chat.Error)
	// Panicked is told of a fault in what one client asked for, after it was logged. May be nil.
	Panicked func()
	// Compression accepts permessage-deflate where a client offers it.
	Compression bool
	// Bounds are how many connections there may be at once; the zero value bounds nothing.
	Bounds Bounds
	// Trace begins the step of a frame, or of a connection, whose client says the traceparent given, "" for none. Nil
	// takes the client's trace, or begins one.
	Trace func(traceparent string) chat.Trace
}

// Server is the handler of GET /ws.
type Server struct {
	cfg      Config
	rules    *chat.Service
	hub      *realtime.Hub
	verifier Verifier
	limiter  limit.Limiter
	places   *places
	began    time.Time // what each [moment] is counted from
	counters counters

	ctx    context.Context // of what connections ask for; ends when the server has drained
	cancel context.CancelFunc

	mu       sync.Mutex
	conns    map[*conn]struct{}
	empty    chan struct{} // closed when there is no connection and none may come
	draining bool
}

// New builds the server.
func New(cfg Config, rules *chat.Service, hub *realtime.Hub, verifier Verifier, limiter limit.Limiter) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Addresses == nil {
		cfg.Addresses = new(limit.Addresses)
	}
	if cfg.Refuse == nil {
		cfg.Refuse = refuseInText
	}
	if cfg.Trace == nil {
		cfg.Trace = chat.StepOf
	}
	s := &Server{
		cfg: cfg, rules: rules, hub: hub, verifier: verifier, limiter: limiter,
		conns: make(map[*conn]struct{}), empty: make(chan struct{}), counters: newCounters(),
		// What has not been is longer ago than anything is counted.
		began: time.Now().Add(-time.Minute),
	}
	s.places = newPlaces(cfg.Bounds, s.tellPlaces)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// at is a time as connections keep it, and time what they keep as the time that it was.
func (s *Server) at(t time.Time) moment { return moment(t.Sub(s.began)) }

func (s *Server) time(m moment) time.Time { return s.began.Add(time.Duration(m)) }

// Connections is how many sockets are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// remember takes a connection in, unless the server drains.
func (s *Server) remember(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining {
		s.conns[c] = struct{}{}
	}
	return !s.draining
}

// forget is called when a connection's socket is closed.
func (s *Server) forget(c *conn) {
	s.places.giveBack(c.place)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.conns[c]; !known {
		return
	}
	delete(s.conns, c)
	if s.draining && len(s.conns) == 0 {
		close(s.empty)
	}
}
