package app_test

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/obs"
)

func TestANodeShowsEveryMetricThatIsDeclared(t *testing.T) {
	databases(t, func(t *testing.T, env []string) {
		n := run(t, append(env, "PARLEY_NODE_ID=ws-server-1")...)
		ada, bert := join(t, n, "ada"), join(t, n, "bert")
		say(t, ada, direct(t, ada, bert), "Hello")
		status, text := get(t, "http://"+n.MetricsAddress()+"/metrics")
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		for _, m := range obs.All() {
			if !strings.Contains(text, "# TYPE "+m.Name+" "+m.Kind+"\n") {
				t.Errorf("%s is not shown", m.Name)
			}
		}
		for _, want := range []string{
			`server_id="ws-server-1",version="test"} 1`, "chat_connections 2", "chat_ready 1",
			`chat_messages_sent_total{result="stored"} 1`, `chat_message_send_latency_seconds_bucket{le="3"} 1`, "go_goroutines ",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing", want)
			}
		}
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
