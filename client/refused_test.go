package client_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
)

func TestARefusedConnectionIsTriedAgainWhenTheServerSays(t *testing.T) {
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "10")
			http.Error(w, "No place.", status)
		}))
		t.Cleanup(full.Close)
		c, err := client.New(full.URL, client.Options{AccessToken: "t1"})
		if err != nil {
			t.Fatal(err)
		}
		_, events, _ := runLive(t, c, client.LiveOptions{})
		if e := next[client.Offline](t, events); e.RetryIn < 10*time.Second {
			t.Errorf("%d: again in %v", status, e.RetryIn)
		}
	}
}

func TestAPersonWithTooManyConnectionsWaitsAsTheServerSays(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.read("auth")
		p.write(`{"type":"auth:error","error":"Too many connections.","code":"RATE_LIMITED","retryAfterMs":10000}`)
		_ = p.conn.Close(4429, "RATE_LIMITED")
	}
	_, events, _ := f.run(t)
	if e := next[client.Offline](t, events); e.RetryIn < 10*time.Second || client.CodeOf(e.Err) != client.CodeRateLimited {
		t.Errorf("again in %v after %v", e.RetryIn, e.Err)
	}
}
