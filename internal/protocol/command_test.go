package protocol

import (
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

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
