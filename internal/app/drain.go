package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// A drain is over within 10 seconds (C8.4), whatever hangs: these are its parts and its whole.
const (
	drainSockets  = 5 * time.Second
	drainRequests = 1500 * time.Millisecond
	drainWhole    = 9500 * time.Millisecond
)

// Run runs the node until ctx ends or a part of it fails, drains it, and returns. It may be called once.
func (n *Node) Run(ctx context.Context) error {
	failed := make(chan error, 16)
	over := make(chan struct{}) // closed when the drain has taken its time
	// What runs outlives ctx by the time that draining takes.
	start := func(run func(context.Context) error) (stop func()) {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := run(own); err != nil {
				failed <- err
			}
		}()
		return func() {
			cancel()
			select {
			case <-done:
			case <-over:
			}
		}
	}
	stopHub := start(func(ctx context.Context) error { return n.hub.Run(ctx, n.chat) })
	stopChat := start(n.chat.Run)
	stopAuth := start(n.auth.Run)
	stopMemory := start(newMemory().tend)
	stopPulse := start(n.pulse.run)
	stopMetrics := start(n.serveMetrics)
	stopBot := func() {}
	if n.bot != nil {
		stopBot = start(func(ctx context.Context) error { return n.bot.Run(ctx, n.chat) })
	}
	go func() {
		if err := n.server.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("the HTTP server ended: %w", err)
		}
	}()
	n.log.Info("node.started", "url", n.URL(), "database", n.store.Kind(), "serverId", n.hub.NodeID())
	for _, warning := range n.warnings {
		n.log.Warn("node.warning", "message", warning)
	}

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	n.log.Info("node.draining")
	time.AfterFunc(drainWhole, func() { close(over) })
	stopBot()
	err = errors.Join(err, n.drain(context.WithoutCancel(ctx)))
	stopChat()
	stopHub()
	stopAuth()
	stopMemory()
	stopPulse()
	stopMetrics()
	stopped := make(chan error, 1)
	go func() { stopped <- n.Close() }()
	select {
	case closed := <-stopped:
		err = errors.Join(err, closed)
	case <-over:
		err = errors.Join(err, errors.New("the node was stopped before everything in it had ended"))
	}
	n.log.Info("node.stopped")
	return err
}

// drain sends the clients away: not ready, no new sockets, system:draining to the ones that are there,
// until what they are sending is answered; then the requests under way are finished.
func (n *Node) drain(ctx context.Context) error {
	n.draining.Store(true)
	sockets, cancel := context.WithTimeout(ctx, drainSockets)
	defer cancel()
	err := n.sockets.Drain(sockets)
	requests, cancel := context.WithTimeout(ctx, drainRequests)
	defer cancel()
	if n.server.Shutdown(requests) != nil {
		err = errors.Join(err, n.server.Close())
	}
	return err
}

// sent counts and logs what became of a send, and lets the bot of the demo hear it.
func (n *Node) sent(r chat.SendReport) {
	n.metrics.Sent(resultOf(r), r.Latency)
	if n.bot != nil {
		n.bot.Hear(r)
	}
	if r.Err == nil && !n.log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	data := []any{
		"userId", string(r.Sender), "conversationId", string(r.Conversation), "clientMessageId", r.ClientMessageID,
		"latencyMs", float64(r.Latency.Microseconds()) / 1000,
	}
	if r.Err == nil {
		n.log.Info("message.sent", append(data, "messageId", string(r.Message), "duplicate", r.Duplicate)...)
		return
	}
	e := chat.AsError(r.Err)
	data = append(data, "code", string(e.Code), "outcome", string(e.Outcome))
	if e.Err != nil {
		data = append(data, "error", e.Err.Error())
	}
	n.log.Warn("message.failed", data...)
}
