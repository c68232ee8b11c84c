package client

import (
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func TestTheClientHasTheServersTableOfCodes(t *testing.T) {
	if len(codes) != len(chat.Codes) {
		t.Errorf("it has %d codes, the server %d", len(codes), len(chat.Codes))
	}
	for i, row := range chat.Codes {
		have := codes[i]
		if have.code != string(row.Code) || have.status != row.Status || have.retry != string(row.Retry) {
			t.Errorf("the client has %+v, the server %+v", have, row)
		}
		if repeatable(have.code) != row.Retryable() {
			t.Errorf("%s is retryable on one side only", row.Code)
		}
		e := &Error{Code: have.code, Retryable: repeatable(have.code), RetryAfter: time.Minute}
		for n := range 4 {
			wait, again := repairIn(e, n)
			if want := row.Retryable() && (row.Retry != chat.RetryOnce || n == 0); again != want {
				t.Errorf("%s that failed %d times before is asked again: %v", row.Code, n, again)
			}
			if again && (wait < time.Minute || wait > time.Minute+time.Second<<min(n, longestRepair)) {
				t.Errorf("%s that failed %d times before waits %s", row.Code, n, wait)
			}
		}
	}
}

func TestAnAnswerWithoutACodeIsReadByItsStatus(t *testing.T) {
	for status, want := range map[int]string{
		400: CodeValidation, 401: CodeAuthFailed, 403: CodeForbidden, 404: CodeNotFound, 409: CodeConflict, 413: CodeValidation,
		429: CodeRateLimited, 500: CodeNetwork, 502: CodeNetwork, 503: CodeNetwork, 504: CodeNetwork, 522: CodeNetwork,
	} {
		for _, body := range []string{"", "<html>Bad gateway</html>", "null", "7", "{}", "[]"} {
			e := errorOf(&http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"3"}}}, []byte(body))
			if e.Code != want || e.Retryable != repeatable(want) || e.RetryAfter != 3*time.Second {
				t.Errorf("%d with %q is read as %s, retryable %v, after %s", status, body, e.Code, e.Retryable, e.RetryAfter)
			}
		}
	}
}

func TestACloseCodeMeansWhatTheTableSays(t *testing.T) {
	for _, row := range protocol.CloseCodes {
		e := lostConnection(websocket.CloseError{Code: websocket.StatusCode(row.Code)})
		// The client closes with 1000 itself.
		if again := e.Retryable && !wantsLogin(e); again != row.Reconnect && row.Code != protocol.CloseNormal {
			t.Errorf("after %d the client connects again: %v", row.Code, again)
		}
	}
}
