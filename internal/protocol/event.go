package protocol

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-chat/parley/internal/chat"
)

// Event is what the server tells a client in one frame: one of the types of this package, whose JSON
// begins with "type". [ChangeEvent] has it as a member, the others get it from [Encode].
type Event interface{ eventType() string }

// AuthSuccess answers auth.
type AuthSuccess struct {
	UserID    string `json:"userId" format:"uuid"`
	SessionID string `json:"sessionId" format:"uuid"`
	ServerID  string `json:"serverId"`
	ExpiresAt Time   `json:"expiresAt" format:"date-time"`
}

// AuthError says why the socket is about to close.
type AuthError struct {
	Error        string `json:"error"`
	Code         string `json:"code"`
	Reason       string `json:"reason,omitzero" doc:"A finer word, such as overloaded."`
	RetryAfterMs int64  `json:"retryAfterMs,omitzero"`
	TraceID      string `json:"traceId,omitzero" doc:"Of a fault of the server: names it in the server's log."`
}

// AuthExpiring asks for a fresh token, 60 seconds before this one expires.
type AuthExpiring struct {
	ExpiresAt Time `json:"expiresAt" format:"date-time"`
}

// Subscribed comes before the changes that the client lacks.
type Subscribed struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	LastSeq        int64  `json:"lastSeq"`
	LastRev        int64  `json:"lastRev"`
	HasMore        bool   `json:"hasMore" doc:"More changed than is sent here: page the rest from caught:up's rev with GET …/changes."`
}

// CaughtUp comes after the changes that the client lacked; what follows is live.
type CaughtUp struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	Rev            int64  `json:"rev"`
}

// Unsubscribed answers unsubscribe.
type Unsubscribed struct {
	ConversationID string `json:"conversationId" format:"uuid"`
}

// MessageSent confirms that a message is committed on disk (C2.1, C2.2).
type MessageSent struct {
	ClientMessageID string `json:"clientMessageId"`
	MessageID       string `json:"messageId" format:"uuid"`
	Status          string `json:"status" enum:"delivered"`
	Timestamp       Time   `json:"timestamp" format:"date-time"`
	ConversationID  string `json:"conversationId" format:"uuid"`
	Seq             int64  `json:"seq"`
	Rev             int64  `json:"rev"`
}

// MessageError says that a message was not, or perhaps not, stored (C2.7).
type MessageError struct {
	ClientMessageID string `json:"clientMessageId"`
	Error           string `json:"error"`
	Code            string `json:"code"`
	Retryable       bool   `json:"retryable"`
	Outcome         string `json:"outcome" enum:"rejected,unknown"`
	Reason          string `json:"reason,omitzero" doc:"A finer word, such as idempotency_conflict."`
	RetryAfterMs    int64  `json:"retryAfterMs,omitzero"`
	TraceID         string `json:"traceId,omitzero" doc:"Of a fault of the server: names it in the server's log."`
}

// MessageDelivered says how far a device of somebody has the conversation (C3.4).
type MessageDelivered struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	UserID         string `json:"userId" format:"uuid"`
	UpToSeq        int64  `json:"upToSeq"`
}

// TypingStarted says that somebody types.
type TypingStarted struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	UserID         string `json:"userId" format:"uuid"`
}

// TypingStopped says that somebody has stopped typing.
type TypingStopped struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	UserID         string `json:"userId" format:"uuid"`
}

// ReceiptSynced tells a person's own sessions where the read position is.
type ReceiptSynced struct{ ReadState }

// ReceiptUpdated tells the other participants of a small conversation how far somebody has read; null, that they let
// nobody know any more (C6.3, C6.6).
type ReceiptUpdated struct {
	ConversationID string  `json:"conversationId" format:"uuid"`
	UserID         string  `json:"userId" format:"uuid"`
	MessageID      *string `json:"messageId" format:"uuid" nullable:"true"`
	Seq            int64   `json:"seq" doc:"Of that message; every one up to it has been read. 0 with null."`
	ReadAt         *Time   `json:"readAt" format:"date-time" nullable:"true"`
}

// ReceiptCount tells who follows a large conversation how many people other than its sender have read each of the newest
// messages (C6.3).
type ReceiptCount struct {
	ConversationID string      `json:"conversationId" format:"uuid"`
	Counts         []ReadCount `json:"counts" nullable:"false"`
}

// ReadCount is how many have read a message.
type ReadCount struct {
	MessageID string `json:"messageId" format:"uuid"`
	ReadCount int64  `json:"readCount" minimum:"0"`
}

// ReceiptUpdatedOf is the wire shape of a position that is shown.
func ReceiptUpdatedOf(s chat.Shown) ReceiptUpdated {
	return ReceiptUpdated{
		ConversationID: string(s.Conversation), UserID: string(s.User), MessageID: textOrNull(s.Message), Seq: s.Seq, ReadAt: timeOrNull(s.At),
	}
}

// ReceiptCountOf is the wire shape of counts.
func ReceiptCountOf(r chat.ReadCounts) ReceiptCount {
	out := ReceiptCount{ConversationID: string(r.Conversation), Counts: make([]ReadCount, 0, len(r.Counts))}
	for _, c := range r.Counts {
		out.Counts = append(out.Counts, ReadCount{string(c.Message), c.Count})
	}
	return out
}

// ConversationAdded shows a conversation that the person is in now.
type ConversationAdded struct {
	Conversation Conversation `json:"conversation"`
}

// ConversationRemoved takes a conversation away; nothing of it follows (C3.7).
type ConversationRemoved struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	Reason         string `json:"reason" enum:"left,removed,ended"`
}

// ConversationActivity tells of new messages in a conversation that is not subscribed (C3.8).
type ConversationActivity struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	LastSeq        int64  `json:"lastSeq"`
	SenderID       string `json:"senderId" format:"uuid" doc:"Who wrote the last message."`
	Timestamp      Time   `json:"timestamp" format:"date-time" doc:"When the last message was sent."`
	Preview        string `json:"preview" doc:"The last message's first 100 characters; empty when it is deleted."`
	UnreadCount    int64  `json:"unreadCount"`
}

// Announcement is a word of the operator to everybody who is connected (C4.6).
type Announcement struct {
	Text string `json:"text" doc:"1 to 4,000 characters."`
}

// Draining says that this node leaves (C8.4). It serves the client as ever until the time given is over, and then
// closes the socket with 1012.
type Draining struct {
	ReconnectInMs int64 `json:"reconnectInMs" doc:"When to connect again, counted from now. The node serves until then and closes the socket."`
}

// Problem answers what could not be done.
type Problem struct {
	Error        string `json:"error"`
	Code         string `json:"code"`
	Retryable    bool   `json:"retryable"`
	Reason       string `json:"reason,omitzero" doc:"A finer word, such as read_only."`
	Ref          string `json:"ref,omitzero" doc:"What it is about: a conversationId or messageId of the request."`
	RetryAfterMs int64  `json:"retryAfterMs,omitzero"`
	TraceID      string `json:"traceId,omitzero" doc:"Of a fault of the server: names it in the server's log."`
}

func (AuthSuccess) eventType() string          { return "auth:success" }
func (AuthError) eventType() string            { return "auth:error" }
func (AuthExpiring) eventType() string         { return "auth:expiring" }
func (Subscribed) eventType() string           { return "subscribed" }
func (CaughtUp) eventType() string             { return "caught:up" }
func (Unsubscribed) eventType() string         { return "unsubscribed" }
func (MessageSent) eventType() string          { return "message:sent" }
func (MessageError) eventType() string         { return "message:error" }
func (MessageDelivered) eventType() string     { return "message:delivered" }
func (TypingStarted) eventType() string        { return "typing:started" }
func (TypingStopped) eventType() string        { return "typing:stopped" }
func (ReceiptSynced) eventType() string        { return "receipt:synced" }
func (ReceiptUpdated) eventType() string       { return "receipt:updated" }
func (ReceiptCount) eventType() string         { return "receipt:count" }
func (PresenceChanged) eventType() string      { return "presence:changed" }
func (PresenceState) eventType() string        { return "presence:state" }
func (FriendChanged) eventType() string        { return "friend:changed" }
func (BlockChanged) eventType() string         { return "block:changed" }
func (ConversationAdded) eventType() string    { return "conversation:added" }
func (ConversationRemoved) eventType() string  { return "conversation:removed" }
func (ConversationActivity) eventType() string { return "conversation:activity" }
func (Announcement) eventType() string         { return "system:announcement" }
func (Draining) eventType() string             { return "system:draining" }
func (Problem) eventType() string              { return "error" }

// Encode writes an event as one frame. Text that is no valid UTF-8 is mended with U+FFFD, since a
// client would have to close the socket over it.
func Encode(e Event) []byte {
	body, err := json.Marshal(e, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		// The events hold nothing that has no JSON; only a change of their types can come here.
		panic(err)
	}
	if _, typed := e.(ChangeEvent); typed {
		return body
	}
	frame := append(make([]byte, 0, len(body)+32), `{"type":"`...)
	frame = append(append(frame, e.eventType()...), '"')
	if len(body) > len("{}") {
		frame = append(frame, ',')
	}
	return append(frame, body[1:]...)
}

// ProblemOf is the wire shape of an error about ref. It shows nothing of what was not named.
func ProblemOf(err error, ref string, trace chat.Trace) Problem {
	e := chat.AsError(err)
	return Problem{
		Error: e.Message, Code: string(e.Code), Retryable: e.Code.Info().Retryable(), Reason: string(e.Reason), Ref: ref,
		RetryAfterMs: milliseconds(e.RetryAfter), TraceID: reported(e, trace),
	}
}

// AuthErrorOf is the answer to an auth that failed.
func AuthErrorOf(err error, trace chat.Trace) AuthError {
	p := ProblemOf(err, "", trace)
	return AuthError{Error: p.Error, Code: p.Code, Reason: p.Reason, RetryAfterMs: p.RetryAfterMs, TraceID: p.TraceID}
}

// reported is the id of the trace of an error that people report to the operator: of a fault of the server.
func reported(e *chat.Error, trace chat.Trace) string {
	if e.Code.Info().Status < 500 {
		return ""
	}
	return trace.TraceID()
}

// MessageErrorOf is the answer to a message that failed.
func MessageErrorOf(err error, clientMessageID string, trace chat.Trace) MessageError {
	e := chat.AsError(err)
	outcome := e.Outcome
	if outcome == "" {
		outcome = chat.OutcomeRejected
	}
	return MessageError{
		ClientMessageID: clientMessageID, Error: e.Message, Code: string(e.Code), Retryable: e.Code.Info().Retryable(),
		Outcome: string(outcome), Reason: string(e.Reason), RetryAfterMs: milliseconds(e.RetryAfter),
		TraceID: reported(e, trace),
	}
}

// MessageSentOf is the confirmation of a message.
func MessageSentOf(m chat.Message) MessageSent {
	return MessageSent{
		ClientMessageID: m.ClientMessageID, MessageID: string(m.ID), Status: "delivered", Timestamp: FormatTime(m.CreatedAt),
		ConversationID: string(m.Conversation), Seq: m.Seq, Rev: m.Rev,
	}
}

// milliseconds rounds up, so that a client that waits as long as it is told does not come too early.
func milliseconds(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }
