package protocol

import "github.com/parley-chat/parley/internal/chat"

// CloseCode is why a socket was closed (RFC 6455 §7.4, C4.9).
type CloseCode uint16

// The codes that the server closes with.
const (
	CloseNormal      CloseCode = 1000
	CloseGoingAway   CloseCode = 1001
	CloseProtocol    CloseCode = 1002
	CloseUnsupported CloseCode = 1003
	CloseInvalidText CloseCode = 1007
	ClosePolicy      CloseCode = 1008
	CloseTooBig      CloseCode = 1009
	CloseInternal    CloseCode = 1011
	CloseRestart     CloseCode = 1012
	CloseAuth        CloseCode = 4401
	CloseLoginEnded  CloseCode = 4403
	CloseSilent      CloseCode = 4408
	CloseSlow        CloseCode = 4413
	CloseRateLimited CloseCode = 4429
)

// CloseInfo says what a close code means and what the client does.
type CloseInfo struct {
	Code      CloseCode
	Reconnect bool   // connect again, with backoff or as retryAfterMs says
	Meaning   string // for people
	Client    string // what the client does
}

// CloseCodes is the one table of close codes (C4.9). Ranges mean the same: 4400 to 4403 look at the
// login, 4404 to 4499 connect again, other codes of the protocol's faults give up.
var CloseCodes = []CloseInfo{
	{CloseNormal, false, "The client closed.", "Nothing."},
	{CloseGoingAway, true, "The node goes away.", "Connect again with backoff."},
	{CloseProtocol, false, "A frame broke the WebSocket protocol.", "Give up and say so."},
	{CloseUnsupported, false, "A binary frame; Parley speaks text.", "Give up and say so."},
	{CloseInvalidText, false, "A text was not valid UTF-8.", "Give up and say so."},
	{ClosePolicy, false, "An auth that breaks a rule, or too many broken frames or control frames.", "Give up and say so."},
	{CloseTooBig, false, "A message was longer than 64 KiB.", "Give up and say so."},
	{CloseInternal, true, "A fault of the server.", "Connect again with backoff."},
	{CloseRestart, true, "The node restarts.", "Connect again when reconnectInMs is over."},
	{CloseAuth, false, "The token is missing, invalid or expired.", "Get a fresh token, then connect again."},
	{CloseLoginEnded, false, "The login ended: signed out, erased or blocked.", "Give up and show the login."},
	{CloseSilent, true, "Nothing was heard for 30 seconds.", "Connect again with backoff."},
	{CloseSlow, true, "The connection reads slower than events arrive.", "Connect again and catch up by rev."},
	{CloseRateLimited, true, "Too many frames or connections.", "Connect again after retryAfterMs."},
}

// CloseOf is how a connection ends that an error ends: as the table of codes says, else connecting again is
// worth it exactly when the error may pass.
func CloseOf(code chat.Code) CloseCode {
	info := code.Info()
	switch {
	case info.Close != 0:
		return CloseCode(info.Close)
	case info.Retryable():
		return CloseInternal
	}
	return ClosePolicy
}
