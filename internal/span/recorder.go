// Package span sends what a trace consists of to a collector of OpenTelemetry, over HTTP (OTLP). Whoever does a step of a
// trace tells of it when it is over ([Recorder.Record]); nothing is carried along for it meanwhile, so that nothing is paid for
// where nobody records. Steps wait in a bounded queue; what a collector that is away or slow does not take is dropped.
package span

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// maxWaiting is how many steps wait for the collector.
const maxWaiting = 2048

// Config says where steps go, and whose they are.
type Config struct {
	Endpoint string // URL of a collector, such as http://localhost:4318/v1/traces
	Service  string
	Node     string
	Version  string
	// Sent is told of each batch, one at a time, whether the collector took it: nil, or why not. May be nil.
	Sent func(error)
}

// Step is one step of a trace, when it is over.
type Step struct {
	Name   string
	Trace  [16]byte
	Span   [8]byte
	Parent [8]byte // zero for none
	// Serves says that it answers somebody outside, Hears that another node's word began it, and Asks that it waited for another
	// program.
	Serves, Hears, Asks bool
	Began, Ended        time.Time
	// Fault is the code of what went wrong; "" for nothing.
	Fault      string
	Attributes map[string]string
}

// Recorder records steps. A nil one records nothing.
type Recorder struct {
	provider *trace.TracerProvider
	tracer   api.Tracer
	waiting  atomic.Int64 // steps that were recorded and not yet sent
	lost     atomic.Uint64
}

// Open builds a recorder. It asks the collector nothing.
func Open(ctx context.Context, c Config) (*Recorder, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Endpoint), otlptracehttp.WithTimeout(5*time.Second))
	if err != nil {
		return nil, err
	}
	// What goes wrong is told by the batches, and the library would print it.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	r := new(Recorder)
	r.provider = trace.NewTracerProvider(
		trace.WithBatcher(&batches{exporter, r, c.Sent}, trace.WithBatchTimeout(time.Second), trace.WithMaxQueueSize(maxWaiting)),
		trace.WithSampler(trace.AlwaysSample()), trace.WithIDGenerator(known{}),
		trace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", c.Service), attribute.String("service.instance.id", c.Node), attribute.String("service.version", c.Version),
		)),
	)
	r.tracer = r.provider.Tracer("github.com/parley-chat/parley")
	return r, nil
}

// Lost is how many steps were not sent, because the collector did not take them or they found no room to wait for it.
func (r *Recorder) Lost() uint64 {
	if r == nil {
		return 0
	}
	return r.lost.Load()
}

// batches are what is sent to the collector, and counted.
type batches struct {
	trace.SpanExporter
	of   *Recorder
	sent func(error)
}

// ExportSpans sends one. It does not fail: what did is told.
func (b *batches) ExportSpans(ctx context.Context, batch []trace.ReadOnlySpan) error {
	err := b.SpanExporter.ExportSpans(ctx, batch)
	b.of.waiting.Add(-int64(len(batch)))
	if err != nil {
		b.of.lost.Add(uint64(len(batch)))
	}
	if b.sent != nil {
		b.sent(err)
	}
	return nil
}

// Record takes a step. It does not wait.
func (r *Recorder) Record(s Step) {
	if r == nil {
		return
	}
	// The library's own queue drops without a word, and so is never to be full.
	if r.waiting.Add(1) > maxWaiting {
		r.waiting.Add(-1)
		r.lost.Add(1)
		return
	}
	ctx := context.WithValue(context.Background(), stepKey{}, &s)
	if s.Parent != [8]byte{} {
		ctx = api.ContextWithSpanContext(ctx, api.NewSpanContext(api.SpanContextConfig{
			TraceID: s.Trace, SpanID: s.Parent, TraceFlags: api.FlagsSampled, Remote: s.Serves || s.Hears,
		}))
	}
	kind := api.SpanKindInternal
	switch {
	case s.Serves:
		kind = api.SpanKindServer
	case s.Hears:
		kind = api.SpanKindConsumer
	case s.Asks:
		kind = api.SpanKindClient
	}
	attributes := make([]attribute.KeyValue, 0, len(s.Attributes)+1)
	for name, value := range s.Attributes {
		attributes = append(attributes, attribute.String(name, value))
	}
	if s.Fault != "" {
		attributes = append(attributes, attribute.String("error.type", s.Fault))
	}
	_, span := r.tracer.Start(ctx, s.Name, api.WithTimestamp(s.Began), api.WithSpanKind(kind), api.WithAttributes(attributes...))
	if s.Fault != "" {
		span.SetStatus(codes.Error, "")
	}
	span.End(api.WithTimestamp(s.Ended))
}

// Close sends what waits, until ctx ends.
func (r *Recorder) Close(ctx context.Context) error {
	if r == nil {
		return nil
	}
	return r.provider.Shutdown(ctx)
}

type stepKey struct{}

// known gives a step the ids that it has.
type known struct{}

func (known) NewIDs(ctx context.Context) (api.TraceID, api.SpanID) {
	s := ctx.Value(stepKey{}).(*Step)
	return s.Trace, s.Span
}

func (known) NewSpanID(ctx context.Context, _ api.TraceID) api.SpanID {
	return ctx.Value(stepKey{}).(*Step).Span
}
