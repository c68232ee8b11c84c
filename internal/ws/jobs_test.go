package ws_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// halted is a database that answers who becomes invisible or visible only when it is let.
type halted struct {
	chat.Store
	gate chan struct{}
}

func (h halted) SetVisibility(ctx context.Context, asked []chat.Visibility) (map[chat.UserID]chat.PrivacyChange, error) {
	select {
	case <-h.gate:
		return h.Store.SetVisibility(ctx, asked)
	case <-ctx.Done():
		return nil, &chat.Error{Code: chat.CodeDBTimeout, Err: ctx.Err()}
	}
}

// halts has a connected person whose database halts.
func halts(t *testing.T, test func(t *testing.T, w *world, u chat.UserID, c *piped, gate chan struct{})) {
	var gate chan struct{}
	o := attended()
	o.over = func(s chat.Store) chat.Store {
		gate = make(chan struct{})
		return halted{s, gate}
	}
	timed(t, o, func(w *world, connect func() *piped) {
		u := w.person()
		c := connect()
		c.send(`{"type":"auth","token":%q,"deviceId":"tab"}`, w.token(u, time.Hour))
		time.Sleep(eventually)
		c.refused()
		test(t, w, u, c, gate)
	})
}

func TestWhileTheDatabaseKeepsWhoBecomesInvisibleWaitingTheirClientIsHeard(t *testing.T) {
	halts(t, func(t *testing.T, w *world, u chat.UserID, c *piped, gate chan struct{}) {
		for _, frame := range []string{
			`{"type":"presence:set","status":"invisible"}`, `{"type":"message:ack","conversationId":"elsewhere","seq":1}`,
			`{"type":"presence:heartbeat","status":"away"}`, `{"type":"receipt:read","conversationId":"nowhere","messageId":"none"}`,
		} {
			c.send("%s", frame)
		}
		if got := strings.Join(c.refused(), ", "); !strings.Contains(got, "elsewhere") || !strings.Contains(got, "none") {
			t.Errorf("meanwhile was answered: %q", got)
		}
		w.wantIs(u, "before the database answers", "online")
		close(gate)
		time.Sleep(eventually)
		w.wantIs(u, "after it did", "invisible")
		for _, last := range [][2]string{{"away", "online"}, {"online", "away"}} {
			c.send(`{"type":"presence:set","status":%q}`, last[0])
			c.send(`{"type":"presence:heartbeat","status":%q}`, last[1])
			time.Sleep(eventually)
			w.wantIs(u, "after a heartbeat", last[1])
		}
	})
}

func TestAHeartbeatIsNotOvertakenByTheStatusThatWasSetBeforeIt(t *testing.T) {
	for first, last := range map[string]string{"away": "online", "online": "away"} {
		halts(t, func(t *testing.T, w *world, u chat.UserID, c *piped, gate chan struct{}) {
			c.send(`{"type":"presence:set","status":"invisible"}`)
			c.send(`{"type":"presence:set","status":%q}`, first)
			c.send(`{"type":"presence:heartbeat","status":%q,"deviceId":"other","deviceType":"mobile"}`, last)
			close(gate)
			time.Sleep(eventually)
			w.wantIs(u, "in the end", last+" mobile")
		})
	}
}

func TestWhatIsAskedOfPresenceIsAnsweredInTimeThoughTheOneBeforeItWaits(t *testing.T) {
	halts(t, func(t *testing.T, w *world, u chat.UserID, c *piped, gate chan struct{}) {
		for range 3 {
			c.send(`{"type":"presence:set","status":"invisible"}`)
		}
		if got := c.refused(); len(got) > 0 {
			t.Errorf("at once was answered %q", got)
		}
		time.Sleep(3*time.Second + time.Millisecond)
		if got := strings.Join(c.refused(), ","); got != "DB_TIMEOUT ,DB_TIMEOUT ,DB_TIMEOUT " {
			t.Errorf("after three seconds was answered %q", got)
		}
		close(gate)
	})
}

func TestWhoHidesAndClosesAtOnceIsHidden(t *testing.T) {
	halts(t, func(t *testing.T, w *world, u chat.UserID, c *piped, gate chan struct{}) {
		c.send(`{"type":"presence:set","status":"invisible"}`)
		c.send(`{"type":"presence:heartbeat","status":"away"}`)
		c.conn.Close()
		time.Sleep(time.Second)
		close(gate)
		time.Sleep(eventually)
		w.wantIs(u, "after they left", "invisible")
	})
}

func TestMoreOfPresenceThanMayWaitIsRefused(t *testing.T) {
	halts(t, func(t *testing.T, w *world, u chat.UserID, c *piped, gate chan struct{}) {
		c.send(`{"type":"presence:set","status":"invisible"}`)
		for range 256 {
			c.send(`{"type":"presence:heartbeat","status":"away"}`)
		}
		if got := c.refused(); len(got) > 0 {
			t.Errorf("refused were %q", got)
		}
		c.send(`{"type":"presence:heartbeat","status":"online"}`)
		c.send(`{"type":"presence:set","status":"online"}`)
		if got := strings.Join(c.refused(), ","); got != "RATE_LIMITED ,RATE_LIMITED " {
			t.Errorf("refused were %q", got)
		}
		close(gate)
		time.Sleep(eventually)
		w.wantIs(u, "in the end", "invisible")
	})
}
