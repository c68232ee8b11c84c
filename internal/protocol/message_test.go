package protocol

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

// asRead is a message as it is after a way over the wire: moments in UTC, texts in valid UTF-8.
func asRead(m chat.Message) chat.Message {
	// Each byte that is no UTF-8 becomes a replacement of its own.
	m.Content, m.ClientMessageID = string([]rune(m.Content)), string([]rune(m.ClientMessageID))
	for _, t := range []*time.Time{&m.CreatedAt, &m.UpdatedAt, &m.EditedAt, &m.DeletedAt} {
		*t = t.UTC()
	}
	return m
}

func TestAMessageIsReadAsItWasWrittenByHandAndAsAnyJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage(t)
		written, want := string(AppendMessageReceived(nil, &m)), asRead(m)
		cut, rest, ok := CutMessageReceived(written + ",and more")
		if diff := cmp.Diff(want, cut); !ok || rest != ",and more" || diff != "" {
			t.Fatalf("%s was read %v with rest %q:\n%s", written, ok, rest, diff)
		}
		newer := strings.Replace(written, `{"id":`, `{ "more": {"id": 1}, "id":`, 1)
		if _, _, ok := CutMessageReceived(newer); ok {
			t.Fatalf("%s was read by hand", newer)
		}
		read, err := ReadMessageReceived([]byte(newer))
		if diff := cmp.Diff(want, read); err != nil || diff != "" {
			t.Fatalf("%s was read with %v:\n%s", newer, err, diff)
		}
	})
}

func TestNoPartOfAMessageIsReadAsOne(t *testing.T) {
	m := exampleMessage()
	written := string(AppendMessageReceived(nil, &m))
	for n := range len(written) {
		if _, _, ok := CutMessageReceived(written[:n]); ok {
			t.Errorf("%s was read", written[:n])
		}
		for _, wrong := range []string{"\x00", "\xff"} {
			text := written[:n] + wrong + written[n+1:]
			if got, _, ok := CutMessageReceived(text); ok {
				t.Errorf("%q was read as %+v", text, got)
			}
		}
	}
}

func TestOnlyTheOneWayToWriteANumberIsReadByHand(t *testing.T) {
	m := exampleMessage()
	written := string(AppendMessageReceived(nil, &m))
	for _, number := range []string{"+7", "07", "7.0", "7e0", " 7", "", "-0", "99999999999999999999"} {
		if _, _, ok := CutMessageReceived(strings.Replace(written, `"seq":7`, `"seq":`+number, 1)); ok {
			t.Errorf("%q was read", number)
		}
	}
}

func BenchmarkCutMessageReceived(b *testing.B) {
	m := exampleMessage()
	m.Content = strings.Repeat("text ", 20)
	written := string(AppendMessageReceived(nil, &m))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := CutMessageReceived(written); !ok {
			b.Fatal("it was not read")
		}
	}
}
