package realtime

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// shared is a clock that all nodes share and that is off this process's own.
func shared(off time.Duration) func() (time.Time, bool) {
	return func() (time.Time, bool) { return time.Now().Add(off), true }
}

func TestWhatCrossesIsTimedByTheClockThatAllShare(t *testing.T) {
	tests := map[string]struct {
		sender, hearer func() (time.Time, bool)
		known          bool
		lag            time.Duration
	}{
		"the own clocks are minutes off it":         {shared(-7 * time.Minute), shared(-7 * time.Minute), true, 40 * time.Millisecond},
		"the hearer reckons a little early":         {shared(0), shared(-50 * time.Millisecond), true, 0},
		"the hearer reckons a little late":          {shared(0), shared(5 * time.Millisecond), true, 45 * time.Millisecond},
		"the sender cannot tell":                    {func() (time.Time, bool) { return time.Time{}, false }, shared(0), false, 0},
		"the hearer cannot tell":                    {shared(0), func() (time.Time, bool) { return time.Time{}, false }, false, 0},
		"one of them has no such clock":             {nil, shared(0), false, 0},
		"the clock was an hour wrong at the sender": {shared(-time.Hour), shared(0), false, 0},
	}
	for name, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			var heard []time.Duration
			sender := &Hub{cfg: Config{NodeID: "node-1", Clock: tt.sender}}
			hearer := &Hub{cfg: Config{NodeID: "node-2", Clock: tt.hearer, Heard: func(lag time.Duration) { heard = append(heard, lag) }}}
			committed := time.Now()
			time.Sleep(10 * time.Millisecond)
			envelope, _ := encodeMessages("node-1", sender.stamp(committed), goldenChanges())
			time.Sleep(30 * time.Millisecond)
			_, _, stamp, err := decodeMessages(envelope)
			if err != nil {
				t.Fatal(err)
			}
			at := hearer.committed(stamp)
			if at.IsZero() == tt.known || tt.known && time.Since(at) != tt.lag {
				t.Errorf("%s: it seems to be committed %v ago", name, time.Since(at))
			}
			if tt.known && (len(heard) != 1 || heard[0] != tt.lag) || !tt.known && len(heard) > 0 {
				t.Errorf("%s: the bus seems to take %v", name, heard)
			}
		})
	}
}

func TestAStampChangesNothingElseOfAnEnvelope(t *testing.T) {
	envelope, _ := encodeMessages("node-1", 1767355200123456, goldenChanges())
	if want := strings.Replace(goldenMessages, `"node-1",`, `"node-1","committedAt":1767355200123456,`, 1); string(envelope) != want {
		t.Errorf("\n got %s\nwant %s", envelope, want)
	}
	if !strings.HasPrefix(string(envelope), MessagesOf("node-1")) {
		t.Error("a bus does not know it for its own")
	}
	changes, events, stamp, err := decodeMessages(envelope)
	if err != nil || len(changes) != 2 || len(events) != 2 || stamp != 1767355200123456 {
		t.Errorf("%d changes, %d events, %d, %v", len(changes), len(events), stamp, err)
	}
	for _, odd := range []string{`"committedAt":"soon",`, `"committedAt":1e9,`, `"committedAt":99999999999999999999,`} {
		text := strings.Replace(goldenMessages, `"payload"`, odd+`"payload"`, 1)
		if changes, _, stamp, err := decodeMessages([]byte(text)); err != nil || len(changes) != 2 || stamp != 0 {
			t.Errorf("%s: %d changes, %d, %v", odd, len(changes), stamp, err)
		}
	}
}

func TestNewMessagesAreCountedByWhenTheyWereCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type counted struct {
			messages int
			after    time.Duration
		}
		var got []counted
		h := &Hub{cfg: Config{Handed: func(messages int, after time.Duration) { got = append(got, counted{messages, after}) }}}
		of := func(kind chat.ChangeKind, ago time.Duration) chat.Change {
			c := chat.Change{Kind: kind, Committed: time.Now().Add(-ago)}
			if ago == 0 {
				c.Committed = time.Time{}
			}
			return c
		}
		h.handed([]chat.Change{
			of(chat.MessageAdded, time.Second), of(chat.MessageAdded, time.Second), of(chat.MessageAdded, 2*time.Millisecond),
			of(chat.MessageEdited, 0), of(chat.MessageAdded, 0), of(chat.MessageDeleted, 0),
		})
		if len(got) != 2 || got[0] != (counted{2, time.Second}) || got[1] != (counted{1, 2 * time.Millisecond}) {
			t.Errorf("%v", got)
		}
		if untimed := h.counters.untimed.Load(); untimed != 1 {
			t.Errorf("%d are without a time", untimed)
		}
	})
}

func BenchmarkCountingWhatWasHanded(b *testing.B) {
	var n int
	h := &Hub{cfg: Config{Handed: func(messages int, _ time.Duration) { n += messages }}}
	changes := goldenChanges()
	for i := range changes {
		changes[i].Committed = time.Now()
	}
	b.ReportAllocs()
	for b.Loop() {
		h.handed(changes)
	}
}
