package app_test

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/status"
)

// operatorPaths are served beside the metrics alone.
var operatorPaths = []string{"/metrics", "/status", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine", "/debug/pprof/cmdline", "/debug/pprof/profile", "/debug/pprof/trace"}

func TestWhatIsTheOperatorsIsBesideTheMetricsAndNotOnThePortThatPeopleUse(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir())
	for _, path := range operatorPaths {
		if code, body := get(t, n.url+path); code != http.StatusNotFound || !strings.Contains(body, "NOT_FOUND") {
			t.Errorf("%s answers %d %.80s", path, code, body)
		}
		short := path
		if strings.HasSuffix(path, "/profile") || strings.HasSuffix(path, "/trace") {
			short += "?seconds=1"
		}
		if code, body := get(t, "http://"+n.MetricsAddress()+short); code != http.StatusOK || body == "" {
			t.Errorf("beside the metrics %s answers %d", path, code)
		}
	}
	for _, path := range []string{"/metricsy", "/statuses"} {
		if code, body := get(t, n.url+path); code != http.StatusOK || strings.Contains(body, "NOT_FOUND") {
			t.Errorf("%s is the client's, and answers %d", path, code)
		}
	}
}

func TestAProfileOfHalfAMinuteIsTakenAndOneThatNeverEndsIsNot(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir())
	// What is too long is refused before it begins; 30 s is what the tools ask for by themselves.
	if code, body := get(t, "http://"+n.MetricsAddress()+"/debug/pprof/profile?seconds=61"); code != http.StatusBadRequest || !strings.Contains(body, "a minute") {
		t.Errorf("a minute and a second: %d %.80s", code, body)
	}
	if rate := runtime.SetMutexProfileFraction(-1); rate != 0 {
		t.Errorf("waiting for locks is profiled at a rate of %d", rate)
	}
}

func TestANodeSaysHowItIs(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_NODE_ID=ws-server-1")
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	say(t, ada, direct(t, ada, bert), "Hello")
	code, body := get(t, "http://"+n.MetricsAddress()+"/status")
	var r status.Report
	if err := json.Unmarshal([]byte(body), &r); err != nil || code != http.StatusOK || len(r.Nodes) != 1 {
		t.Fatalf("%d %v %s", code, err, body)
	}
	v, own := r.Verdict, r.Nodes[0]
	if v.Promise != status.Kept || v.State != status.OK || v.Connections != 2 || v.P95 <= 0 || v.Sends.Stored != 1 {
		t.Errorf("the verdict is %+v", v)
	}
	if own.ID != "ws-server-1" || own.Version != "test" || !own.Ready || own.Sessions != 2 || own.Bus != status.NotNeeded || own.Database.Kind != "sqlite" ||
		own.HeapBytes == 0 || own.Goroutines == 0 || len(own.Warnings) != 1 || own.Checks["database"] != "ok" ||
		own.Storage == nil || own.Storage.FreeBytes == 0 || own.Storage.ReadOnly {
		t.Errorf("the node is %+v", own)
	}
}
