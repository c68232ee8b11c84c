// Package span sends what a trace consists of to a collector of OpenTelemetry, over HTTP (OTLP). Whoever does a step of a
// trace tells of it when it is over ([Recorder.Record]); nothing is carried along for it meanwhile, so that nothing is paid for
// where nobody records. Steps wait in a bounded queue; what a collector that is away or slow does not take is dropped.
package span

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// Config says where steps go, and whose they are.
type Config struct {
	Endpoint string // URL of a collector, such as http://localhost:4318/v1/traces
	Service  string
	Node     string
	Version  string
	// Failed is told when the collector did not take steps. May be nil.
	Failed func(error)
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
}

// Open builds a recorder. It asks the collector nothing.
func Open(ctx context.Context, c Config) (*Recorder, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Endpoint), otlptracehttp.WithTimeout(5*time.Second))
	if err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if c.Failed != nil {
			c.Failed(err)
		}
	}))
	provider := trace.NewTracerProvider(
		trace.WithBatcher(exporter, trace.WithBatchTimeout(time.Second)), trace.WithSampler(trace.AlwaysSample()), trace.WithIDGenerator(known{}),
		trace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", c.Service), attribute.String("service.instance.id", c.Node), attribute.String("service.version", c.Version),
		)),
	)
	return &Recorder{provider, provider.Tracer("github.com/parley-chat/parley")}, nil
}

// Record takes a step. It does not wait.
func (r *Recorder) Record(s Step) {
	if r == nil {
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
