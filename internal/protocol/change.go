package protocol

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-chat/parley/internal/chat"
)

// ChangeEvent is an event that stands in rev order: message:received {message}, message:updated
// {message}, message:deleted {conversationId, messageId, seq, rev, deletedAt, message} or
// conversation:updated {conversationId, rev, conversation}. The socket and GET …/changes carry the same.
type ChangeEvent struct {
	Type           string        `json:"type" enum:"message:received,message:updated,message:deleted,conversation:updated"`
	Message        *Message      `json:"message,omitzero"`
	ConversationID string        `json:"conversationId,omitzero" format:"uuid"`
	MessageID      string        `json:"messageId,omitzero" format:"uuid"`
	Seq            int64         `json:"seq,omitzero"`
	Rev            int64         `json:"rev,omitzero"`
	DeletedAt      *Time         `json:"deletedAt,omitzero" format:"date-time"`
	Conversation   *Conversation `json:"conversation,omitzero"`
}

func (e ChangeEvent) eventType() string { return e.Type }

// Changes is the answer to GET …/changes.
type Changes struct {
	Changes []ChangeEvent `json:"changes" nullable:"false"`
	LastRev int64         `json:"lastRev" doc:"The conversation's rev at the moment of reading."`
	HasMore bool          `json:"hasMore"`
}

// ChangesOf is the wire shape of a difference of states.
func ChangesOf(c chat.Changes) Changes {
	out := Changes{Changes: make([]ChangeEvent, 0, len(c.Changes)), LastRev: c.Head.LastRev, HasMore: c.HasMore}
	for i := range c.Changes {
		out.Changes = append(out.Changes, ChangeEventOf(&c.Changes[i]))
	}
	return out
}

// ChangeEventOf is the wire shape of one change.
func ChangeEventOf(c *chat.Change) ChangeEvent {
	if c.Kind == chat.ConversationRevised {
		conversation := ConversationOf(*c.State)
		return ChangeEvent{Type: "conversation:updated", ConversationID: string(c.Conversation), Rev: c.Rev, Conversation: &conversation}
	}
	m := MessageOf(*c.Message)
	switch c.Kind {
	case chat.MessageEdited:
		return ChangeEvent{Type: "message:updated", Message: &m}
	case chat.MessageDeleted:
		return ChangeEvent{
			Type: "message:deleted", Message: &m, ConversationID: m.ConversationID, MessageID: m.ID,
			Seq: m.Seq, Rev: m.Rev, DeletedAt: m.DeletedAt,
		}
	}
	return ChangeEvent{Type: "message:received", Message: &m}
}

// EncodeChange writes a change as one frame.
func EncodeChange(c *chat.Change) []byte {
	if c.Kind == chat.MessageAdded {
		return AppendMessageReceived(make([]byte, 0, 512+len(c.Message.Content)), c.Message)
	}
	return Encode(ChangeEventOf(c))
}

const receivedBegin = `{"type":"message:received","message":`

// AppendMessageReceived appends what Encode would write for a new message. It allocates nothing but
// what dst lacks: this is the event that every participant of every conversation gets.
func AppendMessageReceived(dst []byte, m *chat.Message) []byte {
	return append(appendMessage(append(dst, receivedBegin...), m), '}')
}

// AppendMessageSent appends what Encode would write to confirm a message.
func AppendMessageSent(dst []byte, m *chat.Message) []byte {
	dst = appendText(append(dst, `{"type":"message:sent","clientMessageId":`...), m.ClientMessageID)
	dst = appendText(append(dst, `,"messageId":`...), string(m.ID))
	dst = appendTime(append(dst, `,"status":"delivered","timestamp":`...), m.CreatedAt)
	dst = appendText(append(dst, `,"conversationId":`...), string(m.Conversation))
	dst = strconv.AppendInt(append(dst, `,"seq":`...), m.Seq, 10)
	dst = strconv.AppendInt(append(dst, `,"rev":`...), m.Rev, 10)
	return append(dst, '}')
}

// AppendMessageError appends what Encode would write of it: a node that has too much to do says it a hundred thousand times a
// second.
func AppendMessageError(dst []byte, m *MessageError) []byte {
	dst = appendText(append(dst, `{"type":"message:error","clientMessageId":`...), m.ClientMessageID)
	dst = appendText(append(dst, `,"error":`...), m.Error)
	dst = appendText(append(dst, `,"code":`...), m.Code)
	dst = strconv.AppendBool(append(dst, `,"retryable":`...), m.Retryable)
	dst = appendText(append(dst, `,"outcome":`...), m.Outcome)
	if m.Reason != "" {
		dst = appendText(append(dst, `,"reason":`...), m.Reason)
	}
	if m.RetryAfterMs != 0 {
		dst = strconv.AppendInt(append(dst, `,"retryAfterMs":`...), m.RetryAfterMs, 10)
	}
	if m.TraceID != "" {
		dst = appendText(append(dst, `,"traceId":`...), m.TraceID)
	}
	return append(dst, '}')
}

// appendText appends a JSON string. The error tells of invalid UTF-8, which has been mended by then.
func appendText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

func appendTime(dst []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), timeLayout), '"')
}

func appendTimeOrNull(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, `null`...)
	}
	return appendTime(dst, t)
}
