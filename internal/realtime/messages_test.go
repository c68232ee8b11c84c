package realtime

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// goldenMessages is the envelope as other nodes of this version have it, too.
const goldenMessages = `{"type":"message:received","serverId":"node-1","payload":{"events":[` +
	`{"type":"message:received","message":{"id":"0198c0de-0000-7000-8000-000000000e55","conversationId":"0198c0de-0000-7000-8000-0000000000c0",` +
	`"senderId":"0198c0de-0000-7000-8000-00000000ada0","seq":7,"rev":9,"content":"Grüße \"an\" <alle>\n","contentType":"text",` +
	`"clientMessageId":"one","createdAt":"2026-01-02T12:00:00.123456Z","updatedAt":"2026-01-02T12:00:00.123456Z","editedAt":null,"deletedAt":null}},` +
	`{"type":"message:received","message":{"id":"0198c0de-0000-7000-8000-000000000e56","conversationId":"0198c0de-0000-7000-8000-0000000000c0",` +
	`"senderId":"0198c0de-0000-7000-8000-00000000ada0","seq":8,"rev":10,"content":"]}}","contentType":"text",` +
	`"clientMessageId":"two","createdAt":"2026-01-02T12:00:00.123457Z","updatedAt":"2026-01-02T12:00:00.123457Z","editedAt":null,"deletedAt":null}}]}}`

func goldenChanges() []chat.Change {
	at := time.Date(2026, 1, 2, 12, 0, 0, 123_456_000, time.UTC)
	first := chat.Message{
		ID: "0198c0de-0000-7000-8000-000000000e55", Conversation: "0198c0de-0000-7000-8000-0000000000c0", Sender: "0198c0de-0000-7000-8000-00000000ada0",
		Seq: 7, Rev: 9, Content: "Grüße \"an\" <alle>\n", ContentType: "text", ClientMessageID: "one", CreatedAt: at, UpdatedAt: at,
	}
	second := first
	second.ID, second.Seq, second.Rev, second.Content, second.ClientMessageID = "0198c0de-0000-7000-8000-000000000e56", 8, 10, "]}}", "two"
	second.CreatedAt, second.UpdatedAt = at.Add(time.Microsecond), at.Add(time.Microsecond)
	return []chat.Change{added(&first), added(&second)}
}

func TestNewMessagesTravelAsClientsGetThem(t *testing.T) {
	envelope, events := encodeMessages("node-1", 0, goldenChanges())
	if string(envelope) != goldenMessages {
		t.Errorf("\n got %s\nwant %s", envelope, goldenMessages)
	}
	_, heard, _, err := decodeMessages(envelope)
	for i, c := range goldenChanges() {
		if want := string(protocol.EncodeChange(&c)); err != nil || string(events[i]) != want || string(heard[i]) != want {
			t.Errorf("\n sent %s\nheard %s\n want %s", events[i], heard[i], want)
		}
	}
	for name, envelope := range map[string]string{
		"as it is written":            goldenMessages,
		"with members that are newer": strings.NewReplacer(`"payload":{`, `"traceId":"t","payload":{"node":2,`, `"seq"`, `"likes":[1],"seq"`).Replace(goldenMessages),
		"laid out for people":         strings.NewReplacer(`,"`, ",\n  \"", `:{`, `: {`).Replace(goldenMessages),
	} {
		got, _, _, err := decodeMessages([]byte(envelope))
		if diff := cmp.Diff(goldenChanges(), got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestTheTracesOfMessagesTravelBesideThem(t *testing.T) {
	changes := goldenChanges()
	changes[1].Trace, _ = chat.ParseTrace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	sent, _ := encodeMessages("node-1", 0, changes)
	want := strings.Replace(goldenMessages, `,"payload"`, `,"traces":["","00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],"payload"`, 1)
	if string(sent) != want {
		t.Errorf("\n got %s\nwant %s", sent, want)
	}
	for name, envelope := range map[string]string{
		"as it is written":    want,
		"laid out for people": strings.NewReplacer(`,"`, ",\n  \"", `:{`, `: {`).Replace(want),
	} {
		got, _, _, err := decodeMessages([]byte(envelope))
		if diff := cmp.Diff(changes, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for name, traces := range map[string]string{
		"what is no trace": `["x","y"]`, "too few": `["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz"]`, "too many": `["","","",""]`,
	} {
		got, _, _, err := decodeMessages([]byte(strings.Replace(goldenMessages, `,"payload"`, `,"traces":`+traces+`,"payload"`, 1)))
		if diff := cmp.Diff(goldenChanges(), got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestAHeadIsReadWhereEveryNodeWritesIt(t *testing.T) {
	for envelope, want := range map[string]head{
		goldenMessages:                               {"message:received", "node-1"},
		`{"type":"a","serverId":"b"`:                 {"a", "b"},
		`{"type":"a","more":1,"serverId":"b"}`:       {},
		`{"type":"a\"","serverId":"b"}`:              {},
		`{"type":"a","serverId":"b\u0041"}`:          {},
		`{"serverId":"b","type":"a","serverId":"c"}`: {},
		`{"type":"a","serverId":"b`:                  {},
		``:                                           {},
	} {
		if got, ok := cutHead([]byte(envelope)); ok != (want != head{}) || got != want {
			t.Errorf("%s: %v %v", envelope, got, ok)
		}
	}
}
