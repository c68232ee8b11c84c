package httpapi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/chat"
)

// Problem is the answer to a request that failed: RFC 9457 with what Parley adds (C5.2).
type Problem struct {
	Type         string       `json:"type" format:"uri-reference" doc:"Where the code is explained."`
	Title        string       `json:"title" doc:"The HTTP status in words."`
	Status       int          `json:"status" doc:"The HTTP status."`
	Detail       string       `json:"detail" doc:"What went wrong, for people."`
	Code         string       `json:"code" doc:"What went wrong, for programs."`
	Retryable    bool         `json:"retryable" doc:"The same request may succeed later, unchanged."`
	TraceID      string       `json:"traceId" doc:"Names this request in the server's log."`
	Reason       string       `json:"reason,omitzero" doc:"A finer word under the code. More may be added."`
	Outcome      string       `json:"outcome,omitzero" enum:"rejected,unknown" doc:"With every failed send and nothing else: unknown means that it may have been stored, rejected that this try did not. Sending it again under the same clientMessageId is safe."`
	RetryAfterMs int64        `json:"retryAfterMs,omitzero" doc:"How long to wait before trying again."`
	Errors       []FieldError `json:"errors,omitzero" nullable:"false" doc:"What is wrong with which field."`
}

// FieldError says what is wrong with one field.
type FieldError struct {
	Field   string `json:"field" doc:"The field as the request spells it; empty for the whole body."`
	Message string `json:"message"`
}

// Error is the problem's detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the status that the problem is answered with.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders adds Retry-After, in whole seconds.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfterMs > 0 {
		h.Set("Retry-After", seconds(time.Duration(p.RetryAfterMs)*time.Millisecond))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("Www-Authenticate", "Bearer")
	}
	return h
}

// seconds rounds up: a client that comes when it is told must not come too early.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// problemOf makes the problem of an error. What nobody named is kept for the log and shows nothing.
func problemOf(x *exchange, err error) *Problem {
	e := chat.AsError(err)
	info := e.Code.Info()
	if info.Status >= http.StatusInternalServerError {
		x.fault = err
		x.gone = errors.Is(err, context.Canceled) && x.request != nil && x.request.Context().Err() == context.Canceled
	}
	p := &Problem{
		Type: docsPath + "#" + string(e.Code), Title: http.StatusText(info.Status), Status: info.Status, Detail: e.Message,
		Code: string(e.Code), Retryable: info.Retryable(), TraceID: x.trace.TraceID(), Reason: string(e.Reason), Outcome: string(x.outcome(e)),
		RetryAfterMs: int64(math.Ceil(float64(e.RetryAfter) / float64(time.Millisecond))),
	}
	if e.Field != "" {
		p.Errors = []FieldError{{Field: e.Field, Message: e.Message}}
	}
	return p
}

// outcome is what a failed send left behind. Nothing else has one, though an error of the store may.
func (x *exchange) outcome(e *chat.Error) chat.Outcome {
	switch {
	case !x.sends():
		return ""
	case e.Outcome != "":
		return e.Outcome
	case e.Code == chat.CodeInternal:
		return chat.OutcomeUnknown
	}
	return chat.OutcomeRejected
}

// sends reports whether the request sends a message. It goes by the path: what is refused before it finds its route is a send as
// well.
func (x *exchange) sends() bool {
	if x.request == nil || x.request.Method != http.MethodPost {
		return false
	}
	is, _ := path.Match("/api/conversations/*/messages", x.request.URL.EscapedPath())
	return is
}

// writeProblem answers with a problem outside of huma.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	sendProblem(w, problemOf(exchangeOf(r.Context()), err))
}

// Refuse answers with the problem of an error, under a status that may be another than its code's, a request that is none of
// the API's: one that did not become a WebSocket.
func Refuse(w http.ResponseWriter, status int, of chat.Trace, err *chat.Error) {
	p := problemOf(&exchange{trace: of}, err)
	p.Status, p.Title = status, http.StatusText(status)
	sendProblem(w, p)
}

// writeInvalid answers a request that is wrong as HTTP with a status of its own.
func writeInvalid(w http.ResponseWriter, r *http.Request, status int, detail string) {
	p := problemOf(exchangeOf(r.Context()), &chat.Error{Code: chat.CodeValidation, Message: detail})
	p.Status, p.Title = status, http.StatusText(status)
	sendProblem(w, p)
}

func sendProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	// A client that has gone reads no answer.
	_ = json.MarshalWrite(w, p)
}

// init makes huma answer with our problems. huma keeps these settings in variables of its package, so
// they are set once, before anything is served.
func init() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return rejection(&exchange{}, status, message, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		return rejection(exchangeOf(ctx.Context()), status, message, errs)
	}
}

// rejection is the problem of an input that huma refused. It names fields and never echoes values: they
// may be passwords or messages.
func rejection(x *exchange, status int, message string, errs []error) *Problem {
	if status >= http.StatusInternalServerError {
		return problemOf(x, errors.Join(append([]error{errors.New(message)}, errs...)...))
	}
	if status == http.StatusBadRequest {
		status = http.StatusUnprocessableEntity // what is no JSON breaks a rule like any other (C5.2)
	}
	p := problemOf(x, &chat.Error{Code: chat.CodeValidation, Message: sentence(message)})
	p.Status, p.Title = status, http.StatusText(status)
	for _, err := range errs {
		p.Errors = append(p.Errors, fieldError(err))
	}
	if len(p.Errors) > 0 {
		p.Detail = p.Errors[0].Message
		if p.Errors[0].Field != "" {
			p.Detail = p.Errors[0].Field + ": " + p.Detail
		}
	}
	return p
}

func fieldError(err error) FieldError {
	var detail *huma.ErrorDetail
	if !errors.As(err, &detail) {
		return FieldError{Message: err.Error()}
	}
	field := strings.TrimPrefix(detail.Location, "body")
	for _, where := range []string{"query.", "path.", "cookie.", "header.", "."} {
		field = strings.TrimPrefix(field, where)
	}
	return FieldError{Field: field, Message: detail.Message}
}

// sentence makes huma's messages look like ours.
func sentence(message string) string {
	if message == "" {
		return message
	}
	return strings.ToUpper(message[:1]) + strings.TrimSuffix(message[1:], ".") + "."
}

// handle registers a route whose handler answers with chat errors.
func handle[I, O any](a *api, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, problemOf(exchangeOf(ctx), err)
		}
		return out, nil
	})
}
