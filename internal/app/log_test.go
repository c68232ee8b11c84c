package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
)

func TestALogEntryHasTheSeedsShape(t *testing.T) {
	var out bytes.Buffer
	c := config.Defaults()
	log := NewLog(&c, &out).With("userId", "u1")
	log.Info("message.sent", "traceId", "abc", "latencyMs", 45, slog.Group("client", "type", "web"))
	log.Debug("message.seen")

	var entry map[string]any
	if err := json.Unmarshal(out.Bytes(), &entry); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	stamp, _ := entry["timestamp"].(string)
	if len(stamp) != len("2024-01-15T10:30:00.000Z") || !strings.HasSuffix(stamp, "Z") {
		t.Errorf("timestamp %q", stamp)
	}
	delete(entry, "timestamp")
	want := map[string]any{
		"level": "info", "service": "chat-api", "traceId": "abc", "event": "message.sent",
		"data": map[string]any{"userId": "u1", "latencyMs": 45.0, "client": map[string]any{"type": "web"}},
	}
	if d := cmp.Diff(want, entry); d != "" {
		t.Error(d)
	}
}

func TestTheEntriesOfANodeNameItBesideTheService(t *testing.T) {
	var out bytes.Buffer
	c := config.Defaults()
	NewLog(&c, &out).With("serverId", "node-1").Warn("bus.twin", "traceId", "abc", "serverId", "node-2")
	if !strings.Contains(out.String(), `"event":"bus.twin","service":"chat-api","serverId":"node-1","traceId":"abc","data":{"serverId":"node-2"}`) {
		t.Error(out.String())
	}
}

func TestASendThatFailsByAFaultOfOursSaysWhyAndAnotherOnlyItsReason(t *testing.T) {
	var out bytes.Buffer
	c := config.Defaults()
	n := &Node{log: NewLog(&c, &out), pulse: newPulse(nil, nil)}
	said := func(err error) string {
		out.Reset()
		n.logSend(chat.SendReport{Err: err})
		return out.String()
	}
	away := &chat.Error{Code: chat.CodeDBConnectionLost, Message: "The database cannot be reached."}
	if log := said(away); !strings.Contains(log, `"level":"warn"`) || !strings.Contains(log, `"reason":"","error":"The database cannot be reached."`) {
		t.Error(log)
	}
	n.pulse.why = errors.New("connection refused")
	if log := said(away); !strings.Contains(log, `"error":"The database cannot be reached. connection refused"`) {
		t.Error(log)
	}
	locked := &chat.Error{Code: chat.CodeDBTimeout, Reason: chat.ReasonLocked, Message: "Locked.", Err: errors.New("55P03")}
	if log := said(locked); !strings.Contains(log, `"reason":"`+string(chat.ReasonLocked)+`","error":"55P03"`) {
		t.Error(log)
	}
	if log := said(&chat.Error{Code: chat.CodeValidation, Message: "Too long.", Err: errors.New("theirs")}); !strings.Contains(log, `"level":"info"`) ||
		!strings.Contains(log, `"reason":""`) || strings.Contains(log, "theirs") {
		t.Error(log)
	}
}

func TestAnEntryThatNamesItsEventKeepsItsMessageInTheData(t *testing.T) {
	var out bytes.Buffer
	c := config.Defaults()
	NewLog(&c, &out).Warn("the bus is away", "event", "bus.lost", "for", "2s")
	if !strings.Contains(out.String(), `"event":"bus.lost","service":"chat-api","data":{"message":"the bus is away","for":"2s"}`) {
		t.Error(out.String())
	}
}

func TestALogForPeopleIsOneLineAnEntry(t *testing.T) {
	var out bytes.Buffer
	c := config.Defaults()
	c.LogFormat, c.LogLevel = "text", "warn"
	log := NewLog(&c, &out)
	log.Info("message.sent")
	log.Warn("store.slow", "error", "two\nlines", "took", "2s")
	_, line, _ := strings.Cut(out.String(), " ")
	if line != "WARN store.slow error=\"two\\nlines\" took=2s\n" {
		t.Errorf("got %q", line)
	}
}

func TestASecretIsNotLogged(t *testing.T) {
	var out bytes.Buffer
	c := config.Defaults()
	c.SigningKey = "hunter2"
	for _, format := range []string{"json", "text"} {
		c.LogFormat = format
		NewLog(&c, &out).Info("start", "key", c.SigningKey, "settings", c)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Error(out.String())
	}
}
