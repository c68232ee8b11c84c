package ws_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestADrainingNodeTellsWhenToComeBackAndCloses(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		people := []chat.UserID{w.person(), w.person()}
		id := w.group(people...)
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(people[0], time.Hour))
		if _, err := c.conn.Write(text(fmt.Sprintf(`{"type":"message:send","conversationId":%q,"content":"last","clientMessageId":"k1"}`, id))); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := w.ws.Drain(bg); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		events, code := c.seen()
		if code != 1012 || !strings.Contains(events, "system:draining") {
			t.Errorf("%q and close %d", events, code)
		}
		stored := 0
		if _, err := w.store.MessageByClientID(bg, id, people[0], "k1"); err == nil {
			stored = 1
		}
		if confirmed := strings.Count(events, "message:sent"); confirmed != stored {
			t.Errorf("stored %d times and confirmed %d times", stored, confirmed)
		}
		if w.ws.Connections() != 0 {
			t.Error("connections are left")
		}
	})
}

// TestAClientIsServedUntilItIsToConnectAgain drains a node with so many clients that their partings are spread, and
// lets each send a message when half of its time is over.
func TestAClientIsServedUntilItIsToConnectAgain(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		var people []chat.UserID
		for range 200 {
			people = append(people, w.person())
		}
		id := w.group(people...)
		var clients []*piped
		for _, p := range people {
			c := connect()
			c.send(`{"type":"auth","token":%q}`, w.token(p, time.Hour))
			clients = append(clients, c)
		}
		start := time.Now()
		drained := make(chan time.Duration)
		go func() {
			if err := w.ws.Drain(bg); err != nil {
				t.Error(err)
			}
			drained <- time.Since(start)
		}()
		synctest.Wait()
		spread := time.Duration(0)
		for i, c := range clients {
			leaveIn := c.leaveIn()
			spread = max(spread, leaveIn)
			go func() {
				time.Sleep(leaveIn / 2)
				_, _ = c.conn.Write(text(fmt.Sprintf(`{"type":"message:send","conversationId":%q,"content":"still here","clientMessageId":"k%d"}`, id, i)))
			}()
		}
		if spread < 200*time.Millisecond || spread > 400*time.Millisecond {
			t.Errorf("200 clients are spread over %v", spread)
		}
		if took := <-drained; took > spread+3*time.Second {
			t.Errorf("it took %v", took)
		}
		for i, c := range clients {
			if events, code := c.seen(); code != 1012 || strings.Count(events, "message:sent") != 1 && c.leaveIn() > 0 {
				t.Errorf("client %d, who was to leave in %v, got %d confirmations and close %d", i, c.leaveIn(), strings.Count(events, "message:sent"), code)
			}
		}
	})
}

// leaveIn is when the client was told to connect again.
func (c *piped) leaveIn() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Type == "system:draining" && e.ReconnectInMs != nil {
			return time.Duration(*e.ReconnectInMs) * time.Millisecond
		}
	}
	c.Error("nobody told the client")
	return 0
}
