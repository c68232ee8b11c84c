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

// everything emits each metric that is read, with some value for each of its labels.
func everything(emit obs.Emit) {
	for _, m := range obs.All() {
		if m != obs.SendLatency && m != obs.Sends {
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
