package app_test

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redistest"
)

// spans is a collector that keeps what it gets, by the node that it is of.
type spans struct {
	mu   sync.Mutex
	of   map[string][]*otlp.Span
	text strings.Builder
	came chan struct{} // has room for one
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	data, err := io.ReadAll(body)
	var got collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(data, &got) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.text.Write(data)
	for _, resource := range got.ResourceSpans {
		node := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.instance.id" {
				node = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			s.of[node] = append(s.of[node], scope.Spans...)
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-protobuf")
	select {
	case s.came <- struct{}{}:
	default:
	}
}

// find waits for the span of a node that has the name and belongs to the trace.
func (s *spans) find(t *testing.T, node, name, trace string) *otlp.Span {
	t.Helper()
	over := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		var names []string
		for _, span := range s.of[node] {
			if names = append(names, span.Name); span.Name == name && hex.EncodeToString(span.TraceId) == trace {
				s.mu.Unlock()
				return span
			}
		}
		s.mu.Unlock()
		select {
		case <-s.came:
		case <-over:
			t.Fatalf("%s sends no span %s of the trace %s, but %v", node, name, trace, names)
		}
	}
}

// children are the names of the spans of a node that are parts of a span.
func (s *spans) children(node string, of *otlp.Span) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range s.of[node] {
		if string(span.ParentSpanId) == string(of.SpanId) {
			names = append(names, span.Name)
		}
	}
	return names
}

// any waits for a span that has the name, of whatever node and trace.
func (s *spans) any(t *testing.T, name string) (node string, found *otlp.Span) {
	t.Helper()
	over := time.After(time.Minute)
	for {
		s.mu.Lock()
		for node, all := range s.of {
			for _, span := range all {
				if span.Name == name {
					s.mu.Unlock()
					return node, span
				}
			}
		}
		s.mu.Unlock()
		select {
		case <-s.came:
		case <-over:
			t.Fatalf("nobody sends a span %s", name)
		}
	}
}

// TestATraceLeadsFromAFrameToTheCommitAndToTheSocketsOfAnotherNode follows what a client sent in a frame, with its traceparent.
func TestATraceLeadsFromAFrameToTheCommitAndToTheSocketsOfAnotherNode(t *testing.T) {
	got := &spans{of: make(map[string][]*otlp.Span), came: make(chan struct{}, 1)}
	server := httptest.NewServer(got)
	t.Cleanup(server.Close)
	env := []string{
		"DATABASE_URL=" + pgtest.NewDatabase(t), "REDIS_URL=" + redistest.Start(t).URL(), "PARLEY_SIGNING_KEY=" + strings.Repeat("k", 32),
		"PARLEY_OTLP_ENDPOINT=" + server.URL + "/v1/traces", "PARLEY_OTLP_SAMPLE=100", "PARLEY_READ_THRESHOLD=2",
	}
	one, two := run(t, append(env, "PARLEY_NODE_ID=node-1")...), run(t, append(env, "PARLEY_NODE_ID=node-2")...)
	ada, bert := join(t, one, "ada"), join(t, two, "bert")
	id := direct(t, ada, bert)
	token, err := ada.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(one.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	const trace, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, frame := range []string{
		fmt.Sprintf(`{"type":"auth","token":%q}`, token),
		fmt.Sprintf(`{"type":"message:send","conversationId":%q,"clientMessageId":"k","content":"nobody's business","traceparent":"00-%s-%s-00"}`, id, trace, caller),
	} {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	send := got.find(t, "node-1", "message.send", trace)
	if hex.EncodeToString(send.ParentSpanId) != caller {
		t.Errorf("the send is a part of %x", send.ParentSpanId)
	}
	for _, part := range []*otlp.Span{
		got.find(t, "node-1", "message.queue", trace), got.find(t, "node-1", "message.commit", trace), got.find(t, "node-1", "db.append", trace),
		got.find(t, "node-1", "bus.publish", trace), got.find(t, "node-1", "socket.write", trace), // of the sender's other device
		got.find(t, "node-2", "message.deliver", trace), got.find(t, "node-2", "socket.write", trace),
	} {
		if string(part.ParentSpanId) != string(send.SpanId) || part.EndTimeUnixNano < part.StartTimeUnixNano || part.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
			t.Errorf("%v is no part of the send %v", part, send)
		}
	}

	message := await[client.MessageReceived](t, bert).Message
	bert.live.MarkRead(id, message.ID)
	node, flush := got.any(t, "receipts.flush")
	if names := got.children(node, flush); !slices.Contains(names, "db.write") {
		t.Errorf("of a flush the parts are %v", names)
	}
	if strings.Contains(got.text.String(), "nobody's business") || strings.Contains(got.text.String(), token) {
		t.Error("the spans hold the message, or a token")
	}
}

func TestOneTraceLeadsOverTwoNodes(t *testing.T) {
	got := &spans{of: make(map[string][]*otlp.Span), came: make(chan struct{}, 1)}
	server := httptest.NewServer(got)
	t.Cleanup(server.Close)
	env := []string{
		"DATABASE_URL=" + pgtest.NewDatabase(t), "REDIS_URL=" + redistest.Start(t).URL(), "PARLEY_SIGNING_KEY=" + strings.Repeat("k", 32),
		"PARLEY_OTLP_ENDPOINT=" + server.URL + "/v1/traces", "PARLEY_OTLP_SAMPLE=100",
	}
	one, two := run(t, append(env, "PARLEY_NODE_ID=node-1")...), run(t, append(env, "PARLEY_NODE_ID=node-2")...)
	ada, bert := join(t, one, "ada"), join(t, two, "bert")
	id := direct(t, ada, bert)
	const trace, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	token, err := ada.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const route = "/api/conversations/{id}/messages"
	r, err := http.NewRequestWithContext(t.Context(), "POST", one.url+strings.Replace(route, "{id}", id, 1), strings.NewReader(`{"content":"nobody's business","clientMessageId":"k"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Traceparent", "00-"+trace+"-"+caller+"-00")
	a, err := http.DefaultClient.Do(r)
	if err != nil || a.StatusCode != http.StatusCreated {
		t.Fatal(err, a)
	}
	a.Body.Close()
	request := got.find(t, "node-1", "POST "+route, trace)
	send := got.find(t, "node-1", "message.send", trace)
	if hex.EncodeToString(request.ParentSpanId) != caller || string(send.ParentSpanId) != string(request.SpanId) {
		t.Errorf("the caller's %s has the request %v, and that the send %v", caller, request, send)
	}
	for _, part := range []*otlp.Span{
		got.find(t, "node-1", "message.queue", trace), got.find(t, "node-1", "message.commit", trace), got.find(t, "node-1", "bus.publish", trace),
		got.find(t, "node-2", "message.deliver", trace),
	} {
		if string(part.ParentSpanId) != string(send.SpanId) || part.EndTimeUnixNano < part.StartTimeUnixNano {
			t.Errorf("%v is no part of the send %v", part, send)
		}
	}
	if strings.Contains(got.text.String(), "nobody's business") {
		t.Error("the spans hold the message")
	}
}

func TestACollectorThatIsAwayHoldsUpNothing(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_OTLP_ENDPOINT=http://127.0.0.1:1/v1/traces", "PARLEY_OTLP_SAMPLE=100")
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	id := direct(t, ada, bert)
	for range 3 {
		say(t, ada, id, "it goes on")
	}
}

func TestACollectorThatTakesNoSpansIsComplainedOfOnceAndWhatIsLostIsCounted(t *testing.T) {
	var takes atomic.Bool
	asked, over := make(chan struct{}), make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !takes.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
		select {
		case asked <- struct{}{}:
		case <-over:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(collector.Close)
	c := settings(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_OTLP_ENDPOINT="+collector.URL+"/v1/traces", "PARLEY_OTLP_SAMPLE=100", "PARLEY_LOG_FORMAT=json")
	var log journal
	built, err := app.New(t.Context(), c, "test", app.NewLog(&c.Config, &log))
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, built)
	batch := func() {
		get(t, n.url+"/health/live")
		select {
		case <-asked:
		case <-time.After(30 * time.Second):
			t.Fatal("nothing is sent")
		}
	}
	for range 3 {
		batch()
	}
	takes.Store(true)
	for range 2 {
		batch()
	}
	if _, text := get(t, "http://"+n.MetricsAddress()+"/metrics"); !strings.Contains(text, "chat_spans_lost_total ") || strings.Contains(text, "chat_spans_lost_total 0\n") {
		t.Error("the lost spans are not counted")
	}
	close(over)
	n.stop(t)
	for _, event := range []string{"spans.dropped", "spans.recovered"} {
		if got := strings.Count(log.String(), `"event":"`+event+`"`); got != 1 {
			t.Errorf("%s is logged %d times: %s", event, got, log.String())
		}
	}
}
