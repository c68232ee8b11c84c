package chat_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// causes keeps of whom it was told what, and as a part of which trace.
type causes struct {
	mu   sync.Mutex
	told []cause
}

type cause struct {
	status chat.Status
	of     chat.Trace
}

func (c *causes) listen(cfg *chat.Config) {
	cfg.PresenceTold = func(p chat.Presence, of chat.Trace) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.told = append(c.told, cause{p.Status, of})
	}
}

// wantLast wants what was told last to have a status and a trace; nil for one of its own that was not there before.
func (c *causes) wantLast(t *testing.T, when string, status chat.Status, want *chat.Trace) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.told) == 0 {
		t.Fatalf("%s: nothing was told", when)
	}
	last := c.told[len(c.told)-1]
	if last.status != status || want != nil && last.of != *want {
		t.Errorf("%s: it was told %+v, want %s of %+v", when, last, status, want)
	}
	if want != nil {
		return
	}
	for _, before := range c.told[:len(c.told)-1] {
		if last.of.IsZero() || before.of.ID == last.of.ID {
			t.Errorf("%s: it was told of %+v, which is not its own trace", when, last.of)
		}
	}
}

func TestAChangeOfPresenceHasTheTraceOfWhatCausedItOrItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told causes
		w := newAttended(t, 1, told.listen)
		ada := w.people[0]
		connects, returns, hides, shows, leaves, relents, ends := chat.NewTrace(), chat.NewTrace(), chat.NewTrace(), chat.NewTrace(), chat.NewTrace(), chat.NewTrace(), chat.NewTrace()

		a := w.Attend(ada, loginOf(ada), chat.Device{}, connects)
		beats := func(d time.Duration) {
			for over := time.Now().Add(d); time.Now().Before(over); time.Sleep(10 * time.Second) {
				a.Heard(time.Now())
			}
		}
		time.Sleep(time.Second)
		told.wantLast(t, "who connects", "online", &connects)
		beats(6 * time.Minute)
		told.wantLast(t, "who does nothing", "away", nil)
		a.Active(time.Now(), returns)
		time.Sleep(2 * time.Second)
		told.wantLast(t, "who does something", "online", &returns)

		if err := w.SetPresence(chat.WithTrace(t.Context(), hides), ada, a, chat.StatusInvisible); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		told.wantLast(t, "who hides", "offline", &hides)
		if err := w.SetPresence(chat.WithTrace(t.Context(), shows), ada, a, chat.StatusOnline); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		told.wantLast(t, "who shows themselves", "online", &shows)

		// What is taken back before it was told is not the cause of what comes later.
		a.Heartbeat(time.Now(), chat.StatusAway, chat.Device{}, leaves)
		a.Heartbeat(time.Now(), chat.StatusOnline, chat.Device{}, relents)
		beats(6 * time.Minute)
		told.wantLast(t, "who does nothing after that", "away", nil)

		w.LoginEnded(ada, loginOf(ada), ends)
		a.Leave(chat.ExitSignedOut)
		time.Sleep(time.Second)
		told.wantLast(t, "who signs out", "offline", &ends)
	})
}

func TestThatNothingIsHeardAnyMoreHasATraceOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told causes
		w := newAttended(t, 1, told.listen)
		connects := chat.NewTrace()
		a := w.Attend(w.people[0], loginOf(w.people[0]), chat.Device{}, connects)
		time.Sleep(time.Second)
		a.Leave(chat.ExitClosed)
		time.Sleep(time.Minute)
		told.wantLast(t, "whose lease ended", "offline", nil)
	})
}

func TestWhatCouldNotBeToldAtOnceKeepsItsTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told causes
		w := newAttended(t, 1, told.listen)
		w.devices.away.Store(true)
		connects, hides := chat.NewTrace(), chat.NewTrace()
		a := w.Attend(w.people[0], loginOf(w.people[0]), chat.Device{}, connects)
		defer a.Leave(chat.ExitSignedOut)
		time.Sleep(5 * time.Second)
		w.devices.away.Store(false)
		time.Sleep(2 * time.Second)
		told.wantLast(t, "when the devices are back", "online", &connects)

		w.devices.away.Store(true)
		if err := w.SetPresence(chat.WithTrace(t.Context(), hides), w.people[0], a, chat.StatusInvisible); err != nil {
			t.Fatal(err)
		}
		w.devices.away.Store(false)
		time.Sleep(10 * time.Second)
		told.mu.Lock()
		n := len(told.told)
		told.mu.Unlock()
		told.wantLast(t, "again", "offline", &hides)
		if n < 3 {
			t.Errorf("it was told %d times", n)
		}
	})
}
