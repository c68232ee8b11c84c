package chat

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

func seenSubmission(i int) (Submission, Message) {
	sub := Submission{
		Conversation: ConversationID(fmt.Sprintf("0199d3a5-7c10-7a2b-8f00-%012d", i%20)), Sender: UserID(fmt.Sprintf("0199d3a5-7c10-7a2b-8f02-%012d", i%7)),
		ClientMessageID: fmt.Sprintf("key-%d", i), Content: "Are you there?", ContentType: "text",
	}
	at := time.UnixMicro(1_800_000_000_000_000 + int64(i)).UTC()
	return sub, Message{
		ID: MessageID(fmt.Sprintf("0199d3a5-7c10-7a2b-8f01-%012d", i)), Conversation: sub.Conversation, Sender: sub.Sender,
		Seq: int64(i), Rev: int64(2 * i), Content: sub.Content, ContentType: "text", ClientMessageID: sub.ClientMessageID,
		CreatedAt: at, UpdatedAt: at,
	}
}

func TestARetryIsAnsweredWithWhatWasStored(t *testing.T) {
	d := newSeenDrafts()
	for i := range 100 {
		sub, m := seenSubmission(i)
		d.remember(&sub, m)
	}
	for i := range 100 {
		sub, want := seenSubmission(i)
		if got, known := d.find(&sub); !known || got != want {
			t.Errorf("%+v, %v: want %+v", got, known, want)
		}
		for what, other := range map[string]Submission{
			"another text":         {Conversation: sub.Conversation, Sender: sub.Sender, ClientMessageID: sub.ClientMessageID, Content: "Now."},
			"another sender":       {Conversation: sub.Conversation, Sender: "somebody", ClientMessageID: sub.ClientMessageID, Content: sub.Content},
			"another conversation": {Conversation: "elsewhere", Sender: sub.Sender, ClientMessageID: sub.ClientMessageID, Content: sub.Content},
			"another key":          {Conversation: sub.Conversation, Sender: sub.Sender, ClientMessageID: "other", Content: sub.Content},
		} {
			if got, known := d.find(&other); known {
				t.Errorf("%s is taken for %+v", what, got)
			}
		}
	}
}

func TestWhatIsRememberedOfSendsIsSmall(t *testing.T) {
	d := newSeenDrafts()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 4 * maxSeen {
		sub, m := seenSubmission(i)
		d.remember(&sub, m)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if size := int64(after.HeapAlloc) - int64(before.HeapAlloc); size > 200*maxSeen {
		t.Errorf("%d bytes for %d sends", size, maxSeen)
	}
	if n := len(d.young) + len(d.old); n > maxSeen {
		t.Errorf("%d are remembered", n)
	}
	runtime.KeepAlive(d)
}
