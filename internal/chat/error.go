package chat

import (
	"errors"
	"fmt"
	"time"
)

// Code is the protocol's word for what went wrong (seed DOC-002, DOC-008; C4.8).
type Code string

// The codes. Everything that Parley did not name is CodeInternal.
const (
	CodeAuthFailed        Code = "AUTH_FAILED"
	CodeUnauthorized      Code = "UNAUTHORIZED"
	CodeForbidden         Code = "FORBIDDEN"
	CodeNotFound          Code = "NOT_FOUND"
	CodeNotInConversation Code = "NOT_IN_CONVERSATION"
	CodeValidation        Code = "VALIDATION_ERROR"
	CodeConflict          Code = "CONFLICT"
	CodeRateLimited       Code = "RATE_LIMITED"
	CodeSlowConsumer      Code = "SLOW_CONSUMER"
	CodeNetwork           Code = "NETWORK_ERROR"
	CodeDBTimeout         Code = "DB_TIMEOUT"
	CodeDBConnectionLost  Code = "DB_CONNECTION_LOST"
	CodeRedisUnavailable  Code = "REDIS_UNAVAILABLE"
	CodeInternal          Code = "INTERNAL"
)

// CodeInfo says what a code means on each wire and what a client does about it.
type CodeInfo struct {
	Code    Code
	Status  int    // HTTP status of a REST answer; 0 when the code never answers a request
	Close   int    // WebSocket close code when it ends a connection; 0 when it ends none
	Retry   Retry  // whether and how a client asks again
	Meaning string // for people
	Client  string // what the client does
}

// Retry is how a client repeats what failed, unchanged. The SDK and the Go client are driven by it.
type Retry string

// The ways to retry; what each asks of a client is in [Retries].
const (
	RetryNever   Retry = "never"
	RetryOnce    Retry = "once"
	RetryBackoff Retry = "backoff"
	RetryWait    Retry = "wait"
	RetrySignIn  Retry = "sign_in"
)

// RetryInfo says what a way to retry asks of a client.
type RetryInfo struct {
	Retry Retry
	Means string
}

// Retries is the table of the ways to retry.
var Retries = []RetryInfo{
	{RetryNever, "It would fail again: fail fast and say so."},
	{RetryOnce, "Once more with backoff; if that fails as well, show the trace id."},
	{RetryBackoff, "After retryAfterMs, if it came, and a random part of 1, 2, 4, 8, 16, then 30 seconds (full jitter)."},
	{RetryWait, "The same, and until then nothing else of that kind is asked for."},
	{RetrySignIn, "Once with a fresh token. When none is given, or it is refused too, the person signs in."},
}

// Retryable is the wire's word: the same request may succeed later, unchanged.
func (i CodeInfo) Retryable() bool { return i.Retry != RetryNever && i.Retry != RetrySignIn }

// Codes is the one table of codes: REST, WebSocket, SDK and documents are made from it (C4.8).
var Codes = []CodeInfo{
	{CodeAuthFailed, 401, 4401, RetrySignIn, "The token is missing, invalid or expired.", "Refresh the token once, then send the person to the login."},
	{CodeUnauthorized, 401, 4401, RetrySignIn, "The request needs a signed-in person.", "Refresh the token once, then send the person to the login."},
	{CodeForbidden, 403, 0, RetryNever, "The person may see this but not do it.", "Say so and take the control away."},
	{CodeNotFound, 404, 0, RetryNever, "It does not exist, or not for this person.", "Remove it from the screen."},
	{CodeNotInConversation, 404, 0, RetryNever, "The conversation does not exist or the person is not in it.", "Remove the conversation from the screen."},
	{CodeValidation, 422, 1008, RetryNever, "The input breaks a rule.", "Show the message next to the field."},
	{CodeConflict, 409, 0, RetryNever, "It collides with what is there already.", "Show the message; ask for another value."},
	{CodeRateLimited, 429, 4429, RetryWait, "Too many requests.", "Wait as long as Retry-After or retryAfterMs says, then retry."},
	{CodeSlowConsumer, 0, 4413, RetryBackoff, "The connection reads slower than events arrive.", "Connect again and catch up by rev."},
	{CodeNetwork, 0, 0, RetryBackoff, "The connection was lost (made by clients, never sent).", "Reconnect with backoff and resend."},
	{CodeDBTimeout, 503, 0, RetryBackoff, "The database did not answer within 3 seconds.", "Retry with backoff under the same clientMessageId."},
	{CodeDBConnectionLost, 503, 0, RetryBackoff, "The database cannot be reached.", "Retry with backoff under the same clientMessageId."},
	{CodeRedisUnavailable, 503, 0, RetryBackoff, "Redis cannot be reached.", "Ask again later who is there; messages go on, slower."},
	{CodeInternal, 500, 1011, RetryOnce, "A fault of the server.", "Retry once, then show the trace id."},
}

// Info returns the row of c in [Codes]; an unknown code has the row of [CodeInternal].
func (c Code) Info() CodeInfo {
	for i := range Codes {
		if Codes[i].Code == c {
			return Codes[i]
		}
	}
	return Codes[len(Codes)-1]
}

// Outcome says what a failed send left behind (C2.7).
type Outcome string

const (
	// OutcomeRejected: this try wrote nothing and never will. It says nothing of an earlier one whose outcome is unknown.
	OutcomeRejected Outcome = "rejected"
	// OutcomeUnknown: it may have been written. Sending it again under the same clientMessageId is safe.
	OutcomeUnknown Outcome = "unknown"
)

// Error is the one error type that reaches people. Code and Message go to the client, Err to the log.
type Error struct {
	Code       Code
	Message    string        // for people; never holds message text or secrets
	Field      string        // the input that broke a rule, in the wire's spelling; "" when none
	Reason     Reason        // a row of [Reasons] under this code; "" when none
	RetryAfter time.Duration // how long to wait before trying again; 0 when unknown
	Outcome    Outcome       // of a send; "" is read as OutcomeRejected
	Err        error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// Invalid is a VALIDATION_ERROR about one field.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeValidation, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotInConversation answers for a conversation that does not exist and for one that the caller is not
// in; the two look alike so that nobody can probe ids (C4.10).
func NotInConversation() *Error {
	return &Error{Code: CodeNotInConversation, Message: "You are not in this conversation."}
}

// NotFound is the answer for a thing named by noun that is not there for this caller.
func NotFound(noun string) *Error {
	return &Error{Code: CodeNotFound, Message: "This " + noun + " does not exist."}
}

// Forbidden says that the caller's role does not allow what was asked.
func Forbidden(message string) *Error { return &Error{Code: CodeForbidden, Message: message} }

// AsError finds the [Error] in err's chain. An error that nobody named becomes CodeInternal, which
// shows nothing of it.
func AsError(err error) *Error {
	if e, is := err.(*Error); is {
		return e
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: "Something went wrong on our side.", Err: err}
}
