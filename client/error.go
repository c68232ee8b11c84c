package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The protocol's codes (C4.8). CodeNetwork is made here and never sent by a server.
const (
	CodeAuthFailed        = "AUTH_FAILED"
	CodeUnauthorized      = "UNAUTHORIZED"
	CodeForbidden         = "FORBIDDEN"
	CodeNotFound          = "NOT_FOUND"
	CodeNotInConversation = "NOT_IN_CONVERSATION"
	CodeValidation        = "VALIDATION_ERROR"
	CodeConflict          = "CONFLICT"
	CodeRateLimited       = "RATE_LIMITED"
	CodeSlowConsumer      = "SLOW_CONSUMER"
	CodeNetwork           = "NETWORK_ERROR"
	CodeDBTimeout         = "DB_TIMEOUT"
	CodeDBConnectionLost  = "DB_CONNECTION_LOST"
	CodeRedisUnavailable  = "REDIS_UNAVAILABLE"
	CodeInternal          = "INTERNAL"
)

// Outcomes of a failed send (C2.7).
const (
	// Rejected: this try wrote nothing and never will. It says nothing of an earlier one that was Unknown.
	Rejected = "rejected"
	// Unknown: it may have been written. Sending again under the same clientMessageId is safe.
	Unknown = "unknown"
)

// Error is every error that the server answers and every loss of the connection.
type Error struct {
	Code       string
	Reason     string        // a finer word, such as "overloaded" or "read_only"; "" when there is none
	Message    string        // for people
	Retryable  bool          // the same request may succeed later, unchanged
	RetryAfter time.Duration // how long to wait first; 0 when the server did not say
	Outcome    string        // of a send: Rejected or Unknown; "" elsewhere
	TraceID    string        // names the request in the server's log; "" when unknown
	Fields     []FieldError  // of VALIDATION_ERROR over REST
	Status     int           // HTTP status, or the WebSocket close code; 0 when neither applies
	Err        error         // what lies beneath, for a log; may be nil
}

// FieldError says what is wrong with one input.
type FieldError struct {
	// Location is the field as the request spells it, such as "content"; empty for the whole body.
	Location string `json:"field"`
	Message  string `json:"message"`
}

func (e *Error) Error() string {
	text := e.Code + ": " + e.Message
	for _, f := range e.Fields {
		text += " [" + strings.TrimPrefix(f.Location+": "+f.Message, ": ") + "]"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the [Error] in err's chain, or "" when there is none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func networkError(message string, err error) *Error {
	return &Error{Code: CodeNetwork, Message: message, Retryable: true, Err: err}
}

// errorOf reads a failed answer: RFC 9457 with Parley's members (C5.2), or whatever a proxy made of it.
func errorOf(answer *http.Response, body []byte) *Error {
	var problem struct {
		Title        string       `json:"title"`
		Detail       string       `json:"detail"`
		Code         string       `json:"code"`
		Retryable    *bool        `json:"retryable"`
		RetryAfterMS int64        `json:"retryAfterMs"`
		Outcome      string       `json:"outcome"`
		Reason       string       `json:"reason"`
		TraceID      string       `json:"traceId"`
		Errors       []FieldError `json:"errors"`
	}
	e := &Error{Status: answer.StatusCode}
	if json.Unmarshal(body, &problem) == nil {
		e.Code, e.Message, e.Outcome = problem.Code, problem.Detail, problem.Outcome
		e.Reason, e.TraceID, e.Fields = problem.Reason, problem.TraceID, problem.Errors
		e.RetryAfter = time.Duration(problem.RetryAfterMS) * time.Millisecond
		if e.Message == "" {
			e.Message = problem.Title
		}
	}
	if e.Code == "" {
		e.Code, e.Message = codeOfStatus(answer.StatusCode), http.StatusText(answer.StatusCode)
	}
	e.Retryable = repeatable(e.Code)
	if problem.Retryable != nil {
		e.Retryable = *problem.Retryable
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && e.RetryAfter == 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}
