package realtime

import (
	"bytes"
	"slices"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// New messages are nearly all that crosses. Their envelope is written and read by hand, and holds the events that
// clients get, which are sent as they stand in it:
//
//	{"type":"message:received","serverId":"node-1","committedAt":1764264000000000,"payload":{"events":[{"type":"message:received","message":{…}},…]}}
//
// committedAt is there where the node knows the time by the clock that all share, in microseconds since 1970.
//
// Between serverId and payload stand the traces of the messages, where they are known, in the order of the events:
//
//	"traces":["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",…]
//
// One that is not byte for byte so, of a newer node with more members perhaps, is read as any JSON is.
const (
	tracesBegin     = `,"traces":["`
	tracesBetween   = `","`
	tracesEnd       = `"]`
	messagesPayload = `,"payload":{"events":[`
	messagesEnd     = `]}}`
	// messageBytes is about what a message takes besides its text.
	messageBytes = 512
	// maxShared is the longest envelope whose events are sent as they stand in it: one that waits for a slow client
	// keeps all of it in memory.
	maxShared = 16 << 10
)

// received is the payload of such an envelope.
type received struct {
	Events []jsontext.Value `json:"events"`
}

// MessagesOf is how every envelope of new messages begins that a node publishes. A bus that brings it back to its
// publisher may leave it out: the hub passes over it.
func MessagesOf(serverID string) string {
	id, _ := jsontext.AppendQuote(nil, serverID)
	return headType + envelopeMessages + headServer[:len(headServer)-1] + string(id)
}

// onlyNew reports whether all changes are new messages, few enough for one envelope.
func onlyNew(changes []chat.Change) bool {
	size := 0
	for i := range changes {
		if changes[i].Kind != chat.MessageAdded {
			return false
		}
		size += len(changes[i].Message.Content)
	}
	return size <= maxChangesBytes
}

// encodeMessages is the envelope of new messages, and their events in it; nil when it is too long to be shared.
func encodeMessages(serverID string, committed stamp, changes []chat.Change) (envelope []byte, events [][]byte) {
	size := messageBytes
	for i := range changes {
		size += messageBytes + len(changes[i].Message.Content)
	}
	e := append(make([]byte, 0, size), MessagesOf(serverID)...)
	e = committed.append(e)
	e = appendTraces(e, changes)
	e = append(e, messagesPayload...)
	ends := make([]int, len(changes))
	first := len(e)
	for i := range changes {
		if i > 0 {
			e = append(e, ',')
		}
		e = protocol.AppendMessageReceived(e, changes[i].Message)
		ends[i] = len(e)
	}
	e = append(e, messagesEnd...)
	if len(e) > maxShared {
		return e, nil
	}
	events = make([][]byte, len(changes))
	for i, end := range ends {
		events[i] = e[first:end:end]
		first = end + len(",")
	}
	return e, events
}

// appendTraces adds what the changes are parts of, if that is known of any.
func appendTraces(e []byte, changes []chat.Change) []byte {
	if !slices.ContainsFunc(changes, func(c chat.Change) bool { return !c.Trace.IsZero() }) {
		return e
	}
	for i := range changes {
		between := tracesBetween
		if i == 0 {
			between = tracesBegin
		}
		e = changes[i].Trace.Append(append(e, between...))
	}
	return append(e, tracesEnd...)
}

// cutTraces reads what appendTraces wrote out of the beginning of an envelope.
func cutTraces(begin string, changes []chat.Change) {
	_, list, _ := strings.Cut(begin, tracesBegin)
	list, _, _ = strings.Cut(list, tracesEnd)
	for i := 0; i < len(changes) && list != ""; i++ {
		var one string
		one, list, _ = strings.Cut(list, tracesBetween)
		changes[i].Trace, _ = chat.ParseTrace(one)
	}
}

// decodeMessages reads what encodeMessages wrote, or the same in other JSON, and the events if they may be sent as
// they are. Of other JSON it does not read when it was committed.
func decodeMessages(data []byte) (changes []chat.Change, events [][]byte, committed stamp, err error) {
	if changes, events, committed, ok := cutMessages(bytes.Clone(data)); ok {
		return changes, events, committed, nil
	}
	var e envelope[received]
	if json.Unmarshal(data, &e) != nil {
		return nil, nil, 0, errShape
	}
	for i, text := range e.Payload.Events {
		m, err := protocol.ReadMessageReceived(text)
		if err != nil {
			return nil, nil, 0, errShape
		}
		change := added(&m)
		if i < len(e.Traces) {
			change.Trace = e.Traces[i]
		}
		changes = append(changes, change)
	}
	return changes, nil, 0, nil
}

// cutMessages reads exactly what encodeMessages writes. Nobody changes data from here on.
func cutMessages(data []byte) (changes []chat.Change, events [][]byte, committed stamp, ok bool) {
	head, text, ok := strings.Cut(unsafe.String(unsafe.SliceData(data), len(data)), messagesPayload)
	if !ok {
		return nil, nil, 0, false
	}
	most := 1 + len(text)/(messageBytes/2)
	changes, events = make([]chat.Change, 0, most), make([][]byte, 0, most)
	for {
		m, at := new(chat.Message), len(data)-len(text)
		if *m, text, ok = protocol.CutMessageReceived(text); !ok {
			return nil, nil, 0, false
		}
		end := len(data) - len(text)
		changes, events = append(changes, added(m)), append(events, data[at:end:end])
		if text == messagesEnd {
			break
		}
		if text, ok = strings.CutPrefix(text, ","); !ok {
			return nil, nil, 0, false
		}
	}
	cutTraces(head, changes)
	if len(data) > maxShared {
		events = nil
	}
	return changes, events, stampIn(head), true
}

func added(m *chat.Message) chat.Change {
	return chat.Change{Conversation: m.Conversation, Rev: m.Rev, Kind: chat.MessageAdded, Message: m}
}
