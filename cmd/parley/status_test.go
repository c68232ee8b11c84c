package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/status"
)

// telling serves a report at /status.
func telling(t *testing.T, change func(*status.Node)) (url string) {
	t.Helper()
	n := status.Node{ID: "ws-server-1", Told: true, Ready: true, Up: 60, Sends: status.Sends{Seconds: 60, Stored: 10, Times: status.Times{"0.01": 10}}}
	change(&n)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r := status.Report{Source: status.SourceNode, Nodes: []status.Node{n}}
		r.Judge()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// statusOf runs a command and returns what it printed and the status it ends with.
func statusOf(t *testing.T, args ...string) (out string, ended int) {
	t.Helper()
	root := newRoot()
	var printed strings.Builder
	root.SetOut(&printed)
	root.SetErr(&strings.Builder{})
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	var with *withStatus
	switch {
	case errors.As(err, &with):
		return printed.String(), with.status
	case err != nil:
		return printed.String() + err.Error(), 1
	}
	return printed.String(), 0
}

func TestTheStatusOfStatusSaysHowTheNodesAre(t *testing.T) {
	well := telling(t, func(*status.Node) {})
	broken := telling(t, func(n *status.Node) { n.Sends.Refused = 1 })
	for _, row := range []struct {
		args  []string
		ended int
		said  string
	}{
		{[]string{"status", "--url", well}, 0, "The three-second promise is kept: 10 messages in the last 60 s"},
		{[]string{"status", "--url", broken}, statusDegraded, "The three-second promise is BROKEN"},
		{[]string{"status", "--url", "http://127.0.0.1:1"}, statusUnreached, ""},
		{[]string{"status", "--json", "--url", well}, 0, `"promise":"kept"`},
		{[]string{"status", "--data", t.TempDir(), "--metrics-listen", "127.0.0.1:1", "--port", "1"}, statusUnreached, ""},
		{[]string{"status", "now"}, 1, "takes no arguments"},
	} {
		out, ended := statusOf(t, row.args...)
		if ended != row.ended || !strings.Contains(out, row.said) {
			t.Errorf("parley %s ends with %d: %s", strings.Join(row.args, " "), ended, out)
		}
	}
}
