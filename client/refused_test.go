package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
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

func TestARefusedConnectionSaysWhyInTheServersWords(t *testing.T) {
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"status":503,"detail":"No place.","code":"DB_TIMEOUT","reason":"overloaded","retryable":true,"traceId":"abc","retryAfterMs":10500}`)
	}))
	t.Cleanup(full.Close)
	c, err := client.New(full.URL, client.Options{AccessToken: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	_, events, _ := runLive(t, c, client.LiveOptions{})
	e := next[client.Offline](t, events)
	var why *client.Error
	if !errors.As(e.Err, &why) || why.Reason != "overloaded" || why.Message != "No place." || why.TraceID != "abc" || e.RetryIn < 10500*time.Millisecond {
		t.Errorf("again in %v after %+v", e.RetryIn, e.Err)
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

func TestAnAuthThatBreaksARuleIsGivenUp(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.read("auth")
		p.write(`{"type":"auth:error","error":"The deviceType is mobile or desktop.","code":"VALIDATION_ERROR"}`)
		// A server of before closed with 4401.
		_ = p.conn.Close(4401, "VALIDATION_ERROR")
	}
	_, _, ended := f.run(t)
	var e *client.Error
	if err := <-ended; !errors.As(err, &e) || e.Code != client.CodeValidation || e.Message != "The deviceType is mobile or desktop." {
		t.Errorf("it ended with %v", err)
	}
}

func TestAServerThatRefusesFreshTokensIsNotHammered(t *testing.T) {
	f := newFake(t)
	var refreshes atomic.Int32
	f.mux.HandleFunc("POST /api/auth/login", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "refresh", Value: "r1", Path: "/api/auth", Secure: true})
		fmt.Fprint(w, `{"user":{"id":"u1"},"accessToken":"t0","expiresIn":900}`)
	})
	f.mux.HandleFunc("POST /api/auth/refresh", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"user":{"id":"u1"},"accessToken":"t%d","expiresIn":900}`, refreshes.Add(1))
	})
	const refused = 3
	for n := range refused {
		f.scripts <- func(p *peer) {
			if token := p.read("auth")["token"]; token != fmt.Sprintf("t%d", n) {
				p.t.Errorf("connection %d came with %v", n, token)
			}
			p.write(`{"type":"auth:error","error":"Not yet valid.","code":"AUTH_FAILED"}`)
			_ = p.conn.Close(4401, "AUTH_FAILED")
		}
	}
	f.scripts <- func(p *peer) { p.signIn(); p.stay() }
	c, err := client.New(f.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Login(t.Context(), "ada", "password"); err != nil {
		t.Fatal(err)
	}
	_, events, _ := runLive(t, c, client.LiveOptions{})
	for n := range refused {
		if wait := next[client.Offline](t, events).RetryIn; wait > time.Second<<n {
			t.Errorf("after %d refusals it waits %s", n+1, wait)
		}
	}
	next[client.Online](t, events)
	if got := refreshes.Load(); got != refused {
		t.Errorf("it asked for %d tokens", got)
	}
}

func TestASubscribeIsAskedAgainAsItsCodeSays(t *testing.T) {
	for code, asked := range map[string]int{"FORBIDDEN": 1, "NOT_IN_CONVERSATION": 1, "INTERNAL": 2, "DB_TIMEOUT": 3} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			typed := make(chan struct{})
			f.scripts <- func(p *peer) {
				p.signIn()
				for range asked {
					p.read("subscribe")
					p.write(fmt.Sprintf(`{"type":"error","error":"No.","code":%q,"retryable":%t,"ref":"c1","traceId":"abc","reason":"locked"}`, code, asked > 1))
				}
				if asked == 3 {
					p.read("subscribe")
					p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":0,"lastRev":1}`, `{"type":"caught:up","conversationId":"c1","rev":1}`)
				}
				p.read("typing:start")
				close(typed)
				p.stay()
			}
			live, events, _ := f.run(t)
			live.Subscribe("c1", 0)
			for range asked {
				if e := next[client.Failed](t, events).Err; e.Code != code || e.TraceID != "abc" || e.Reason != "locked" {
					t.Errorf("handed over %+v", e)
				}
			}
			if asked == 3 {
				next[client.CaughtUp](t, events)
			}
			// What is given up is not asked for any more: the next frame is another.
			live.Typing("c1", true)
			<-typed
		})
	}
}
