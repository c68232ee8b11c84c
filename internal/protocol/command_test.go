package protocol

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

func FuzzCommand(f *testing.F) {
	for _, c := range clientFrames {
		f.Add([]byte(c.frame))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		command, _, err := DecodeCommand(frame)
		if err != nil {
			if chat.AsError(err).Code != chat.CodeValidation {
				t.Fatal(err)
			}
			return
		}
		if !utf8.Valid(frame) {
			t.Fatal("invalid UTF-8 was accepted")
		}
		// What was understood is understood in the same way when it is said again.
		body, err := json.Marshal(command)
		if err != nil {
			t.Fatal(err)
		}
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(frame, &head); err != nil {
			t.Fatal(err)
		}
		again := commands[head.Type]()
		if err := json.Unmarshal(body, again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(command, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add("text", "3f8b0c1e", int64(1))
	f.Add("\x00\xff\u2028</script>", "\"\\", int64(-1))
	f.Fuzz(func(t *testing.T, content, key string, seq int64) {
		m := exampleMessage()
		m.Content, m.ClientMessageID, m.Seq = content, key, seq
		change := chat.Change{Kind: chat.MessageAdded, Message: &m}
		frame := EncodeChange(&change)
		if want := Encode(ChangeEventOf(&change)); string(frame) != string(want) {
			t.Fatalf("\n got %s\nwant %s", frame, want)
		}
		var back ChangeEvent
		if err := json.Unmarshal(frame, &back); err != nil {
			t.Fatalf("%s: %v", frame, err)
		}
		if utf8.ValidString(content) && back.Message.Content != content {
			t.Fatalf("%q came back as %q", content, back.Message.Content)
		}
	})
}

// What comes first in a frame, or before it, makes no difference.
func TestAMessageSendIsReadTheSameHoweverItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SampledFrom([]string{
			`"a"`, `""`, `"\u00e9\n"`, `"\ud800"`, "\"\xff\"", `7`, `null`, `true`, `{}`, `[]`, `{"a":[1]}`, `"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`,
		})
		name := rapid.SampledFrom([]string{"conversationId", "content", "contentType", "clientMessageId", "traceparent", "type", "Type", "other"})
		frame := `{"type":"message:send"`
		for range rapid.IntRange(0, 6).Draw(t, "members") {
			frame += fmt.Sprintf(`,%q:%s`, name.Draw(t, "name"), value.Draw(t, "value"))
		}
		frame += rapid.SampledFrom([]string{"}", "} ", "}}", "", "x}", `,}`}).Draw(t, "end")
		got, gotTrace, gotErr := DecodeCommand([]byte(frame))
		want, wantTrace, wantErr := DecodeCommand([]byte(" " + frame))
		if diff := cmp.Diff(want, got); diff != "" || gotTrace != wantTrace || said(gotErr) != said(wantErr) {
			t.Fatalf("%s\n%s%q, %q: %s, %s", frame, diff, gotTrace, wantTrace, said(gotErr), said(wantErr))
		}
	})
}

// said is what a client is told of an error.
func said(err error) string {
	if err == nil {
		return ""
	}
	e := chat.AsError(err)
	return fmt.Sprint(e.Code, e.Field, e.Message)
}
