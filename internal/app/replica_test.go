package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/pgtest"
)

func TestANodeReadsHistoryAtItsReplicaAndServesOnWithoutIt(t *testing.T) {
	primary := pgtest.Start(t)
	database := primary.NewDatabase(t)
	standby := primary.StartStandby(t)
	name, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	line, replica := through(t, standby.URL(strings.TrimPrefix(name.Path, "/")))
	env := []string{"PARLEY_DATA=" + t.TempDir(), "DATABASE_URL=" + database, "DATABASE_REPLICA_URL=" + replica, "PARLEY_METRICS_LISTEN=127.0.0.1:0"}
	n := run(t, env...)
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	c := direct(t, ada, bert)
	say(t, ada, c, "Hello")
	// Every page has the message, whoever reads it.
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		if page, err := ada.Messages(t.Context(), c, client.HistoryQuery{}); err != nil || len(page.Messages) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		if _, text := get(t, "http://"+n.MetricsAddress()+"/metrics"); !strings.Contains(text, `chat_replica_reads_total{result="served"} 0`) {
			break
		}
	}
	line.Set(proxy.Weather{Refuse: true})
	if page, err := ada.Messages(t.Context(), c, client.HistoryQuery{}); err != nil || len(page.Messages) != 1 {
		t.Errorf("without the replica: %+v, %v", page, err)
	}
	status, h := healthOf(t, n)
	if status != http.StatusOK || h.Checks["replica"] != "unavailable" || len(h.Degraded) != 1 || h.Degraded[0] != "replica" {
		t.Errorf("without the replica: %d %+v", status, h)
	}
	n.stop(t)

	n = run(t, env...)
	var welcome strings.Builder
	if err := n.Welcome(t.Context(), &welcome); err != nil || !strings.Contains(welcome.String(), "replica does not answer") {
		t.Errorf("a start without the replica says %s, %v", welcome.String(), err)
	}
	n.stop(t)
	if _, err := app.New(t.Context(), settings(t, "PARLEY_DATA="+t.TempDir(), "DATABASE_URL="+database, "DATABASE_REPLICA_URL="+database), "test", quiet); err == nil || !strings.Contains(err.Error(), "DATABASE_REPLICA_URL names cannot be used") {
		t.Errorf("the primary as its own replica: %v", err)
	}
}
