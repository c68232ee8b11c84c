package protocol

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

func TestACursorIsReadBackAsItsPosition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(0, latest).Draw(t, "µs")).UTC()
		id := idText(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		cursor := EncodeMessageCursor(at, chat.MessageID(id))
		gotAt, gotID, err := DecodeMessageCursor(cursor)
		if err != nil || !gotAt.Equal(at) || string(gotID) != id {
			t.Fatalf("%v %v %v", gotAt, gotID, err)
		}
		if _, _, err := DecodeConversationCursor(cursor); err == nil {
			t.Fatal("a cursor of messages was taken for one of conversations")
		}
		if _, err := DecodeParticipantCursor(cursor); err == nil {
			t.Fatal("a cursor of messages was taken for one of participants")
		}
		m, r := chat.MessageID(messageID), chat.ReaderCursor{ReadAt: at, User: chat.UserID(id)}
		if got, err := DecodeReaderCursor(m, EncodeReaderCursor(m, r)); err != nil || got != r {
			t.Fatalf("%v, %v", got, err)
		}
		for _, other := range []string{cursor, EncodeReaderCursor(chat.MessageID(conversation), r), EncodeReaderCursor(m, r) + "A", ""} {
			if _, err := DecodeReaderCursor(m, other); err == nil || chat.AsError(err).Code != chat.CodeValidation {
				t.Fatalf("%q was taken for a cursor of the readers of a message: %v", other, err)
			}
		}
		p := chat.ParticipantCursor{JoinedAt: at, User: chat.UserID(id)}
		if got, err := DecodeParticipantCursor(EncodeParticipantCursor(p)); err != nil || got != p {
			t.Fatalf("%v %v", got, err)
		}
		u := chat.PersonCursor{Since: at, User: chat.UserID(id)}
		friend, block := EncodeFriendCursor(u), EncodeBlockCursor(u)
		if got, err := DecodeFriendCursor(friend); err != nil || got != u {
			t.Fatalf("%v %v", got, err)
		}
		if got, err := DecodeBlockCursor(block); err != nil || got != u {
			t.Fatalf("%v %v", got, err)
		}
		if _, err := DecodeFriendCursor(block); err == nil {
			t.Fatal("a cursor of blocks was taken for one of friends")
		}
		if _, err := DecodeBlockCursor(friend); err == nil {
			t.Fatal("a cursor of friends was taken for one of blocks")
		}
	})
}

func TestABrokenCursorIsAValidationError(t *testing.T) {
	good := EncodeMessageCursor(noon, messageID)
	beyond := make([]byte, cursorBytes)
	copy(beyond, "m\x7f\xff\xff\xff\xff\xff\xff\xff")
	negative := make([]byte, cursorBytes)
	copy(negative, "m\xff")
	for _, cursor := range []string{
		"", "x", good[:len(good)-1], good + "A", good + "=", strings.ToLower(good), good[:5] + "\n" + good[6:], good[:5] + "+" + good[6:],
		good[:len(good)-1] + "_", strings.Repeat("A", len(good)), base64.RawURLEncoding.EncodeToString(beyond),
		base64.RawURLEncoding.EncodeToString(negative), "' OR 1=1 --", strings.Repeat("x", 1<<16),
	} {
		if _, _, err := DecodeMessageCursor(cursor); err == nil || chat.AsError(err).Code != chat.CodeValidation {
			t.Errorf("%.60q: %v", cursor, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(EncodeMessageCursor(noon, messageID))
	f.Add(EncodeConversationCursor(noon, conversation))
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		at, id, err := DecodeMessageCursor(cursor)
		if err != nil {
			if chat.AsError(err).Code != chat.CodeValidation {
				t.Fatal(err)
			}
			return
		}
		if !chat.ValidID(string(id)) {
			t.Fatalf("%q is no id", id)
		}
		if again := EncodeMessageCursor(at, id); again != cursor {
			t.Fatalf("%q is read like %q", cursor, again)
		}
	})
}
