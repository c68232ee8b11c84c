package app

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/obs"
)

func TestFlushesThatFailAreLoggedOnceAndEachBuriedStepByItsIDs(t *testing.T) {
	var out bytes.Buffer
	c := config.Defaults()
	f := flushes{node: &Node{log: NewLog(&c, &out), metrics: obs.New(nil)}}
	said := func(r chat.FlushReport) string {
		out.Reset()
		f.flushed(r)
		return out.String()
	}
	if log := said(chat.FlushReport{Written: 3}); log != "" {
		t.Errorf("a good flush says %s", log)
	}
	away := chat.FlushReport{Err: errors.New("the database is away"), Again: 4, Waiting: 9}
	if log := said(away); !strings.Contains(log, `"level":"warn"`) || !strings.Contains(log, `"event":"receipts.flush"`) ||
		!strings.Contains(log, "the database is away") || !strings.Contains(log, `"waiting":9`) {
		t.Errorf("a failed one says %s", log)
	}
	if log := said(away); log != "" {
		t.Errorf("the next one that fails says %s", log)
	}
	f.failing = false
	away.Waiting = -1
	if log := said(away); !strings.Contains(log, `"again":4`) || strings.Contains(log, "waiting\"") {
		t.Errorf("one that does not know how many wait says %s", log)
	}
	if log := said(chat.FlushReport{Written: 4}); !strings.Contains(log, `"level":"info"`) || !strings.Contains(log, `"written":4`) {
		t.Errorf("the first good one says %s", log)
	}
	var many []chat.Buried
	for i := range mostBuriedLogged + 5 {
		many = append(many, chat.Buried{Step: chat.Step{Conversation: "c", Message: chat.MessageID(fmt.Sprint("m", i)), User: "u"}, Reason: "odd"})
	}
	log := said(chat.FlushReport{Buried: many})
	if n := strings.Count(log, `"event":"receipts.buried"`); n != mostBuriedLogged+1 || !strings.Contains(log, `"more":5`) {
		t.Errorf("%d lines: %s", n, log)
	}
	if !strings.Contains(log, `"conversationId":"c","messageId":"m0","userId":"u","reason":"odd"`) || !strings.Contains(log, `"level":"error"`) {
		t.Errorf("it says %s", log)
	}
}
