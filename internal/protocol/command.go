package protocol

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// MaxFrame is the longest message that a client may send, in bytes, after inflation (C2.5).
	MaxFrame = 64 << 10
	// MaxDepth is how deep the JSON of a frame may nest.
	MaxDepth = 32
)

// Command is what a client asks for in one frame: a pointer to one of the types of this file.
type Command interface{ command() }

// Auth says who is there; it is the first frame, and comes again with a fresh token (C4.2, C4.3).
type Auth struct {
	Token      string `json:"token"`
	DeviceID   string `json:"deviceId,omitzero"`
	DeviceType string `json:"deviceType,omitzero" enum:"mobile,desktop"`
	Status     string `json:"status,omitzero" enum:"online,away" doc:"Whether the person is active on the device; absent: online."`
}

// Subscribe asks for the events of conversations, one or up to 500 (C3.3).
type Subscribe struct {
	ConversationID string         `json:"conversationId,omitzero" format:"uuid"`
	AfterRev       *int64         `json:"afterRev,omitzero" minimum:"0" doc:"The rev up to which the client is complete; absent: live from now."`
	Conversations  []Subscription `json:"conversations,omitzero" doc:"Up to 500 at once, instead of conversationId."`
}

// Subscription is one conversation of a bulk subscribe.
type Subscription struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	AfterRev       *int64 `json:"afterRev,omitzero" minimum:"0"`
}

// Unsubscribe ends the events of a conversation.
type Unsubscribe struct {
	ConversationID string `json:"conversationId" format:"uuid"`
}

// SendMessage sends a message; message:sent or message:error answers it.
type SendMessage struct {
	ConversationID  string `json:"conversationId" format:"uuid"`
	Content         string `json:"content"`
	ContentType     string `json:"contentType,omitzero" enum:"text"`
	ClientMessageID string `json:"clientMessageId"`
}

// AckMessage says that the client has everything up to seq (C3.4).
type AckMessage struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	Seq            int64  `json:"seq" minimum:"1"`
}

// EditMessage replaces the text of an own message.
type EditMessage struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	MessageID      string `json:"messageId" format:"uuid"`
	Content        string `json:"content"`
}

// DeleteMessage leaves a tombstone in place of a message.
type DeleteMessage struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	MessageID      string `json:"messageId" format:"uuid"`
}

// StartTyping says that the person types; at most every 3 seconds is listened to (C4.7).
type StartTyping struct {
	ConversationID string `json:"conversationId" format:"uuid"`
}

// StopTyping says that the person has stopped typing.
type StopTyping struct {
	ConversationID string `json:"conversationId" format:"uuid"`
}

// Heartbeat says whether the person is active on this device (C7.1). That it lives every other frame says as well (C4.4).
type Heartbeat struct {
	Status     string `json:"status,omitzero" enum:"online,away"`
	DeviceID   string `json:"deviceId,omitzero"`
	DeviceType string `json:"deviceType,omitzero" enum:"mobile,desktop"`
}

// SetPresence makes the person invisible on all devices, or visible again, this device being online or away.
type SetPresence struct {
	Status string `json:"status" enum:"online,away,invisible"`
}

// SubscribePresence follows the presence of people explicitly, up to 1,000 a frame; presence:state answers it (C7.4).
type SubscribePresence struct {
	UserIDs []string `json:"userIds" format:"uuid" nullable:"false"`
}

// UnsubscribePresence ends that; who is watched for another reason stays so. presence:state answers it.
type UnsubscribePresence struct {
	UserIDs []string `json:"userIds" format:"uuid" nullable:"false"`
}

// Read moves the person's read position to a message, inclusive.
type Read struct {
	ConversationID string `json:"conversationId" format:"uuid"`
	MessageID      string `json:"messageId" format:"uuid"`
}

// SyncRead moves the read position to what the client has, or asks where it is (C6.5).
type SyncRead struct {
	ConversationID    string  `json:"conversationId" format:"uuid"`
	LastReadMessageID *string `json:"lastReadMessageId" format:"uuid" nullable:"true"`
}

func (*Auth) command()                {}
func (*Subscribe) command()           {}
func (*Unsubscribe) command()         {}
func (*SendMessage) command()         {}
func (*AckMessage) command()          {}
func (*EditMessage) command()         {}
func (*DeleteMessage) command()       {}
func (*StartTyping) command()         {}
func (*StopTyping) command()          {}
func (*Heartbeat) command()           {}
func (*SetPresence) command()         {}
func (*SubscribePresence) command()   {}
func (*UnsubscribePresence) command() {}
func (*Read) command()                {}
func (*SyncRead) command()            {}

// commands is the one table of what a client may send.
var commands = map[string]func() Command{
	"auth":                 func() Command { return new(Auth) },
	"subscribe":            func() Command { return new(Subscribe) },
	"unsubscribe":          func() Command { return new(Unsubscribe) },
	"message:send":         func() Command { return new(SendMessage) },
	"message:ack":          func() Command { return new(AckMessage) },
	"message:edit":         func() Command { return new(EditMessage) },
	"message:delete":       func() Command { return new(DeleteMessage) },
	"typing:start":         func() Command { return new(StartTyping) },
	"typing:stop":          func() Command { return new(StopTyping) },
	"presence:heartbeat":   func() Command { return new(Heartbeat) },
	"presence:set":         func() Command { return new(SetPresence) },
	"presence:subscribe":   func() Command { return new(SubscribePresence) },
	"presence:unsubscribe": func() Command { return new(UnsubscribePresence) },
	"receipt:read":         func() Command { return new(Read) },
	"receipt:sync":         func() Command { return new(SyncRead) },
}

// DecodeCommand reads one frame. Members that are not known are ignored; duplicate names, invalid
// UTF-8, lone surrogates, text after the object, nesting past [MaxDepth] and an unknown type are
// VALIDATION_ERROR. A message:send whose clientMessageId can be read comes back with the error, so
// that the answer can name it. traceparent is what the frame says of its trace, unchecked; what is no text
// counts as nothing.
func DecodeCommand(frame []byte) (command Command, traceparent string, err error) {
	if bytes.Count(frame, []byte{'{'})+bytes.Count(frame, []byte{'['}) > MaxDepth && depth(frame) > MaxDepth {
		return nil, "", chat.Invalid("", "The frame nests deeper than %d levels.", MaxDepth)
	}
	if command, traceparent, ok := decodeSend(frame); ok {
		return command, traceparent, nil
	}
	var head head
	if err := json.Unmarshal(frame, &head); err != nil {
		return nil, "", malformed(err)
	}
	traceparent = head.traceparent()
	construct, known := commands[head.Type]
	if !known {
		return nil, traceparent, chat.Invalid("type", "This type of event is not known.")
	}
	command = construct()
	if err := json.Unmarshal(frame, command); err != nil {
		if _, sends := command.(*SendMessage); sends {
			return sendAnyway(frame), traceparent, malformed(err)
		}
		return nil, traceparent, malformed(err)
	}
	return command, traceparent, nil
}

// head is what every frame may have.
type head struct {
	Type        string         `json:"type"`
	Traceparent jsontext.Value `json:"traceparent"`
}

func (h *head) traceparent() string { return strings.Trim(string(h.Traceparent), `"`) }

// decodeSend reads in one go what comes most, and what most programs write so: a message:send whose type comes first. It says
// nothing of what it cannot read.
func decodeSend(frame []byte) (m *SendMessage, traceparent string, ok bool) {
	if !bytes.HasPrefix(frame, []byte(`{"type":"message:send"`)) {
		return nil, "", false
	}
	var send struct {
		head
		SendMessage
	}
	if err := json.Unmarshal(frame, &send); err != nil {
		return nil, "", false
	}
	return &send.SendMessage, send.traceparent(), true
}

// sendAnyway reads what a broken message:send has to be answered with.
func sendAnyway(frame []byte) Command {
	var key struct {
		ClientMessageID string `json:"clientMessageId"`
	}
	if err := json.Unmarshal(frame, &key); err != nil || key.ClientMessageID == "" {
		return nil
	}
	return &SendMessage{ClientMessageID: key.ClientMessageID}
}

// malformed says what is wrong with the frame without repeating any of it.
func malformed(err error) error {
	field, message := "", "The frame is not valid JSON in UTF-8."
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		message = "The frame must be one JSON object."
		if name := semantic.JSONPointer.LastToken(); name != "" {
			field, message = name, "A member has the wrong type."
		}
	}
	return &chat.Error{Code: chat.CodeValidation, Field: field, Message: message, Err: err}
}

// depth is how deep brackets nest outside of strings. It may be wrong about what is no JSON, which the
// decoder refuses anyway.
func depth(frame []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(frame); i++ {
		switch c := frame[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}
