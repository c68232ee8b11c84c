package protocol

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

var update = flag.Bool("update", false, "write the files in api/ anew")

// golden compares what the code makes with a committed file, or writes the file with -update.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	path := filepath.Join("..", "..", "api", name)
	made, err := json.Marshal(v, json.Deterministic(true), jsontext.Multiline(true), jsontext.WithIndent("  "))
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, '\n')
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, committed) {
		t.Errorf("api/%s is not what the code makes; run the test with -update:\n%s", name, cmp.Diff(string(committed), string(made)))
	}
}

type serverVector struct {
	Name  string         `json:"name"`
	Frame jsontext.Value `json:"frame"`
}

func TestTheServersFramesAreThoseInTheVectors(t *testing.T) {
	var vectors []serverVector
	seen := make(map[string]int)
	for _, e := range exampleEvents() {
		name := e.eventType()
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, seen[name])
		}
		vectors = append(vectors, serverVector{name, Encode(e)})
	}
	for _, e := range serverEvents {
		if seen[e.eventType()] == 0 {
			t.Errorf("%s has no vector", e.eventType())
		}
	}
	golden(t, "vectors/server.json", vectors)
}

// clientVector is a frame as text, since some are no JSON, and what it is read as.
type clientVector struct {
	Name    string         `json:"name"`
	Frame   string         `json:"frame"`
	Command jsontext.Value `json:"command,omitzero"`
	Error   string         `json:"error,omitzero"`
}

var clientFrames = []struct{ name, frame string }{
	{"auth", `{"type":"auth","token":"abc.def.ghi"}`},
	{"auth with a device", `{"type":"auth","token":"abc.def.ghi","deviceId":"d1","deviceType":"desktop","status":"away"}`},
	{"subscribe", `{"type":"subscribe","conversationId":"0198c0de-0000-7000-8000-0000000000c0"}`},
	{"subscribe and catch up", `{"type":"subscribe","conversationId":"0198c0de-0000-7000-8000-0000000000c0","afterRev":41}`},
	{"subscribe in bulk", `{"type":"subscribe","conversations":[{"conversationId":"0198c0de-0000-7000-8000-0000000000c0","afterRev":0},{"conversationId":"0198c0de-0000-7000-8000-0000000000c1"}]}`},
	{"unsubscribe", `{"type":"unsubscribe","conversationId":"0198c0de-0000-7000-8000-0000000000c0"}`},
	{"message:send", `{"type":"message:send","conversationId":"0198c0de-0000-7000-8000-0000000000c0","content":"Gr\u00fc\u00dfe \ud83d\udc4b","contentType":"text","clientMessageId":"3f8b0c1e-7d0a-4c55-9a53-d0d3c0ffee00"}`},
	{"message:send with a trace", `{"type":"message:send","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","conversationId":"0198c0de-0000-7000-8000-0000000000c0","content":"hi","clientMessageId":"k"}`},
	{"a traceparent that is none", `{"type":"typing:start","traceparent":[7],"conversationId":"c"}`},
	{"unknown members are ignored", `{"senderId":"me","type":"message:send","seq":[1,{}],"CONTENT":"no","content":"yes","conversationId":"c","clientMessageId":"k"}`},
	{"message:ack", `{"type":"message:ack","conversationId":"0198c0de-0000-7000-8000-0000000000c0","seq":7}`},
	{"message:edit", `{"type":"message:edit","conversationId":"0198c0de-0000-7000-8000-0000000000c0","messageId":"0198c0de-0000-7000-8000-000000000e55","content":"better"}`},
	{"message:delete", `{"type":"message:delete","conversationId":"0198c0de-0000-7000-8000-0000000000c0","messageId":"0198c0de-0000-7000-8000-000000000e55"}`},
	{"typing:start", `{"type":"typing:start","conversationId":"0198c0de-0000-7000-8000-0000000000c0"}`},
	{"typing:stop", `{"type":"typing:stop","conversationId":"0198c0de-0000-7000-8000-0000000000c0"}`},
	{"presence:heartbeat", `{"type":"presence:heartbeat","status":"online"}`},
	{"presence:heartbeat of an idle device", `{"type":"presence:heartbeat","status":"away","deviceId":"d1","deviceType":"mobile"}`},
	{"presence:set", `{"type":"presence:set","status":"invisible"}`},
	{"presence:subscribe", `{"type":"presence:subscribe","userIds":["0198c0de-0000-7000-8000-0000000000b0"]}`},
	{"presence:unsubscribe", `{"type":"presence:unsubscribe","userIds":["0198c0de-0000-7000-8000-0000000000b0"]}`},
	{"receipt:read", `{"type":"receipt:read","conversationId":"0198c0de-0000-7000-8000-0000000000c0","messageId":"0198c0de-0000-7000-8000-000000000e55"}`},
	{"receipt:sync", `{"type":"receipt:sync","conversationId":"0198c0de-0000-7000-8000-0000000000c0","lastReadMessageId":"0198c0de-0000-7000-8000-000000000e55"}`},
	{"receipt:sync of nothing", `{"type":"receipt:sync","conversationId":"0198c0de-0000-7000-8000-0000000000c0","lastReadMessageId":null}`},
	{"nothing", ``},
	{"no object", `["auth"]`},
	{"two objects", `{"type":"auth","token":"t"} {}`},
	{"a byte order mark", "\ufeff" + `{"type":"auth","token":"t"}`},
	{"half an object", `{"type":"auth"`},
	{"no type", `{"token":"t"}`},
	{"a type that is no text", `{"type":7}`},
	{"an unknown type", `{"type":"message:explode"}`},
	{"a type in other case", `{"type":"AUTH","token":"t"}`},
	{"a member twice", `{"type":"typing:start","conversationId":"a","conversationId":"b"}`},
	{"an unknown member twice", `{"type":"typing:start","x":1,"x":2}`},
	{"a lone surrogate", `{"type":"typing:start","conversationId":"\ud800"}`},
	{"a lone surrogate in an unknown member", `{"type":"typing:start","x":"\udc00"}`},
	{"a wrong type of member", `{"type":"message:ack","conversationId":"c","seq":"7"}`},
	{"a broken number", `{"type":"message:ack","conversationId":"c","seq":1e999999}`},
	{"a fraction for seq", `{"type":"message:ack","conversationId":"c","seq":1.5}`},
	{"a message with a wrong type of content", `{"type":"message:send","conversationId":"c","content":{},"clientMessageId":"k1"}`},
	{"nesting to 33 levels", `{"type":"auth","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`},
	{"nesting to 32 levels", `{"type":"unsubscribe","x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`},
}

func TestTheClientsFramesAreReadAsTheVectorsSay(t *testing.T) {
	var vectors []clientVector
	for _, f := range clientFrames {
		v := clientVector{Name: f.name, Frame: f.frame}
		command, _, err := DecodeCommand([]byte(f.frame))
		if err != nil {
			v.Error = string(chat.AsError(err).Code)
		}
		if command != nil {
			body, err := json.Marshal(command)
			if err != nil {
				t.Fatal(err)
			}
			v.Command = body
		}
		vectors = append(vectors, v)
	}
	golden(t, "vectors/client.json", vectors)
}

func TestEveryRefusalOfAFrameIsAValidationErrorThatRepeatsNothing(t *testing.T) {
	for _, f := range append(clientFrames, struct{ name, frame string }{"raw bytes", "{\"type\":\"auth\",\"token\":\"\xff\xfesecret\"}"}) {
		_, _, err := DecodeCommand([]byte(f.frame))
		if err == nil {
			continue
		}
		var e *chat.Error
		if !errors.As(err, &e) || e.Code != chat.CodeValidation || e.Message == "" || strings.Contains(e.Message, "secret") {
			t.Errorf("%s: %v", f.name, err)
		}
	}
	if _, _, err := DecodeCommand([]byte("{\"type\":\"auth\",\"token\":\"\xff\"}")); err == nil {
		t.Error("invalid UTF-8 was accepted")
	}
	if _, _, err := DecodeCommand([]byte(strings.Repeat("[", 10_001))); err == nil {
		t.Error("deep nesting was accepted")
	}
}
