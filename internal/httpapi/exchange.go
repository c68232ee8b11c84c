package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

// exchange is what one request and its answer are known by while they last. Only the request's own
// goroutine touches it.
type exchange struct {
	request *http.Request
	header  http.Header // of the answer
	trace   chat.Trace
	caller  auth.Identity
	limits  []usedLimit
	fault   error // what a 5xx hides from the client
	gone    bool  // the client had gone before the fault, and is why there is one
}

// statusClientGone is what a request counts and is logged as whose client had gone before it was answered. No client ever sees it,
// and nothing is wrong here. HTTP has no word for it; the number is nginx's.
const statusClientGone = 499

type exchangeKey struct{}

// exchangeOf finds the exchange of a request under way.
func exchangeOf(ctx context.Context) *exchange {
	return ctx.Value(exchangeKey{}).(*exchange)
}

// actor is who signed the request; routes that are open to all have none.
func actor(ctx context.Context) chat.UserID { return exchangeOf(ctx).caller.User }

// answerWriter notes the status that was answered.
type answerWriter struct {
	http.ResponseWriter
	status int
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// exchanges gives every request its exchange, turns a panic into a 500, and logs one line at the end:
// never a body, a query or a token.
func exchanges(cfg Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		x := &exchange{header: w.Header()}
		x.trace = cfg.Trace(r.Header.Get("Traceparent"))
		w.Header().Set("Traceparent", x.trace.String())
		r = r.WithContext(chat.WithTrace(context.WithValue(r.Context(), exchangeKey{}, x), x.trace))
		x.request = r
		answer := &answerWriter{ResponseWriter: w}
		defer func() {
			if caught := recover(); caught != nil {
				if caught == http.ErrAbortHandler {
					panic(caught)
				}
				x.gone = false
				x.fault = fmt.Errorf("panic: %s\n%s", chat.FaultText(caught), debug.Stack())
				if cfg.Panicked != nil {
					cfg.Panicked()
				}
				if answer.status == 0 {
					writeProblem(answer, r, chat.AsError(x.fault))
				}
			}
			took, status := time.Since(began), answer.status
			if x.gone {
				status = statusClientGone
			}
			if cfg.Answered != nil {
				cfg.Answered(r.Method, status, took)
			}
			if x.trace.Sampled && cfg.Recorded != nil {
				cfg.Recorded(x.trace, x.request, status, began)
			}
			x.log(cfg.Log, status, took)
		}()
		next.ServeHTTP(answer, r)
	})
}

func (x *exchange) log(log *slog.Logger, status int, took time.Duration) {
	level := slog.LevelDebug
	attributes := []slog.Attr{
		slog.String("event", "http.request"),
		slog.String("method", known(x.request.Method)), slog.String("route", x.request.Pattern), slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("traceId", x.trace.TraceID()),
	}
	if x.caller.User != "" {
		level = slog.LevelInfo
		attributes = append(attributes, slog.String("userId", string(x.caller.User)))
	}
	if x.request.Method != http.MethodGet && x.request.Method != http.MethodHead {
		level = slog.LevelInfo
	}
	if x.fault != nil && !x.gone {
		e := chat.AsError(x.fault)
		level = max(level, levelOf(e))
		attributes = append(attributes, slog.String("code", string(e.Code)))
		if e.Reason != "" {
			attributes = append(attributes, slog.String("reason", string(e.Reason)))
		}
		attributes = append(attributes, slog.String("error", x.fault.Error()))
	}
	log.LogAttrs(x.request.Context(), level, "request", attributes...)
}

// levelOf is how grave a fault is to who reads the log, as it is of sends on a socket: a fault of the program is an error; that
// a part is away is said once as one, where it is found, and here it is a warning; what is refused by intent is neither.
func levelOf(e *chat.Error) slog.Level {
	switch {
	case e.Code == chat.CodeInternal:
		return slog.LevelError
	case e.Reason == chat.ReasonOverloaded || e.Reason == chat.ReasonReadOnly:
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// known is a method as it is logged: one that HTTP does not have may be anything.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return "other"
}
