package ws_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/ws"
)

// refusedAt dials where there must be no place, and returns the answer.
func (w *world) refusedAt(url string, header http.Header) *http.Response {
	w.Helper()
	_, response, err := websocket.Dial(bg, url, &websocket.DialOptions{HTTPHeader: header})
	if err == nil || response == nil {
		w.Fatalf("it was not refused: %v", err)
	}
	return response
}

// tellsWhy checks that a refusal is a problem as REST answers it.
func tellsWhy(t *testing.T, r *http.Response, status int, code, reason string, atLeast, atMost time.Duration) {
	t.Helper()
	var p httpapi.Problem
	if err := json.UnmarshalRead(r.Body, &p); err != nil {
		t.Fatal(err)
	}
	wait := time.Duration(p.RetryAfterMs) * time.Millisecond
	if r.StatusCode != status || p.Status != status || p.Code != code || p.Reason != reason || !p.Retryable || p.Detail == "" || p.TraceID == "" ||
		r.Header.Get("Content-Type") != "application/problem+json" || wait < atLeast || wait > atMost {
		t.Errorf("%s, %q: %+v", r.Status, r.Header, p)
	}
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || time.Duration(seconds)*time.Second < wait {
		t.Errorf("Retry-After %q", r.Header.Get("Retry-After"))
	}
}

// awaitConnections waits until as many sockets are open.
func (w *world) awaitConnections(n int) {
	w.Helper()
	w.until(fmt.Sprint(n, " connections"), func() bool { return w.ws.Connections() == n })
}

func TestAFullNodeSendsAwayWith503AndTakesInAgainWhenSomebodyHasGone(t *testing.T) {
	w := newWorld(t, options{config: ws.Config{Bounds: ws.Bounds{Node: 2}}})
	url := w.serve()
	first := w.connect(url, w.person())
	w.dial(url, nil)
	tellsWhy(t, w.refusedAt(url, nil), 503, "DB_TIMEOUT", "overloaded", 10*time.Second, 20*time.Second)
	_ = first.CloseNow()
	w.awaitConnections(1)
	w.connect(url, w.person())
	if got := w.ws.Refused(); got != (ws.Refused{Node: 1}) {
		t.Errorf("refused %+v", got)
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(event string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), "event="+event+" ")
}

func TestAFullNodeSaysSoOnceAndOnceThatThereIsRoom(t *testing.T) {
	var log lines
	w := newWorld(t, options{config: ws.Config{Bounds: ws.Bounds{Node: 2}, Log: slog.New(slog.NewTextHandler(&log, nil))}})
	url := w.serve()
	first := w.dial(url, nil)
	w.dial(url, nil)
	if got := log.count("connections.full"); got != 0 {
		t.Errorf("before anybody is refused it is said %d times", got)
	}
	for range 3 {
		w.refusedAt(url, nil)
	}
	if full, room := log.count("connections.full"), log.count("connections.room"); full != 1 || room != 0 {
		t.Errorf("full is said %d times, room %d times", full, room)
	}
	_ = first.CloseNow()
	w.until("room", func() bool { return log.count("connections.room") == 1 })
	w.dial(url, nil)
	w.refusedAt(url, nil)
	if full := log.count("connections.full"); full != 2 {
		t.Errorf("the second time it is said %d times", full)
	}
}

func TestAnAddressHasItsShareOfThePlaces(t *testing.T) {
	w := newWorld(t, options{config: ws.Config{Bounds: ws.Bounds{Address: 2}}})
	url := w.serve()
	first := w.dial(url, nil)
	w.connect(url, w.person())
	tellsWhy(t, w.refusedAt(url, nil), 429, "RATE_LIMITED", "", 10*time.Second, 10*time.Second)
	_ = first.CloseNow()
	w.awaitConnections(1)
	w.dial(url, nil)
	if got := w.ws.Refused(); got != (ws.Refused{Address: 1}) {
		t.Errorf("refused %+v", got)
	}
}

func TestAPersonHasSoManyConnectionsAndIsToldWhenToComeAgain(t *testing.T) {
	w := newWorld(t, options{config: ws.Config{Bounds: ws.Bounds{User: 2}}})
	url := w.serve()
	ada := w.person()
	first := w.connect(url, ada)
	w.connect(url, ada)
	third := w.dial(url, nil)
	third.send(`{"type":"auth","token":%q}`, w.token(ada, time.Hour))
	if e := third.await("auth:error"); e.Code != "RATE_LIMITED" || e.RetryAfterMs != 10_000 {
		t.Errorf("%+v", e)
	}
	if code := third.awaitClose(); code != 4429 {
		t.Errorf("closed with %d", code)
	}
	header := http.Header{"Authorization": {"Bearer " + w.token(ada, time.Hour)}}
	tellsWhy(t, w.refusedAt(url, header), 429, "RATE_LIMITED", "", 10*time.Second, 10*time.Second)
	w.connect(url, w.person())
	_ = first.CloseNow()
	w.awaitConnections(2)
	w.connect(url, ada)
	if got := w.ws.Refused(); got != (ws.Refused{User: 2}) {
		t.Errorf("refused %+v", got)
	}
}

func TestAPersonWithFifteenTabsHasThemAllBackHalfAMinuteAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{limiter: inmem.NewLimiter(), config: ws.Config{Bounds: ws.Bounds{User: 50}}})
		connect, ada := w.pipe(), w.person()
		token, began := w.token(ada, time.Hour), time.Now()
		var in []int // after each round
		for tabs := 15; tabs > 0; {
			var round []*piped
			for range tabs {
				c := connect()
				c.send(`{"type":"auth","token":%q}`, token)
				round = append(round, c)
			}
			time.Sleep(time.Second)
			var wait int64
			for _, c := range round {
				if e := c.last(1); e.Type == "auth:success" {
					tabs--
				} else if wait = max(wait, e.RetryAfterMs); e.Code != "RATE_LIMITED" || e.RetryAfterMs < 1 || e.RetryAfterMs > 6000 {
					t.Fatalf("%+v", e)
				}
			}
			in = append(in, 15-tabs)
			time.Sleep(time.Duration(wait) * time.Millisecond)
		}
		if took := time.Since(began); in[0] != 10 || took > 40*time.Second {
			t.Errorf("all were back after %v: %d", took, in)
		}
	})
}

func TestPlacesAreGivenBackHoweverAConnectionEnds(t *testing.T) {
	w := newWorld(t, options{config: ws.Config{Bounds: ws.Bounds{Node: 1, User: 1, Address: 1}}})
	url := w.serve()
	ada := w.person()
	for _, end := range []func(){
		func() { _ = w.connect(url, ada).Close(websocket.StatusNormalClosure, "") },
		func() { _ = w.connect(url, ada).CloseNow() },
		func() {
			// A frame that breaks the protocol.
			c := w.upgraded(url, ada, "")
			_, _ = c.Write(bytes.Repeat([]byte{0xff}, 14))
			if code := c.awaitClose(); code != 1002 {
				t.Errorf("closed with %d", code)
			}
			c.Close()
		},
		func() {
			c := w.dial(url, nil)
			c.send(`{"type":"auth","token":"nonsense"}`)
			c.await("auth:error")
			c.awaitClose()
		},
		func() {
			c := w.dial(url, nil)
			c.send(`{"type":"auth","token":"panic"}`)
			c.awaitClose()
		},
		func() { w.refusedAt(url, http.Header{"Authorization": {"Bearer nonsense"}}) },
		func() {
			if r := w.refusedAt(url, http.Header{"Authorization": {"Bearer panic"}}); r.StatusCode != 500 {
				t.Errorf("a fault is answered with %s", r.Status)
			}
		},
		func() {
			// It is found good, and a fault comes when it is looked at again.
			token := w.token(ada, time.Hour)
			w.tokens.fault(token)
			c := w.dial(url, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
			if code := c.awaitClose(); code != 1011 {
				t.Errorf("closed with %d", code)
			}
		},
		func() { w.refusedAt(url, http.Header{"Origin": {"https://evil.example"}}) },
		func() {
			// A token that is renewed counts once.
			c := w.connect(url, ada)
			c.send(`{"type":"auth","token":%q}`, w.token(ada, time.Hour))
			c.await("auth:success")
			_ = c.CloseNow()
		},
	} {
		end()
		w.awaitConnections(0)
		held := w.connect(url, ada)
		_ = held.CloseNow()
		w.awaitConnections(0)
	}
	if got := w.ws.Refused(); got != (ws.Refused{}) {
		t.Errorf("refused %+v", got)
	}
}
