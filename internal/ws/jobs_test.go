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

// aloof is a database that takes in no read position and says nowhere how far a conversation is.
type aloof struct{ chat.Store }

func (aloof) AdvanceRead(ctx context.Context, _ chat.ConversationID, _ chat.UserID, _ chat.MessageID, _ bool) (chat.ReadState, bool, error) {
	<-ctx.Done()
	return chat.ReadState{}, false, &chat.Error{Code: chat.CodeDBTimeout, Err: ctx.Err()}
}

func (aloof) Heads(ctx context.Context, _ []chat.ConversationID) (map[chat.ConversationID]chat.Head, error) {
	<-ctx.Done()
	return nil, &chat.Error{Code: chat.CodeDBTimeout, Err: ctx.Err()}
}

func TestASendDoesNotWaitForTheAcksAndReadPositionsBeforeIt(t *testing.T) {
	o := attended()
	o.over = func(s chat.Store) chat.Store { return aloof{s} }
	timed(t, o, func(w *world, connect func() *piped) {
		people := []chat.UserID{w.person(), w.person()}
		id := w.group(people...)
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(people[0], time.Hour))
		c.send(`{"type":"message:ack","conversationId":%q,"seq":7}`, id)
		c.send(`{"type":"receipt:read","conversationId":%q,"messageId":"0198c0de-0000-7000-8000-000000000e55"}`, id)
		c.send(`{"type":"receipt:sync","conversationId":%q,"lastReadMessageId":"0198c0de-0000-7000-8000-000000000e55"}`, id)
		c.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k1"}`, id)
		time.Sleep(time.Second)
		if got, _ := c.seen(); !strings.Contains(got, "message:sent") {
			t.Errorf("within a second came %q", got)
		}
		time.Sleep(3 * time.Second)
		if got := len(c.refused()); got != 3 {
			t.Errorf("%d of the three others were answered", got)
		}
	})
}
