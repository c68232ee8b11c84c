package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/obs"
)

// Run runs the node until ctx ends or a part of it fails, drains it, and returns. It may be called once.
func (n *Node) Run(ctx context.Context) error {
	r := running{ctx: context.WithoutCancel(ctx), failed: make(chan error, 16), over: make(chan struct{})}
	stopWatch := r.start(n.store.Watch)
	stopReach := n.reach.start(&r)
	stopAround := r.start(n.lookAround)
	stopHub := r.start(func(ctx context.Context) error { return n.hub.Run(ctx, n.chat) })
	stopChat := r.start(n.chat.Run)
	stopAuth := r.start(n.auth.Run)
	stopMemory := r.start(newMemory().tend)
	stopPulse := r.start(n.pulse.run)
	stopVitals := r.start(n.vitals.run)
	stopRecent := r.start(n.recent.Run)
	stopMetrics := r.start(n.serveOperator)
	stopStorage := r.start(n.storage.run)
	stopAnnouncer := r.start((&announcer{node: n}).run)
	stopBot := func() {}
	if n.bot != nil {
		stopBot = r.start(func(ctx context.Context) error { return n.bot.Run(ctx, n.chat) })
	}
	go func() {
		if err := n.server.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
			r.failed <- fmt.Errorf("the HTTP server ended: %w", err)
		}
	}()
	n.log.Info("node.started", "url", n.URL(), "database", n.store.Kind(), "serverId", n.id)
	for _, warning := range append(n.notes, n.warnings...) {
		n.log.Warn("node.warning", "message", warning)
	}

	var err error
	select {
	case <-ctx.Done():
	case err = <-r.failed:
	}
	n.log.Info("node.draining")
	time.AfterFunc(drainWhole, func() { close(r.over) })
	stopBot()
	err = errors.Join(err, n.drain(r.ctx))
	stopChat()
	stopHub()
	stopAround()
	n.leaving.Store(true)
	stopReach()
	n.closeSpans(r.ctx)
	stopAuth()
	stopMemory()
	stopAnnouncer()
	stopPulse()
	stopVitals()
	stopRecent()
	stopStorage()
	stopMetrics()
	stopWatch()
	stopped := make(chan error, 1)
	go func() { stopped <- n.Close() }()
	select {
	case closed := <-stopped:
		err = errors.Join(err, closed)
	case <-r.over:
		err = errors.Join(err, errors.New("the node was stopped before everything in it had ended"))
	}
	n.log.Info("node.stopped")
	return err
}

// running is the parts of a node that run beside each other.
type running struct {
	ctx    context.Context // outlives the node's own by the time that draining takes
	failed chan error
	over   chan struct{} // closed when the drain has taken its time: nothing is waited for any more
}

// start runs a part until stop is called, which waits for it.
func (r *running) start(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil {
			r.failed <- err
		}
	}()
	return func() {
		cancel()
		select {
		case <-done:
		case <-r.over:
		}
	}
}

// sent counts and logs what became of a send, and lets the bot of the demo hear it.
func (n *Node) sent(r chat.SendReport) {
	n.metrics.Sent(resultOf(r), r.Latency)
	if n.bot != nil {
		n.bot.Hear(r)
	}
	n.recordSend(r)
	n.logSend(r)
}

// The events that come often.
var (
	messageSent     = logging("message.sent")
	messageFailed   = logging("message.failed")
	messageDelivers = logging("message.delivered")
	receiptUpdated  = logging("receipt.updated")
	presenceChanged = logging("presence.changed")
)

// logSend logs what became of a send: what the sender did wrong as information, what is wrong here as a warning.
func (n *Node) logSend(r chat.SendReport) {
	ctx, level, event := messageSent, slog.LevelInfo, "message.sent"
	var e *chat.Error
	if r.Err != nil {
		ctx, event, e = messageFailed, "message.failed", chat.AsError(r.Err)
		if e.Reason == chat.ReasonOverloaded || e.Reason == chat.ReasonReadOnly {
			// There are thousands, and it is said once that there are (overload.go, storage.go).
			return
		}
		if e.Code.Info().Status >= http.StatusInternalServerError {
			level = slog.LevelWarn
		}
	}
	if !n.log.Enabled(ctx, level) {
		return
	}
	data := []slog.Attr{
		slog.String("traceId", r.Trace.TraceID()), slog.String("userId", string(r.Sender)),
		slog.Float64("latencyMs", float64(r.Latency.Microseconds())/1000),
	}
	// What breaks the rules for ids may be anything, a message too.
	if chat.ValidID(string(r.Conversation)) {
		data = append(data, slog.String("conversationId", string(r.Conversation)))
	}
	if chat.CheckClientMessageID(r.ClientMessageID) == nil {
		data = append(data, slog.String("clientMessageId", r.ClientMessageID))
	}
	if e == nil {
		data = append(data, slog.String("messageId", string(r.Message)), slog.Bool("duplicate", r.Duplicate))
	} else {
		data = append(data, slog.String("code", string(e.Code)), slog.String("outcome", string(e.Outcome)), slog.String("reason", string(e.Reason)))
		if level == slog.LevelWarn {
			data = append(data, slog.String("error", n.causeOf(e)))
		}
	}
	_ = n.log.Handler().Handle(ctx, record(level, event, data...))
}

// causeOf says why a send failed by a fault of ours. Whoever refuses it because the database is away has asked it nothing: what
// the last question was answered is the cause.
func (n *Node) causeOf(e *chat.Error) string {
	if e.Err != nil {
		return e.Err.Error()
	}
	if err := n.pulse.lost(); err != nil && (e.Code == chat.CodeDBConnectionLost || e.Code == chat.CodeDBTimeout) {
		return e.Message + " " + err.Error()
	}
	return e.Message
}

// record is an entry of which Enabled was asked.
func record(level slog.Level, event string, data ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Now(), level, event, 0)
	r.AddAttrs(data...)
	return r
}

// write logs an event that comes often, if Enabled says so.
func (n *Node) write(ctx context.Context, event string, data func() []slog.Attr) {
	if n.log.Enabled(ctx, slog.LevelInfo) {
		_ = n.log.Handler().Handle(ctx, record(slog.LevelInfo, event, data()...))
	}
}

// panicked logs a fault in the rules' own work.
func (n *Node) panicked(fault any, stack []byte) {
	n.metrics.Panicked(obs.InRules)
	n.log.Error("work of the rules panicked", "event", "rules.panic", "panic", chat.FaultText(fault), "stack", string(stack))
}

// delivered logs up to where somebody's devices have what was sent (C3.4).
func (n *Node) delivered(d chat.DeliveredStep) {
	n.write(messageDelivers, "message.delivered", func() []slog.Attr {
		return []slog.Attr{
			slog.String("traceId", n.hub.TraceOf(d.Conversation, d.Seq).TraceID()), slog.String("userId", string(d.User)),
			slog.String("conversationId", string(d.Conversation)), slog.Int64("upToSeq", d.Seq),
		}
	})
}

// readShown logs what others are told of somebody's reading (C6.3).
func (n *Node) readShown(r chat.ReadReport) {
	n.write(receiptUpdated, "receipt.updated", func() []slog.Attr {
		return []slog.Attr{
			slog.String("traceId", r.Trace.TraceID()), slog.String("userId", string(r.User)), slog.String("conversationId", string(r.Conversation)),
			slog.String("messageId", string(r.Message)), slog.Int64("upToSeq", r.Seq),
		}
	})
}

// readLog emits what the log left out.
func (n *Node) readLog(emit obs.Emit) {
	var sampled, dropped uint64
	if h, ours := n.log.Handler().(*logHandler); ours {
		sampled = h.sampler.total()
		if h.writer != nil {
			dropped = h.writer.Dropped()
		}
	}
	emit(obs.LogSampled, float64(sampled))
	emit(obs.LogDropped, float64(dropped))
}
