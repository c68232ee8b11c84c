package protocol

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-chat/parley/internal/chat"
)

// appendMessage appends what json.Marshal would write of [MessageOf]. It allocates nothing but what dst lacks.
func appendMessage(dst []byte, m *chat.Message) []byte {
	dst = appendText(append(dst, `{"id":`...), string(m.ID))
	dst = appendText(append(dst, `,"conversationId":`...), string(m.Conversation))
	dst = appendText(append(dst, `,"senderId":`...), string(m.Sender))
	dst = strconv.AppendInt(append(dst, `,"seq":`...), m.Seq, 10)
	dst = strconv.AppendInt(append(dst, `,"rev":`...), m.Rev, 10)
	dst = appendText(append(dst, `,"content":`...), m.Content)
	dst = appendText(append(dst, `,"contentType":`...), m.ContentType)
	dst = appendText(append(dst, `,"clientMessageId":`...), m.ClientMessageID)
	dst = appendTime(append(dst, `,"createdAt":`...), m.CreatedAt)
	dst = appendTime(append(dst, `,"updatedAt":`...), m.UpdatedAt)
	dst = appendTimeOrNull(append(dst, `,"editedAt":`...), m.EditedAt)
	dst = appendTimeOrNull(append(dst, `,"deletedAt":`...), m.DeletedAt)
	return append(dst, '}')
}

// CutMessageReceived reads an event off the front of text as [AppendMessageReceived] writes it, and returns what
// follows. ok is false for any other JSON, though it be the same event: that is for [ReadMessageReceived]. The
// message's texts share text's memory.
func CutMessageReceived(text string) (m chat.Message, rest string, ok bool) {
	r := messageReader{text: text, ok: true}
	r.literal(receivedBegin)
	m.ID = chat.MessageID(r.string(`{"id":`))
	m.Conversation = chat.ConversationID(r.string(`,"conversationId":`))
	m.Sender = chat.UserID(r.string(`,"senderId":`))
	m.Seq = r.int(`,"seq":`)
	m.Rev = r.int(`,"rev":`)
	m.Content = r.string(`,"content":`)
	m.ContentType = r.string(`,"contentType":`)
	m.ClientMessageID = r.string(`,"clientMessageId":`)
	m.CreatedAt = r.time(`,"createdAt":`)
	m.UpdatedAt = r.time(`,"updatedAt":`)
	m.EditedAt = r.timeOrNull(`,"editedAt":`)
	m.DeletedAt = r.timeOrNull(`,"deletedAt":`)
	r.literal(`}}`)
	return m, r.text, r.ok
}

// messageReader takes members off the front of a text until one is not as it was expected.
type messageReader struct {
	text string
	ok   bool
	// moment is the last one that was read: most messages are as new as their last change.
	moment struct {
		text string
		time time.Time
	}
}

func (r *messageReader) literal(s string) {
	rest, is := strings.CutPrefix(r.text, s)
	r.text, r.ok = rest, r.ok && is
}

func (r *messageReader) string(name string) string {
	r.literal(name + `"`)
	ascii, escaped := true, false
	for i := 0; r.ok && i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			s, raw := r.text[:i], r.text[:i+1]
			r.text = r.text[i+1:]
			if escaped {
				unquoted, err := jsontext.AppendUnquote(nil, `"`+raw)
				r.ok = err == nil
				return string(unquoted)
			}
			r.ok = ascii || utf8.ValidString(s)
			return s
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			r.ok = false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.ok = false
	return ""
}

func (r *messageReader) int(name string) int64 {
	r.literal(name)
	end := strings.IndexByte(r.text, ',')
	if !r.ok || end < 0 {
		r.ok = false
		return 0
	}
	digits := r.text[:end]
	n, err := strconv.ParseInt(digits, 10, 64)
	// JSON has one way to write an integer.
	r.text, r.ok = r.text[end:], err == nil && strconv.FormatInt(n, 10) == digits
	return n
}

func (r *messageReader) time(name string) time.Time {
	r.literal(name + `"`)
	if !r.ok || len(r.text) <= len(timeLayout) || r.text[len(timeLayout)] != '"' {
		r.ok = false
		return time.Time{}
	}
	text := r.text[:len(timeLayout)]
	r.text = r.text[len(timeLayout)+1:]
	if text != r.moment.text {
		t, err := time.Parse(timeLayout, text)
		r.moment.text, r.moment.time, r.ok = text, t, err == nil
	}
	return r.moment.time
}

func (r *messageReader) timeOrNull(name string) time.Time {
	if rest, is := strings.CutPrefix(r.text, name+`null`); is {
		r.text = rest
		return time.Time{}
	}
	return r.time(name)
}

// ReadMessageReceived reads the event in any JSON. Members that it does not know are passed over.
func ReadMessageReceived(text []byte) (chat.Message, error) {
	var e ChangeEvent
	if err := json.Unmarshal(text, &e); err != nil {
		return chat.Message{}, err
	}
	w := e.Message
	if e.Type != "message:received" || w == nil {
		return chat.Message{}, errors.New("it is no message:received")
	}
	m := chat.Message{
		ID: chat.MessageID(w.ID), Conversation: chat.ConversationID(w.ConversationID), Sender: chat.UserID(w.SenderID), Seq: w.Seq, Rev: w.Rev,
		Content: w.Content, ContentType: w.ContentType, ClientMessageID: w.ClientMessageID,
	}
	var errs [4]error
	m.CreatedAt, errs[0] = parseTime(&w.CreatedAt)
	m.UpdatedAt, errs[1] = parseTime(&w.UpdatedAt)
	m.EditedAt, errs[2] = parseTime(w.EditedAt)
	m.DeletedAt, errs[3] = parseTime(w.DeletedAt)
	return m, errors.Join(errs[:]...)
}

// parseTime is the zero time for null.
func parseTime(t *Time) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	return time.Parse(timeLayout, string(*t))
}
