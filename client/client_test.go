package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
)

func TestAProblemBecomesAnError(t *testing.T) {
	f := newFake(t)
	f.mux.HandleFunc("POST /api/conversations/c1/messages", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"title":"Service Unavailable","status":503,"detail":"The database is away.","code":"DB_TIMEOUT","retryable":true,"traceId":"abc"}`)
	})
	c, err := client.New(f.URL, client.Options{AccessToken: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.SendMessage(t.Context(), client.Draft{ConversationID: "c1", Content: "hi"})
	var e *client.Error
	if !errors.As(err, &e) || e.Code != client.CodeDBTimeout || !e.Retryable || e.RetryAfter != 2*time.Second ||
		e.Outcome != client.Unknown || e.TraceID != "abc" || e.Status != 503 {
		t.Errorf("got %#v", err)
	}
}

func TestAnErrorNamesTheFieldsThatAreRefused(t *testing.T) {
	f := newFake(t)
	f.mux.HandleFunc("POST /api/conversations/c1/messages", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"status":422,"detail":"It is too long.","code":"VALIDATION_ERROR","retryable":false,
			"errors":[{"field":"content","message":"It is too long."},{"field":"","message":"It is no JSON."}]}`)
	})
	c, err := client.New(f.URL, client.Options{AccessToken: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.SendMessage(t.Context(), client.Draft{ConversationID: "c1", Content: "hi"})
	var e *client.Error
	want := []client.FieldError{{Location: "content", Message: "It is too long."}, {Message: "It is no JSON."}}
	if !errors.As(err, &e) || !slices.Equal(e.Fields, want) {
		t.Fatalf("got %#v, want the fields %v", err, want)
	}
	if text := e.Error(); !strings.HasSuffix(text, " [content: It is too long.] [It is no JSON.]") {
		t.Errorf("its text is %q", text)
	}
}

func TestARefusedTokenIsRenewedOnceForAllRequests(t *testing.T) {
	f := newFake(t)
	var refreshes atomic.Int32
	f.mux.HandleFunc("POST /api/auth/login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "refresh", Value: "r1", Path: "/api/auth", Secure: true})
		fmt.Fprint(w, `{"user":{"id":"u1"},"accessToken":"t1","expiresIn":900}`)
	})
	f.mux.HandleFunc("POST /api/auth/refresh", func(w http.ResponseWriter, r *http.Request) {
		refreshes.Add(1)
		fmt.Fprint(w, `{"user":{"id":"u1"},"accessToken":"t2","expiresIn":900}`)
	})
	f.mux.HandleFunc("GET /api/users/me", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t2" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"code":"AUTH_FAILED","detail":"Expired."}`)
			return
		}
		if c, _ := r.Cookie("refresh"); c != nil {
			t.Error("the refresh cookie went out of /api/auth")
		}
		fmt.Fprint(w, `{"id":"u1","username":"ada"}`)
	})
	c, err := client.New(f.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Login(t.Context(), "ada", "password"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := c.Me(t.Context())
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := refreshes.Load(); n != 1 {
		t.Errorf("refreshed %d times", n)
	}
}

func TestABaseURLWithoutAHostIsRefused(t *testing.T) {
	for _, url := range []string{"", "localhost:3000", "ftp://example.org", "http://"} {
		if _, err := client.New(url, client.Options{}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
}
