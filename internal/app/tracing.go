package app

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/obs"
	"github.com/parley-chat/parley/internal/span"
	"github.com/parley-chat/parley/internal/store"
)

// openSpans builds the recorder of spans, where a collector is named.
func (n *Node) openSpans(ctx context.Context) (err error) {
	if n.cfg.OTLPEndpoint == "" {
		return nil
	}
	n.spans, err = span.Open(ctx, span.Config{
		Endpoint: n.cfg.OTLPEndpoint, Service: service, Node: n.id, Version: n.version,
		Sent: n.spansSent(),
	})
	return err
}

// spansSent logs once when the collector takes no spans, and once when it takes them again. It is told one batch at a time.
func (n *Node) spansSent() func(error) {
	var away bool
	var since time.Time
	return func(err error) {
		switch {
		case err != nil && !away:
			since = time.Now()
			n.log.Warn("the collector of spans does not take them", "event", "spans.dropped", "error", err)
		case err == nil && away:
			n.log.Info("the collector of spans takes them again", "event", "spans.recovered", "after", time.Since(since).Round(time.Millisecond).String(), "lost", n.spans.Lost())
		}
		away = err != nil
	}
}

// readSpans emits how many spans were lost.
func (n *Node) readSpans(emit obs.Emit) { emit(obs.SpansLost, float64(n.spans.Lost())) }

// step begins a step of what a caller outside names. Whether it is recorded is decided here: anybody may send a traceparent.
func (n *Node) step(traceparent string) chat.Trace {
	t := chat.StepOf(traceparent)
	t.Sampled = n.spans != nil && rand.Float64()*100 < float64(n.cfg.OTLPSample)
	return t
}

// record records a step that ends now.
func (n *Node) record(name string, t chat.Trace, began time.Time, more span.Step) {
	if !t.Sampled || n.spans == nil {
		return
	}
	more.Name, more.Trace, more.Span, more.Parent, more.Began, more.Ended = name, t.ID, t.Span, t.Parent, began, time.Now()
	n.spans.Record(more)
}

// begin begins a trace of what the node does by itself.
func (n *Node) begin() chat.Trace { return n.step("") }

// recordRequest records a request by its route, and never by its path.
func (n *Node) recordRequest(t chat.Trace, r *http.Request, status int, began time.Time) {
	step := span.Step{Serves: true, Attributes: map[string]string{"http.route": r.Pattern, "http.response.status_code": strconv.Itoa(status)}}
	if status >= http.StatusInternalServerError {
		step.Fault = strconv.Itoa(status)
	}
	name := r.Pattern
	if name == "" {
		name = "HTTP"
	}
	n.record(name, t, began, step)
}

// recordSend records a send, and the parts of it: that it waited, that it was committed.
func (n *Node) recordSend(r chat.SendReport) {
	if !r.Trace.Sampled {
		return
	}
	began := time.Now().Add(-r.Latency)
	send := span.Step{Serves: true, Attributes: map[string]string{
		"chat.conversation.id": string(r.Conversation), "chat.message.id": string(r.Message), "enduser.id": string(r.Sender),
	}}
	if r.Err != nil {
		send.Attributes, send.Fault = nil, string(chat.AsError(r.Err).Code)
	}
	n.record("message.send", r.Trace, began, send)
	if n.spans == nil || r.Taken.IsZero() {
		return
	}
	n.recordPart("message.queue", r.Trace, began, r.Taken)
	if !r.Committed.IsZero() {
		n.recordPart("message.commit", r.Trace, r.Taken, r.Committed)
	}
}

func (n *Node) recordPart(name string, of chat.Trace, began, ended time.Time) {
	t := of.Step()
	n.spans.Record(span.Step{Name: name, Trace: t.ID, Span: t.Span, Parent: t.Parent, Began: began, Ended: ended})
}

// recordDelivery records that sessions of this node were handed a message.
func (n *Node) recordDelivery(of chat.Trace, heard bool, began time.Time) {
	n.record("message.deliver", of.Step(), began, span.Step{Hears: heard})
}

// recordPublish records that an envelope was handed to the other nodes.
func (n *Node) recordPublish(of chat.Trace, began time.Time) {
	n.record("bus.publish", of.Step(), began, span.Step{})
}

// recordFlush records a flush of what people read that had something to do.
func (n *Node) recordFlush(r chat.FlushReport) {
	if !r.Trace.Sampled || r.Err == nil && r.Written+r.Again+len(r.Buried) == 0 {
		return
	}
	step := span.Step{Attributes: map[string]string{
		"chat.receipts.written": strconv.Itoa(r.Written), "chat.receipts.again": strconv.Itoa(r.Again), "chat.receipts.buried": strconv.Itoa(len(r.Buried)),
	}}
	if r.Err != nil {
		step.Fault = string(chat.AsError(r.Err).Code)
	}
	n.record("receipts.flush", r.Trace, time.Now().Add(-r.Took), step)
}

// recording is what the store tells of what it does; nil where nobody wants to know.
func (n *Node) recording() store.Record {
	if n.cfg.OTLPEndpoint == "" {
		return nil
	}
	return n.recordStore
}

// recordStore records what the database did, and never a statement.
func (n *Node) recordStore(of chat.Trace, op store.Operation, messages int, began time.Time, err error) {
	step := span.Step{Asks: true, Attributes: map[string]string{"db.operation.name": string(op)}}
	if messages > 0 {
		step.Attributes["db.operation.batch.size"] = strconv.Itoa(messages)
	}
	// What is not there is an answer.
	if e := chat.AsError(err); err != nil && !errors.Is(err, sql.ErrNoRows) && e.Code.Info().Status >= http.StatusInternalServerError {
		step.Fault = string(e.Code)
	}
	n.record("db."+string(op), of.Step(), began, step)
}

// writing is what the hub tells of frames that were written to sockets; nil where nobody wants to know.
func (n *Node) writing() func(chat.Trace, time.Time) {
	if n.spans == nil {
		return nil
	}
	return func(of chat.Trace, began time.Time) { n.record("socket.write", of.Step(), began, span.Step{}) }
}

// closeSpans sends what is recorded, for a second at most.
func (n *Node) closeSpans(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = n.spans.Close(ctx)
}
