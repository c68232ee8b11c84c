package ws_test

import (
	"bufio"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/ws"
)

const goodHeaders = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

func TestAnUpgradeIsRefusedWithTheStatusThatSaysWhy(t *testing.T) {
	w := newWorld(t, options{})
	url := w.serve()
	for _, c := range []struct {
		name, request, headers string
		status                 int
		code                   string // "" of what the HTTP server or the handshake itself answers
	}{
		{"a good one", "GET /ws HTTP/1.1", goodHeaders, 101, ""},
		{"a good one from the same host", "GET /ws HTTP/1.1", goodHeaders + "Origin: https://chat.example\r\n", 101, ""},
		{"a token in the URL", "GET /ws?token=x HTTP/1.1", goodHeaders, 400, "VALIDATION_ERROR"},
		{"an access token in the URL", "GET /ws?a=b&access_token=x HTTP/1.1", goodHeaders, 400, "VALIDATION_ERROR"},
		{"another host's page", "GET /ws HTTP/1.1", goodHeaders + "Origin: https://evil.example\r\n", 403, "FORBIDDEN"},
		{"a name that begins alike", "GET /ws HTTP/1.1", goodHeaders + "Origin: https://chat.example.evil.com\r\n", 403, "FORBIDDEN"},
		{"another port", "GET /ws HTTP/1.1", goodHeaders + "Origin: https://chat.example:8443\r\n", 403, "FORBIDDEN"},
		{"the null origin", "GET /ws HTTP/1.1", goodHeaders + "Origin: null\r\n", 403, "FORBIDDEN"},
		{"two origins", "GET /ws HTTP/1.1", goodHeaders + "Origin: https://chat.example\r\nOrigin: https://evil.example\r\n", 403, "FORBIDDEN"},
		{"a bad token", "GET /ws HTTP/1.1", goodHeaders + "Authorization: Bearer nonsense\r\n", 401, "AUTH_FAILED"},
		{"another scheme", "GET /ws HTTP/1.1", goodHeaders + "Authorization: Basic YTpi\r\n", 401, "AUTH_FAILED"},
		{"a POST", "POST /ws HTTP/1.1", goodHeaders, 405, "VALIDATION_ERROR"},
		{"no upgrade", "GET /ws HTTP/1.1", "", 426, "VALIDATION_ERROR"},
		{"another version", "GET /ws HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 426, ""},
		{"no key", "GET /ws HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400, ""},
		{"a short key", "GET /ws HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n", 400, ""},
		{"HTTP 1.0", "GET /ws HTTP/1.0", goodHeaders, 505, ""},
	} {
		conn := w.raw(url)
		fmt.Fprintf(conn, "%s\r\nHost: chat.example\r\n%s\r\n", c.request, c.headers)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if response.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", c.name, response.Status, c.status)
		}
		var p httpapi.Problem
		if c.code != "" && (json.UnmarshalRead(response.Body, &p) != nil || p.Status != c.status || p.Code != c.code || p.Retryable) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}

func TestOnlyTheConfiguredOriginsMayConnect(t *testing.T) {
	w := newWorld(t, options{config: ws.Config{Origins: []string{"https://chat.example/", "http://localhost:5173"}}})
	url := w.serve()
	for origin, status := range map[string]int{"https://chat.example": 101, "http://localhost:5173": 101, "http://chat.example": 403, "https://other.example": 403} {
		_, response, err := websocket.Dial(bg, url, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if response == nil {
			t.Fatal(err)
		}
		if response.StatusCode != status {
			t.Errorf("%s: %s", origin, response.Status)
		}
	}
}

func TestConnectionsAreLimitedByAddressAndByPerson(t *testing.T) {
	rules := limit.Defaults()
	rules.ConnectAddress.Limit, rules.Connect.Limit = 4, 1
	w := newWorld(t, options{limiter: inmem.NewLimiter(), config: ws.Config{Rules: rules}})
	url := w.serve()
	ada := w.person()
	w.connect(url, ada)
	second := w.dial(url, nil)
	second.send(`{"type":"auth","token":%q}`, w.token(ada, time.Hour))
	if e := second.await("auth:error"); e.Code != "RATE_LIMITED" || e.RetryAfterMs <= 0 {
		t.Errorf("%+v", e)
	}
	if code := second.awaitClose(); code != 4429 {
		t.Errorf("closed with %d", code)
	}
	_, response, err := websocket.Dial(bg, url, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + w.token(ada, time.Hour)}}})
	if err == nil || response.StatusCode != 429 || response.Header.Get("Retry-After") == "" {
		t.Errorf("%v %v", response, err)
	}
	w.dial(url, nil)
	tellsWhy(t, w.refusedAt(url, nil), 429, "RATE_LIMITED", "", time.Second, time.Minute)
}

func TestANodeThatStopsSendsAwayWith503(t *testing.T) {
	w := newWorld(t, options{})
	url := w.serve()
	if err := w.ws.Drain(bg); err != nil {
		t.Fatal(err)
	}
	tellsWhy(t, w.refusedAt(url, nil), 503, "DB_CONNECTION_LOST", "", time.Millisecond, time.Second)
}
