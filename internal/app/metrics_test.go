package app_test

import (
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/obs"
)

func TestEveryMetricThatIsDeclaredIsShown(t *testing.T) {
	ofClusters := []*obs.Metric{obs.BusPublished, obs.BusHeard, obs.BusDropped, obs.BusReconnects, obs.LimitsCounted, obs.RedisUp, obs.RedisEvicts, obs.ClockAhead, obs.ClockUnsure, obs.BreakerState, obs.BreakerOpened}
	common := []string{
		"chat_ready 1", "chat_database_up 1", `chat_batch_messages_count 1`, `chat_registrations_total{result="made"} 2`, `chat_http_requests_total{method="write",status="2xx"} 3`, "chat_panics_total{where=\"hub\"} 0", `chat_messages_sent_total{result="stored"} 1`, `chat_message_send_latency_seconds_bucket{le="3"} 1`, "go_goroutines ",
	}
	look := func(t *testing.T, n *node, without []*obs.Metric, want ...string) {
		t.Helper()
		ada, bert := join(t, n, "ada"), join(t, n, "bert")
		say(t, ada, direct(t, ada, bert), "Hello")
		status, text := get(t, "http://"+n.MetricsAddress()+"/metrics")
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		for _, m := range obs.All() {
			if shown := strings.Contains(text, "# TYPE "+m.Name+" "+m.Kind+"\n"); shown == slices.Contains(without, m) {
				t.Errorf("%s is shown: %v", m.Name, shown)
			}
		}
		for _, line := range append(want, common...) {
			if !strings.Contains(text, line) {
				t.Errorf("%q is missing", line)
			}
		}
	}
	t.Run("alone", func(t *testing.T) {
		n := run(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_NODE_ID=ws-server-1")
		look(t, n, ofClusters, `chat_node_info{database="sqlite",server_id="ws-server-1",version="test"} 1`,
			`chat_bus_state{state="alone"} 1`, "chat_nodes 1", "chat_connections 2", "chat_sessions 2")
	})
	t.Run("one of two", func(t *testing.T) {
		c := newCluster(t, 2, "PARLEY_RATE_LIMITS=on")
		look(t, c.nodes[0], []*obs.Metric{obs.StorageFree, obs.ReadOnly}, `chat_node_info{database="postgres",server_id="ws-server-1",version="test"} 1`,
			`chat_bus_state{state="redis"} 1`, `chat_bus_state{state="database"} 0`, `chat_limits_counted_total{counted="shared"}`, `chat_bus_reconnects_total{path="redis"} 0`, "chat_redis_evicts 0", "chat_redis_up 1",
			`chat_breaker_state{part="database",state="closed"} 1`, `chat_breaker_state{part="redis_limits",state="closed"} 1`, `chat_breaker_state{part="redis_presence",state="open"} 0`, `chat_breaker_opened_total{part="redis_receipts"} 0`)
	})
}

func TestTheMetricsAreNotOnThePortThatPeopleUse(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir())
	if _, text := get(t, n.url+"/metrics"); strings.Contains(text, "chat_connections") {
		t.Error("they are")
	}
}

func TestAChosenAddressOfTheMetricsMustBeFreeAndTheDefaultNeedNot(t *testing.T) {
	taken, err := net.Listen("tcp", config.Defaults().MetricsListen)
	if err == nil {
		defer taken.Close()
	}
	chosen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer chosen.Close()

	_, err = app.New(t.Context(), settings(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_METRICS_LISTEN="+chosen.Addr().String()), "test", quiet)
	var start *app.StartError
	if !errors.As(err, &start) || !strings.Contains(err.Error(), chosen.Addr().String()+", is in use") || !strings.Contains(err.Error(), "PARLEY_METRICS_LISTEN") {
		t.Errorf("got %v", err)
	}

	c, err := config.Load(nil, []string{"PARLEY_HOST=127.0.0.1", "PARLEY_PORT=0", "PARLEY_DATA=" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	n := launch(t, c)
	if n.MetricsAddress() != "" {
		t.Errorf("metrics at %s, which is in use", n.MetricsAddress())
	}
	if _, body := get(t, n.url+"/health/ready"); !strings.Contains(body, "There are no metrics") {
		t.Errorf("it does not say so: %s", body)
	}
}

func TestNoMetricsAreServedWhereNoneAreWanted(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_METRICS_LISTEN=")
	if n.MetricsAddress() != "" {
		t.Errorf("metrics at %s", n.MetricsAddress())
	}
	if _, body := get(t, n.url+"/health/ready"); strings.Contains(body, "metrics") {
		t.Errorf("it warns: %s", body)
	}
}

func TestReadsOfLargeConversationsAndWhatBecameOfThemAreCounted(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_READ_THRESHOLD=2")
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	c := direct(t, ada, bert)
	sent := say(t, ada, c, "Hello")
	if _, err := bert.MarkRead(t.Context(), c, sent.MessageID); err != nil {
		t.Fatal(err)
	}
	if _, text := get(t, "http://"+n.MetricsAddress()+"/metrics"); !strings.Contains(text, "chat_reads_gathered_total 1\n") || !strings.Contains(text, "chat_reads_handed_total 1\n") {
		t.Error("the read is not counted")
	}
	// Who stops flushes.
	n.stop(t)
	families, err := n.Metrics().Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				counted[f.GetName()+" "+l.GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if written := counted["chat_receipts_flushed_total written"]; written != 1 {
		t.Errorf("%v steps were written", written)
	}
}

func TestAMessageThatCrossesIsTimedOnBothNodes(t *testing.T) {
	c := newCluster(t, 2)
	ada, bert := join(t, c.nodes[0], "ada"), join(t, c.nodes[1], "bert")
	conversation := direct(t, ada, bert)
	// Until a node knows the time that both share, what it hears is not timed.
	timed := func(n *node) bool {
		_, text := get(t, "http://"+n.MetricsAddress()+"/metrics")
		count := regexp.MustCompile(`chat_message_delivery_latency_seconds_count (\d+)`).FindStringSubmatch(text)
		heard := n == c.nodes[0] || !strings.Contains(text, "chat_bus_lag_seconds_count 0\n")
		return count[1] != "0" && heard
	}
	for deadline := time.Now().Add(time.Minute); !timed(c.nodes[0]) || !timed(c.nodes[1]); {
		if time.Now().After(deadline) {
			t.Fatal("it is not")
		}
		say(t, ada, conversation, "Hello")
		await[client.MessageReceived](t, bert)
	}
}
