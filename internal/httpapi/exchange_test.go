package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
)

// failingStore answers who asks for friends with an error, or as it is where it has none.
type failingStore struct {
	chat.Store
	fails func(context.Context) error
}

func (s failingStore) Friends(ctx context.Context, u chat.UserID, after chat.PersonCursor, limit int) ([]chat.Friend, bool, error) {
	if s.fails == nil {
		return s.Store.Friends(ctx, u, after, limit)
	}
	return nil, false, s.fails(ctx)
}

// logged is an entry of the log.
type logged struct{ Level, Event, Code, Reason, Error string }

// askedFor has a request for friends fail, and returns the status that it counts as and its entry in the log.
func askedFor(t *testing.T, ctx context.Context, fails func(context.Context) error) (status int, entry logged) {
	t.Helper()
	var log bytes.Buffer
	w := newWorldOn(t, func(s chat.Store) chat.Store { return failingStore{s, fails} }, func(c *httpapi.Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Answered = func(_ string, answered int, _ time.Duration) { status = answered }
	})
	r := httptest.NewRequest(http.MethodGet, "/api/friends", nil).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+w.person("ada").token)
	w.handler.ServeHTTP(httptest.NewRecorder(), r)
	if err := json.Unmarshal(log.Bytes(), &entry); err != nil || entry.Event != "http.request" {
		t.Fatalf("%v: %s", err, log.String())
	}
	return status, entry
}

// givenUp is what a store says to a caller that has gone.
func givenUp(ctx context.Context) error {
	<-ctx.Done()
	return &chat.Error{Code: chat.CodeDBTimeout, Message: "The database did not answer in time.", Err: fmt.Errorf("timeout: %w", ctx.Err())}
}

func TestARequestWhoseClientHasGoneIsNoFault(t *testing.T) {
	for name, fails := range map[string]func(context.Context) error{
		"named": givenUp,
		"real":  nil,
		"raw":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if status, e := askedFor(t, ctx, fails); status != 499 || e.Level != "INFO" || e.Error != "" {
			t.Errorf("%s: it counts as %d and is logged as %+v", name, status, e)
		}
	}
}

func TestAFaultIsOneThoughTheClientHasGoneMeanwhile(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if status, e := askedFor(t, ctx, func(context.Context) error { return errors.New("no such table") }); status != 500 || e.Level != "ERROR" || e.Code != "INTERNAL" {
		t.Errorf("it counts as %d and is logged as %+v", status, e)
	}
	if status, e := askedFor(t, ctx, func(context.Context) error { panic("a fault") }); status != 500 || e.Level != "ERROR" {
		t.Errorf("a panic counts as %d and is logged as %+v", status, e)
	}
	late, over := context.WithTimeout(t.Context(), 0)
	defer over()
	if status, e := askedFor(t, late, givenUp); status != 503 || e.Level != "WARN" || e.Code != "DB_TIMEOUT" {
		t.Errorf("a time that is over counts as %d and is logged as %+v", status, e)
	}
}

func TestARequestThatIsRefusedByIntentIsLoggedAsNoFault(t *testing.T) {
	for level, e := range map[string]*chat.Error{
		"INFO": {Code: chat.CodeDBConnectionLost, Reason: chat.ReasonReadOnly, Message: "The disk of the server is nearly full."},
		"WARN": {Code: chat.CodeDBConnectionLost, Message: "The database cannot be reached.", RetryAfter: time.Second},
	} {
		status, got := askedFor(t, t.Context(), func(context.Context) error { return e })
		if status != 503 || got.Level != level || got.Code != string(e.Code) || got.Reason != string(e.Reason) {
			t.Errorf("%v counts as %d and is logged as %+v", e, status, got)
		}
	}
	if status, got := askedFor(t, t.Context(), func(context.Context) error { return chat.Overloaded("Too much.", 0) }); status != 503 || got.Level != "INFO" || got.Reason != "overloaded" {
		t.Errorf("an overload counts as %d and is logged as %+v", status, got)
	}
}
