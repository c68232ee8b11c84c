package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

func messages(t *testing.T, w world) {
	t.Run("a message alone comes back as it was stored", func(t *testing.T) {
		ada := w.person(t)
		c := w.group(t, ada, w.person(t))
		d := draft(c, ada, "héllo\n\u200d👩‍👩‍👧")
		got := w.append(t, d)[0].Message
		want := chat.Message{
			ID: d.ID, Conversation: c.ID, Sender: ada, Seq: 1, Rev: 2, Content: d.Content, ContentType: "text",
			ClientMessageID: d.ClientMessageID, CreatedAt: got.CreatedAt, UpdatedAt: got.CreatedAt,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if age := time.Since(got.CreatedAt); age < 0 || age > time.Minute || got.CreatedAt.Location() != time.UTC {
			t.Errorf("created at %v", got.CreatedAt)
		}
		read, err := w.Message(ctx, c.ID, d.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, read); diff != "" {
			t.Errorf("read back: %s", diff)
		}
		again, err := w.MessageByClientID(ctx, c.ID, ada, d.ClientMessageID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("read by clientMessageId: %s", diff)
		}
	})
}
