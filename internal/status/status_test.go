package status_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/status"
)

// node is one that is well, and whose last minute had a thousand sends.
func node(id string, change ...func(*status.Node)) status.Node {
	n := status.Node{
		ID: id, Version: "1.2.0", Up: 7300, Told: true, Ready: true, Checks: map[string]string{"database": "ok", "redis": "ok", "sockets": "ok"},
		Connections: 1200, Sessions: 1200, Bus: "redis", HeapBytes: 48 << 20,
		Sends:    status.Sends{Seconds: 60, Stored: 1000, Times: status.Times{"0.005": 600, "0.01": 360, "0.1": 40}},
		Database: status.Database{Kind: "postgres", Used: 2, Idle: 3, Max: 5},
	}
	for _, c := range change {
		c(&n)
	}
	return n
}

func printed(t *testing.T, r status.Report) string {
	t.Helper()
	r.At, r.Source = time.Now(), status.SourceNode
	r.Judge()
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheFirstLineSaysWhetherThePromiseIsKept(t *testing.T) {
	late := func(n *status.Node) { n.Sends.Times = status.Times{"0.005": 997, "5": 2, "+Inf": 1} }
	refusing := func(n *status.Node) { n.Sends.Refused, n.Sends.Times = 12, status.Times{"0.005": 1000, "+Inf": 12} }
	older := func(n *status.Node) { n.Sends.Refused = 12 } // a program that does not time what it refuses
	both := func(n *status.Node) {
		n.Sends.Refused, n.Sends.Unknown, n.Sends.Times = 12, 5, status.Times{"0.005": 997, "5": 3, "+Inf": 17}
	}
	all := func(n *status.Node) { n.Sends = status.Sends{Seconds: 60, Refused: 2, Times: status.Times{"+Inf": 3}} }
	unknown := func(n *status.Node) {
		n.Sends.Unknown, n.Sends.Times = 5, status.Times{"0.005": 1000, "+Inf": 5}
	}
	idle := func(n *status.Node) { n.Sends = status.Sends{Seconds: 60} }
	rejecting := func(n *status.Node) { n.Sends = status.Sends{Seconds: 60, Rejected: 3} }
	slow := func(n *status.Node) { n.Sends.Times = status.Times{"3": 1000} }
	for _, row := range []struct {
		what  string
		nodes []status.Node
		want  string
		state string
	}{
		{"all in time", []status.Node{node("a"), node("b")}, "The three-second promise is kept: 2,000 messages in the last 60 s, all stored and confirmed in time.", status.OK},
		{"just in time", []status.Node{node("a", slow)}, "The three-second promise is kept: 1,000 messages in the last 60 s", status.OK},
		{"some late", []status.Node{node("a"), node("b", late)}, "The three-second promise is BROKEN: 3 of 2,000 messages in the last 60 s", status.Degraded},
		{"some refused", []status.Node{node("a", refusing)}, "BROKEN: 12 of 1,012 messages", status.Degraded},
		{"some refused by an older program", []status.Node{node("a", older)}, "BROKEN: 12 of 1,012 messages", status.Degraded},
		{"some late, some refused, some of unknown outcome", []status.Node{node("a", both)}, "BROKEN: 20 of 1,017 messages", status.Degraded},
		{"all refused, and one between the counts and the times", []status.Node{node("a", all)}, "BROKEN: 2 of 2 messages", status.Degraded},
		{"some of unknown outcome", []status.Node{node("a", unknown)}, "BROKEN: 5 of 1,005 messages", status.Degraded},
		{"only what cannot be sent", []status.Node{node("a", rejecting)}, "The three-second promise was not put to the test: of what was sent in the last 60 s nothing was to be stored.", status.OK},
		{"nobody sends", []status.Node{node("a", idle)}, "The three-second promise was not put to the test: nobody sent anything in the last 60 s.", status.OK},
	} {
		r := status.Report{Nodes: row.nodes}
		said := printed(t, r)
		if first, _, _ := strings.Cut(said, "\n"); !strings.Contains(first, row.want) {
			t.Errorf("%s: %s", row.what, first)
		}
		if r.Judge(); r.Verdict.State != row.state {
			t.Errorf("%s: the state is %s", row.what, r.Verdict.State)
		}
	}
}

func TestWhatIsWrongWithANodeIsSaidAndDegrades(t *testing.T) {
	for what, row := range map[string]struct {
		change func(*status.Node)
		want   []string
	}{
		"Redis away": {func(n *status.Node) { n.Degraded, n.Checks["redis"] = []string{"redis"}, "unavailable" }, []string{"degraded", "a: redis unavailable", "All 2 nodes are ready, and not all is as it should be."}},
		"database":   {func(n *status.Node) { n.Ready, n.Checks["database"] = false, "unavailable" }, []string{"NOT READY", "a: database unavailable", "1 of 2 nodes are ready."}},
		"stuck":      {func(n *status.Node) { n.Stuck = []string{"hub"} }, []string{"STUCK", "a: hub stuck"}},
		"silent":     {func(n *status.Node) { n.Silent = 22.4 }, []string{"silent for 22 s", "1 of 2 nodes are ready."}},
		"two missed": {func(n *status.Node) { n.Silent = 12.4 }, []string{"silent for 12 s", "1 of 2 nodes are ready."}},
		"breaker":    {func(n *status.Node) { n.Breakers = map[string]string{"database": "open", "redis": "closed"} }, []string{"a: breaker of database open\n"}},
		"disk":       {func(n *status.Node) { n.Storage = &status.Storage{FreeBytes: 90 << 20, ReadOnly: true} }, []string{"a: read-only", "90 MB free"}},
	} {
		r := status.Report{Nodes: []status.Node{node("a", row.change), node("b")}}
		said := printed(t, r)
		for _, want := range row.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: no %q in\n%s", what, want, said)
			}
		}
		if r.Judge(); r.Verdict.State != status.Degraded {
			t.Errorf("%s: the state is %s", what, r.Verdict.State)
		}
	}
	leaving := status.Report{Nodes: []status.Node{node("a", func(n *status.Node) { n.Ready, n.Draining, n.Checks["sockets"] = false, true, "draining" }), node("b")}}
	if leaving.Judge(); leaving.Verdict.State != status.OK {
		t.Error("a node that leaves as it was told to is no fault")
	}
}

func TestTheFiguresOfAClusterAreThoseOfAllItsNodes(t *testing.T) {
	slower := func(n *status.Node) {
		n.Sends.Times = status.Times{"0.5": 1000}
		n.Warnings = []string{"Another one runs another version."}
	}
	said := printed(t, status.Report{Nodes: []status.Node{node("ws-server-1"), node("ws-server-2", slower)}})
	for _, want := range []string{
		"  sends        33 a second; half within 100 ms, 95 % within 500 ms, 99 % within 500 ms\n", "  connections  2,400\n",
		"ws-server-1  ready  1.2.0    2 h  1,200  ", "10 ms", "postgres 2/5  redis  48 MB", "! Another one runs another version.",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
}

func TestWhatAnswersAndKnowsNoStatusIsNotTakenForANode(t *testing.T) {
	for what, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"a page": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") },
		"other JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{}`))
		},
		"no JSON at all": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`<`))
		},
		"a refusal": func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) },
	} {
		server := httptest.NewServer(http.HandlerFunc(answer))
		if r, err := status.Ask(t.Context(), server.URL); err == nil {
			t.Errorf("%s is %+v", what, r)
		}
		if r, err := status.AskHealth(t.Context(), server.URL); err == nil {
			t.Errorf("the health of %s is %+v", what, r)
		}
		server.Close()
	}
}

func TestAPasswordInAnAddressIsNotSaid(t *testing.T) {
	if _, err := status.Ask(t.Context(), "http://operator:s3cret@127.0.0.1:1"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func TestANodeThatHasNoOthersNeedsNoBusAndOneThatLostThemSaysSo(t *testing.T) {
	embedded := func(n *status.Node) { n.Bus, n.Database = status.NotNeeded, status.Database{Kind: "sqlite"} }
	cut := func(n *status.Node) { n.Bus = "alone" }
	for want, change := range map[string]func(*status.Node){"sqlite not needed 48 MB": embedded, "postgres 2/5 alone 48 MB": cut} {
		said := printed(t, status.Report{Nodes: []status.Node{node("a", change)}})
		if !strings.Contains(strings.Join(strings.Fields(said), " "), want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
}
