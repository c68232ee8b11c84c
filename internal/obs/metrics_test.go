package obs_test

import (
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-chat/parley/internal/obs"
)

// happening are the metrics that are counted when something happens.
var happening = []*obs.Metric{
	obs.SendLatency, obs.Sends, obs.BatchMessages, obs.BatchCommit, obs.BatchFailures, obs.DeliveryLatency, obs.BusLag, obs.Requests, obs.RequestLatency,
	obs.Limited, obs.Panics, obs.ReceiptsFlushed, obs.ReceiptsWaiting, obs.FlushSeconds, obs.FlushFailures,
}

// everything emits each metric that is read, with some value for each of its labels.
func everything(emit obs.Emit) {
	for _, m := range obs.All() {
		if !slices.Contains(happening, m) {
			emit(m, 1, slices.Repeat([]string{"x"}, len(m.Labels))...)
		}
	}
}

func TestTheMetricsAreNamedAndExplainedAsPrometheusWants(t *testing.T) {
	metrics := obs.New([]string{"send"}, everything)
	var ours []string
	for _, m := range obs.All() {
		ours = append(ours, m.Name)
		if !strings.HasSuffix(m.Help, ".") {
			t.Errorf("the help of %s is no sentence", m.Name)
		}
	}
	problems, err := testutil.GatherAndLint(metrics.Gatherer(), ours...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestSendsAreCountedByResultAndTimedInTheSeedsBuckets(t *testing.T) {
	metrics := obs.New([]string{"send"})
	metrics.Sent(obs.Stored, 900*time.Microsecond)
	metrics.Sent(obs.Stored, 80*time.Millisecond)
	metrics.Sent(obs.Stored, 100*time.Millisecond)
	metrics.Sent(obs.Stored, 700*time.Millisecond)
	metrics.Sent(obs.Unknown, 2900*time.Millisecond)
	metrics.Sent(obs.Duplicate, time.Millisecond)
	metrics.Sent(obs.Rejected, time.Millisecond)
	metrics.Sent(obs.Refused, 2*time.Millisecond)
	shows(t, metrics,
		`chat_message_send_latency_seconds_bucket{le="0.0005"} 0`, `chat_message_send_latency_seconds_bucket{le="0.001"} 1`,
		`chat_message_send_latency_seconds_bucket{le="0.1"} 3`, `chat_message_send_latency_seconds_bucket{le="0.5"} 3`,
		`chat_message_send_latency_seconds_bucket{le="1"} 4`, `chat_message_send_latency_seconds_bucket{le="3"} 4`,
		// Nobody was told within three seconds that the unknown one was stored, and the refused one was not.
		`chat_message_send_latency_seconds_bucket{le="10"} 4`, `chat_message_send_latency_seconds_bucket{le="+Inf"} 6`,
		`chat_message_send_latency_seconds_sum 3.7829`, `chat_message_send_latency_seconds_count 6`,
		`chat_messages_sent_total{result="stored"} 4`, `chat_messages_sent_total{result="unknown"} 1`,
		`chat_messages_sent_total{result="duplicate"} 1`, `chat_messages_sent_total{result="rejected"} 1`, `chat_messages_sent_total{result="refused"} 1`,
	)
}

func TestTheSeedsBucketsAreThere(t *testing.T) {
	for _, bound := range []float64{0.1, 0.5, 1, 3} {
		if !slices.Contains(obs.SendLatency.Buckets, bound) {
			t.Errorf("le=%v is missing", bound)
		}
	}
}

func TestBatchesAndDeliveriesAreCounted(t *testing.T) {
	metrics := obs.New(nil)
	metrics.Committed(7, 3*time.Millisecond, false)
	metrics.Committed(500, 2*time.Second, true)
	metrics.Delivered(7, 4*time.Millisecond)
	metrics.Delivered(1, -time.Millisecond)
	metrics.Heard(40 * time.Millisecond)
	shows(t, metrics,
		`chat_batch_messages_bucket{le="5"} 0`, `chat_batch_messages_bucket{le="10"} 1`, `chat_batch_messages_bucket{le="500"} 2`, `chat_batch_messages_sum 507`,
		`chat_batch_commit_seconds_bucket{le="0.005"} 1`, `chat_batch_commit_seconds_bucket{le="2"} 2`, `chat_batch_failures_total 1`,
		`chat_message_delivery_latency_seconds_bucket{le="0.0005"} 1`, `chat_message_delivery_latency_seconds_bucket{le="0.005"} 8`,
		`chat_message_delivery_latency_seconds_sum 0.028`, `chat_bus_lag_seconds_bucket{le="0.05"} 1`, `chat_bus_lag_seconds_count 1`,
	)
}

func TestRequestsRefusalsAndFaultsAreCounted(t *testing.T) {
	metrics := obs.New([]string{"send", "login"})
	metrics.Answered("GET", 200, time.Millisecond)
	metrics.Answered("HEAD", 304, time.Millisecond)
	metrics.Answered("POST", 503, time.Second)
	metrics.Answered("BREW", 418, time.Millisecond)
	metrics.Answered("GET", 0, time.Millisecond)
	metrics.Answered("GET", 499, time.Millisecond)
	metrics.Limited("login")
	metrics.Limited("a rule that nobody named")
	metrics.Panicked(obs.InHTTP)
	shows(t, metrics,
		`chat_http_requests_total{method="read",status="2xx"} 2`, `chat_http_requests_total{method="read",status="3xx"} 1`,
		`chat_http_requests_total{method="write",status="4xx"} 1`, `chat_http_requests_total{method="write",status="5xx"} 1`,
		`chat_http_requests_total{method="read",status="4xx"} 0`, `chat_http_requests_total{method="read",status="5xx"} 0`, `chat_http_requests_total{method="read",status="canceled"} 1`,
		`chat_http_request_seconds_bucket{method="read",le="0.001"} 4`, `chat_http_request_seconds_count{method="write"} 2`,
		`chat_limited_total{rule="login"} 1`, `chat_limited_total{rule="send"} 0`, `chat_panics_total{where="http"} 1`, `chat_panics_total{where="rules"} 0`,
	)
	if strings.Contains(scrape(t, metrics), "nobody named") {
		t.Error("a label takes any value")
	}
}

func TestFlushesAreCountedByResultAndTimedWhenTheyHadSomethingToDo(t *testing.T) {
	metrics := obs.New([]string{"send", "login"})
	metrics.Flushed(obs.Flush{Written: 7, Again: 2, Waiting: 3, Took: 30 * time.Millisecond})
	metrics.Flushed(obs.Flush{Buried: 1, Waiting: 2, Took: 2 * time.Second})
	metrics.Flushed(obs.Flush{Waiting: 1, Took: time.Minute})
	metrics.Flushed(obs.Flush{Failed: true, Again: 1, Waiting: -1, Took: time.Millisecond})
	shows(t, metrics,
		`chat_receipts_flushed_total{result="written"} 7`, `chat_receipts_flushed_total{result="again"} 3`, `chat_receipts_flushed_total{result="buried"} 1`,
		`chat_receipts_waiting 1`, `chat_receipts_flush_failures_total 1`,
		`chat_receipts_flush_seconds_bucket{le="0.01"} 1`, `chat_receipts_flush_seconds_bucket{le="0.05"} 2`, `chat_receipts_flush_seconds_bucket{le="+Inf"} 3`,
	)
}

func TestAMetricThatCannotBeReadFailsTheAnswerAndNotTheNode(t *testing.T) {
	metrics := obs.New(nil, func(emit obs.Emit) { emit(obs.NodeInfo, 1, "too few labels") })
	answer := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 500 {
		t.Errorf("it answers %d", answer.Code)
	}
}

func scrape(t *testing.T, metrics *obs.Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(answer.Result().Body)
	if err != nil || answer.Code != 200 {
		t.Fatalf("%d, %v: %s", answer.Code, err, text)
	}
	return string(text)
}

// shows wants lines in what is scraped.
func shows(t *testing.T, metrics *obs.Metrics, lines ...string) {
	t.Helper()
	text := scrape(t, metrics)
	for _, want := range lines {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
}

// What is counted on the way of every message: a send, and, for each batch, its commit and what was handed of it.
func BenchmarkCountingASend(b *testing.B) {
	metrics := obs.New(nil)
	b.ReportAllocs()
	for b.Loop() {
		metrics.Sent(obs.Stored, 1234*time.Microsecond)
	}
}

func BenchmarkCountingABatchAndItsDelivery(b *testing.B) {
	metrics := obs.New(nil)
	b.ReportAllocs()
	for b.Loop() {
		metrics.Committed(17, 3*time.Millisecond, false)
		metrics.Delivered(17, 4*time.Millisecond)
	}
}

func BenchmarkCountingOnAllCores(b *testing.B) {
	metrics := obs.New(nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			metrics.Delivered(17, 4*time.Millisecond)
		}
	})
}
