package protocol

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

func anyMessage(t *rapid.T) chat.Message {
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(0, latest).Draw(t, "µs")).In(time.FixedZone("east", 3600))
	})
	maybe := rapid.OneOf(rapid.Just(time.Time{}), moment)
	return chat.Message{
		ID: messageID, Conversation: conversation, Sender: ada,
		Seq: rapid.Int64().Draw(t, "seq"), Rev: rapid.Int64().Draw(t, "rev"),
		Content:     rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "content"),
		ContentType: "text", ClientMessageID: rapid.String().Draw(t, "client id"),
		CreatedAt: moment.Draw(t, "created"), UpdatedAt: moment.Draw(t, "updated"),
		EditedAt: maybe.Draw(t, "edited"), DeletedAt: maybe.Draw(t, "deleted"),
	}
}

func anyMessageError(t *rapid.T) MessageError {
	return MessageError{
		ClientMessageID: rapid.String().Draw(t, "client id"), Error: rapid.String().Draw(t, "error"), Code: rapid.String().Draw(t, "code"),
		Retryable: rapid.Bool().Draw(t, "retryable"), Outcome: rapid.String().Draw(t, "outcome"), Reason: rapid.String().Draw(t, "reason"),
		RetryAfterMs: rapid.Int64().Draw(t, "ms"), TraceID: rapid.String().Draw(t, "trace"),
	}
}

func TestHandAppendedEventsEqualTheEncodedOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage(t)
		change := chat.Change{Conversation: m.Conversation, Rev: m.Rev, Kind: chat.MessageAdded, Message: &m}
		if got, want := string(EncodeChange(&change)), string(Encode(ChangeEventOf(&change))); got != want {
			t.Fatalf("message:received\n got %s\nwant %s", got, want)
		}
		if got, want := string(AppendMessageSent(nil, &m)), string(Encode(MessageSentOf(m))); got != want {
			t.Fatalf("message:sent\n got %s\nwant %s", got, want)
		}
		e := anyMessageError(t)
		if got, want := string(AppendMessageError(nil, &e)), string(Encode(e)); got != want {
			t.Fatalf("message:error\n got %s\nwant %s", got, want)
		}
	})
}

func TestHotEventsAllocateNothingButTheirBuffer(t *testing.T) {
	m := exampleMessage()
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		buf = AppendMessageReceived(buf[:0], &m)
		buf = AppendMessageSent(buf, &m)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAChangeIsTheSameOnTheSocketAndOverREST(t *testing.T) {
	changes := chat.Changes{Changes: exampleChanges(), Head: chat.Head{LastSeq: 7, LastRev: 12}}
	body, err := json.Marshal(ChangesOf(changes))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"changes":[`
	for i := range changes.Changes {
		if i > 0 {
			want += ","
		}
		want += string(EncodeChange(&changes.Changes[i]))
	}
	if want += `],"lastRev":12,"hasMore":false}`; string(body) != want {
		t.Errorf("\n got %s\nwant %s", body, want)
	}
}

func TestWhatEveryoneGetsOfAConversationHasNothingPersonal(t *testing.T) {
	var shared, personal map[string]any
	for c, into := range map[chat.UserID]*map[string]any{"": &shared, bob: &personal} {
		body, err := json.Marshal(ConversationOf(exampleConversation(c)))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatal(err)
		}
	}
	for _, member := range []string{"unreadCount", "mentionCount", "lastReadMessageId", "lastReadSeq"} {
		if _, has := shared[member]; has {
			t.Errorf("%s is shared", member)
		}
		if _, has := personal[member]; !has {
			t.Errorf("%s is missing for its owner, where null means none", member)
		}
	}
}

func BenchmarkMessageReceived(b *testing.B) {
	m := exampleMessage()
	change := chat.Change{Kind: chat.MessageAdded, Message: &m}
	b.Run("appended", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			EncodeChange(&change)
		}
	})
	b.Run("encoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Encode(ChangeEventOf(&change))
		}
	})
}
