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
var happening = []*obs.Metric{obs.SendLatency, obs.Sends, obs.ReceiptsFlushed, obs.ReceiptsWaiting, obs.FlushSeconds, obs.FlushFailures}

// everything emits each metric that is read, with some value for each of its labels.
func everything(emit obs.Emit) {
	for _, m := range obs.All() {
		if !slices.Contains(happening, m) {
			emit(m, 1, slices.Repeat([]string{"x"}, len(m.Labels))...)
		}
	}
}

func TestTheMetricsAreNamedAndExplainedAsPrometheusWants(t *testing.T) {
	metrics := obs.New(everything)
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
	metrics := obs.New()
	metrics.Sent(obs.Stored, 80*time.Millisecond)
	metrics.Sent(obs.Stored, 700*time.Millisecond)
	metrics.Sent(obs.Unknown, 2900*time.Millisecond)
	metrics.Sent(obs.Duplicate, time.Millisecond)
	metrics.Sent(obs.Rejected, time.Millisecond)
	text := scrape(t, metrics)
	for _, want := range []string{
		`chat_message_send_latency_seconds_bucket{le="0.1"} 1`, `chat_message_send_latency_seconds_bucket{le="0.5"} 1`,
		`chat_message_send_latency_seconds_bucket{le="1"} 2`, `chat_message_send_latency_seconds_bucket{le="3"} 3`,
		`chat_message_send_latency_seconds_bucket{le="+Inf"} 3`,
		`chat_messages_sent_total{result="stored"} 2`, `chat_messages_sent_total{result="unknown"} 1`,
		`chat_messages_sent_total{result="duplicate"} 1`, `chat_messages_sent_total{result="rejected"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestFlushesAreCountedByResultAndTimedWhenTheyHadSomethingToDo(t *testing.T) {
	metrics := obs.New()
	metrics.Flushed(obs.Flush{Written: 7, Again: 2, Waiting: 3, Took: 30 * time.Millisecond})
	metrics.Flushed(obs.Flush{Buried: 1, Waiting: 2, Took: 2 * time.Second})
	metrics.Flushed(obs.Flush{Waiting: 1, Took: time.Minute})
	metrics.Flushed(obs.Flush{Failed: true, Again: 1, Waiting: -1, Took: time.Millisecond})
	text := scrape(t, metrics)
	for _, want := range []string{
		`chat_receipts_flushed_total{result="written"} 7`, `chat_receipts_flushed_total{result="again"} 3`, `chat_receipts_flushed_total{result="buried"} 1`,
		`chat_receipts_waiting 1`, `chat_receipts_flush_failures_total 1`,
		`chat_receipts_flush_seconds_bucket{le="0.01"} 1`, `chat_receipts_flush_seconds_bucket{le="0.05"} 2`, `chat_receipts_flush_seconds_bucket{le="+Inf"} 3`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestAMetricThatCannotBeReadFailsTheAnswerAndNotTheNode(t *testing.T) {
	metrics := obs.New(func(emit obs.Emit) { emit(obs.NodeInfo, 1, "too few labels") })
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
