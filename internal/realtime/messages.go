package realtime

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// New messages are nearly all that crosses. Their envelope is written and read by hand, and has them as clients get
// them:
//
//	{"type":"message:received","serverId":"node-1","payload":{"messages":[{"id":…,"conversationId":…,…},…]}}
//
// One that is not byte for byte so, of a newer node with more members perhaps, is read as any JSON is.
const (
	messagesPayload = `,"payload":{"messages":[`
	messagesEnd     = `]}}`
	// messageBytes is about what a message takes besides its text.
	messageBytes = 512
)

// received is the payload of such an envelope.
type received struct {
	Messages []jsontext.Value `json:"messages"`
}

// onlyNew reports whether all changes are new messages.
func onlyNew(changes []chat.Change) bool {
	for i := range changes {
		if changes[i].Kind != chat.MessageAdded {
			return false
		}
	}
	return true
}

// MessagesOf is how every envelope of new messages begins that a node publishes. A bus that brings it back to its
// publisher may leave it out: the hub passes over it.
func MessagesOf(serverID string) string {
	id, _ := jsontext.AppendQuote(nil, serverID)
	return headType + envelopeMessages + headServer[:len(headServer)-1] + string(id)
}

func encodeMessages(serverID string, changes []chat.Change) []byte {
	size := messageBytes
	for i := range changes {
		size += messageBytes + len(changes[i].Message.Content)
	}
	e := append(make([]byte, 0, size), MessagesOf(serverID)...)
	e = append(e, messagesPayload...)
	for i := range changes {
		if i > 0 {
			e = append(e, ',')
		}
		e = protocol.AppendMessage(e, changes[i].Message)
	}
	return append(e, messagesEnd...)
}

// decodeMessages reads what encodeMessages wrote, or the same in other JSON.
func decodeMessages(data []byte) (changes []chat.Change, err error) {
	if changes, ok := cutMessages(string(data)); ok {
		return changes, nil
	}
	err = unwrap(data, func(p received) error {
		for _, text := range p.Messages {
			m, err := protocol.ReadMessage(text)
			if err != nil {
				return errShape
			}
			changes = append(changes, added(&m))
		}
		return nil
	})
	return changes, err
}

// cutMessages reads exactly what encodeMessages writes.
func cutMessages(text string) (changes []chat.Change, ok bool) {
	_, text, ok = strings.Cut(text, messagesPayload)
	if !ok {
		return nil, false
	}
	changes = make([]chat.Change, 0, 1+len(text)/messageBytes)
	for {
		m := new(chat.Message)
		if *m, text, ok = protocol.CutMessage(text); !ok {
			return nil, false
		}
		changes = append(changes, added(m))
		if text == messagesEnd {
			return changes, true
		}
		if text, ok = strings.CutPrefix(text, ","); !ok {
			return nil, false
		}
	}
}

func added(m *chat.Message) chat.Change {
	return chat.Change{Conversation: m.Conversation, Rev: m.Rev, Kind: chat.MessageAdded, Message: m}
}
