package client

import (
	"errors"
	"time"
)

// How a client repeats what failed, unchanged (docs/errors.md).
const (
	retryNever   = "never"
	retryOnce    = "once"
	retryBackoff = "backoff"
	retryWait    = "wait"
	retrySignIn  = "sign_in"
)

// codes is the server's table of codes, as far as a client goes by it: the HTTP status, 0 for a code that answers
// no request, and how it is retried. A test holds it to that of the server.
var codes = []struct {
	code   string
	status int
	retry  string
}{
	{CodeAuthFailed, 401, retrySignIn},
	{CodeUnauthorized, 401, retrySignIn},
	{CodeForbidden, 403, retryNever},
	{CodeNotFound, 404, retryNever},
	{CodeNotInConversation, 404, retryNever},
	{CodeValidation, 422, retryNever},
	{CodeConflict, 409, retryNever},
	{CodeRateLimited, 429, retryWait},
	{CodeSlowConsumer, 0, retryBackoff},
	{CodeNetwork, 0, retryBackoff},
	{CodeDBTimeout, 503, retryBackoff},
	{CodeDBConnectionLost, 503, retryBackoff},
	{CodeRedisUnavailable, 503, retryBackoff},
	{CodeInternal, 500, retryOnce},
}

// retryOf is how a code is retried. One that a newer server made is a fault to this client.
func retryOf(code string) string {
	for _, row := range codes {
		if row.code == code {
			return row.retry
		}
	}
	return retryOnce
}

// repeatable is what retryable means where the server did not say it.
func repeatable(code string) bool {
	retry := retryOf(code)
	return retry != retryNever && retry != retrySignIn
}

// codeOfStatus names an answer that carries no code of Parley's: it is of whoever stands between, so that of the
// server nothing is known but that it could not be asked.
func codeOfStatus(status int) string {
	if status >= 500 {
		return CodeNetwork
	}
	for _, row := range codes {
		if row.status == status {
			return row.code
		}
	}
	return CodeValidation
}

// longestRepair bounds the backoff on a connection that lives: when what failed is over, its conversations are
// complete again within seconds.
const longestRepair = 2

// repairIn is how long to wait before what failed n times before is asked again on the same connection, and false
// when it is not.
func repairIn(err error, n int) (time.Duration, bool) {
	var e *Error
	if !errors.As(err, &e) {
		e = networkError("", err)
	}
	if !e.Retryable || retryOf(e.Code) == retryOnce && n > 0 {
		return 0, false
	}
	return backoff(min(n, longestRepair), e.RetryAfter), true
}
