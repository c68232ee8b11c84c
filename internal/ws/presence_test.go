package ws_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/protocol"
)

// is is what a person sees of themselves.
func (w *world) is(u chat.UserID) string {
	w.Helper()
	seen, err := w.rules.SeePresences(bg, u, []chat.UserID{u})
	if err != nil {
		w.Fatal(err)
	}
	return strings.TrimSpace(fmt.Sprint(seen[0].Status, " ", seen[0].Device))
}

func (w *world) wantIs(u chat.UserID, when, want string) {
	w.Helper()
	if got := w.is(u); got != want {
		w.Errorf("%s: %s, want %s", when, got, want)
	}
}

// refused returns what was wrong with each frame that was answered with an error since the last call.
func (c *piped) refused() (fields []string) {
	c.seen()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Type == "error" {
			fields = append(fields, e.Code+" "+e.Ref)
		}
	}
	c.events = nil
	return fields
}

// eventually is longer than it takes until what a client did is told.
const eventually = 3 * time.Second

func attended() options { return options{devices: inmem.NewDevices()} }

func TestATabWhoseTimersSleepIsThereAsLongAsItAnswersPings(t *testing.T) {
	timed(t, attended(), func(w *world, connect func() *piped) {
		u := w.person()
		c := connect()
		c.send(`{"type":"auth","token":%q,"deviceId":"tab","deviceType":"mobile"}`, w.token(u, 24*time.Hour))
		for minute := range 60 {
			time.Sleep(time.Minute)
			want := "online mobile"
			if minute >= 5 {
				want = "away mobile"
			}
			if minute != 4 {
				w.wantIs(u, fmt.Sprint("after minute ", minute), want)
			}
		}
		c.silence()
		time.Sleep(47 * time.Second)
		w.wantIs(u, "after the silence", "offline")
		if _, code := c.seen(); code != 4408 {
			t.Errorf("closed with %d", code)
		}
	})
}

func TestWhatAPersonDoesIsActivityAndWhatTheirClientDoesIsNot(t *testing.T) {
	timed(t, attended(), func(w *world, connect func() *piped) {
		u := w.person()
		group := w.group(u, w.person())
		first := make(chan chat.MessageID, 1)
		w.rules.SendMessage(chat.Submission{Conversation: group, Sender: u, ClientMessageID: "one", Content: "Hello"}, func(sent chat.Sent, err error) {
			if err != nil {
				t.Error(err)
			}
			first <- sent.Message.ID
		})
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(u, 24*time.Hour))
		conversation := fmt.Sprintf(`"conversationId":%q`, group)
		message := fmt.Sprintf(`%s,"messageId":%q`, conversation, <-first)
		for frame, want := range map[string]string{
			`{"type":"message:send",` + conversation + `,"content":"Hi","clientMessageId":"two"}`: "online",
			`{"type":"message:edit",` + message + `,"content":"Hello there"}`:                     "online",
			`{"type":"message:delete",` + message + `}`:                                           "online",
			`{"type":"typing:start",` + conversation + `}`:                                        "online",
			`{"type":"receipt:read",` + message + `}`:                                             "online",
			`{"type":"presence:heartbeat","status":"online"}`:                                     "online",
			`{"type":"presence:set","status":"online"}`:                                           "online",
			`{"type":"presence:heartbeat","status":"away"}`:                                       "away",
			`{"type":"presence:set","status":"away"}`:                                             "away",
			`{"type":"presence:heartbeat"}`:                                                       "away",
			`{"type":"typing:stop",` + conversation + `}`:                                         "away",
			`{"type":"message:ack",` + conversation + `,"seq":1}`:                                 "away",
			`{"type":"receipt:sync",` + conversation + `,"lastReadMessageId":null}`:               "away",
			`{"type":"subscribe",` + conversation + `}`:                                           "away",
		} {
			time.Sleep(6 * time.Minute)
			w.wantIs(u, "before "+frame, "away")
			c.send("%s", frame)
			time.Sleep(eventually)
			w.wantIs(u, "after "+frame, want)
		}
	})
}

func TestAClosedConnectionIsThereForThirtySecondsAndAnEndedLoginForNone(t *testing.T) {
	timed(t, attended(), func(w *world, connect func() *piped) {
		u := w.person()
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(u, time.Hour))
		time.Sleep(40 * time.Second)
		c.conn.Close()
		time.Sleep(29 * time.Second)
		w.wantIs(u, "29 s after it closed", "online")
		time.Sleep(2 * time.Second)
		w.wantIs(u, "31 s after it closed", "offline")

		c = connect()
		c.send(`{"type":"auth","token":%q}`, w.token(u, time.Hour))
		time.Sleep(40 * time.Second)
		w.wantIs(u, "back", "online")
		login := chat.LoginID("login of " + u)
		w.hub.EndLogin(login)
		w.rules.LoginEnded(u, login, chat.Trace{})
		time.Sleep(time.Second)
		w.wantIs(u, "signed out", "offline")
		if _, code := c.seen(); code != 4403 {
			t.Errorf("closed with %d", code)
		}
	})
}

func TestWhoseNetworkIsGoneWhileMuchIsSentToThemIsThereNoLonger(t *testing.T) {
	timed(t, attended(), func(w *world, connect func() *piped) {
		u := w.person()
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(u, time.Hour))
		time.Sleep(46 * time.Second) // the last ping was answered a second ago
		c.lose()
		for range 2 {
			w.hub.Tell(protocol.Announcement{Text: "Hello"})
			time.Sleep(time.Second)
		}
		time.Sleep(26 * time.Second)
		w.wantIs(u, "29 s after they were heard last", "online")
		time.Sleep(3 * time.Second)
		w.wantIs(u, "32 s after it", "offline")
	})
}

func TestADeviceIsJudged(t *testing.T) {
	timed(t, attended(), func(w *world, connect func() *piped) {
		u := w.person()
		for _, device := range []string{
			`"deviceType":"toaster"`, `"deviceType":"offline"`, `"deviceId":"two words"`, `"deviceId":"näh"`, `"deviceId":"` + strings.Repeat("x", 65) + `"`,
		} {
			c := connect()
			c.send(`{"type":"auth","token":%q,%s}`, w.token(u, time.Hour), device)
			c.expect(device, "auth:error", 1008)
		}
		w.wantIs(u, "after these", "offline")
		c := connect()
		c.send(`{"type":"auth","token":%q,"deviceId":%q,"deviceType":"desktop"}`, w.token(u, time.Hour), strings.Repeat("x", 64))
		time.Sleep(eventually)
		w.wantIs(u, "with a good one", "online desktop")
		c.send(`{"type":"presence:heartbeat","status":"online","deviceId":"another","deviceType":"mobile"}`)
		time.Sleep(eventually)
		w.wantIs(u, "as it says later", "online mobile")
		c.refused()
		for _, frame := range []string{
			`{"type":"presence:heartbeat","status":"invisible"}`, `{"type":"presence:heartbeat","status":"offline"}`, `{"type":"presence:heartbeat","deviceType":"x"}`,
			`{"type":"presence:heartbeat","deviceId":" "}`, `{"type":"presence:set","status":"offline"}`, `{"type":"presence:set"}`,
		} {
			c.send("%s", frame)
		}
		if got, want := fmt.Sprint(c.refused()), "[VALIDATION_ERROR status VALIDATION_ERROR status VALIDATION_ERROR deviceType VALIDATION_ERROR deviceId VALIDATION_ERROR status VALIDATION_ERROR status]"; got != want {
			t.Errorf("refused were %s", got)
		}
		c.send(`{"type":"presence:set","status":"invisible"}`)
		w.wantIs(u, "invisible", "invisible")
		c.send(`{"type":"presence:heartbeat","status":"online"}`)
		w.wantIs(u, "and a heartbeat later", "invisible")
		c.send(`{"type":"presence:set","status":"away"}`)
		time.Sleep(eventually)
		w.wantIs(u, "visible again", "away mobile")
	})
}

func TestWhomSomebodyFollowsIsJudged(t *testing.T) {
	rules := limit.Defaults()
	rules.ChangeAnything.Limit = 12
	o := attended()
	o.limiter, o.config.Rules = inmem.NewLimiter(), rules
	timed(t, o, func(w *world, connect func() *piped) {
		u, other := w.person(), w.person()
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(u, time.Hour))
		c.refused()
		ids := make([]string, 1001)
		for i := range ids {
			ids[i] = `"` + newID() + `"`
		}
		for _, list := range []string{`[]`, `["ben"]`, fmt.Sprintf(`[%q]`, u), fmt.Sprintf(`[%q,""]`, other), "[" + strings.Join(ids, ",") + "]"} {
			c.send(`{"type":"presence:subscribe","userIds":%s}`, list)
			c.send(`{"type":"presence:unsubscribe","userIds":%s}`, list)
		}
		if got := c.refused(); len(got) != 10 || strings.Trim(strings.Join(got, ""), "VALIDATION_ERROR userIds") != "" {
			t.Errorf("refused were %v", got)
		}
		c.send(`{"type":"presence:subscribe","userIds":[%q,%q]}`, other, newID())
		followed, err := w.rules.FollowedPresence(bg, u)
		if err != nil || len(followed) != 1 || followed[0].ID != other {
			t.Errorf("%v are followed, %v", followed, err)
		}
		c.send(`{"type":"presence:unsubscribe","userIds":[%q]}`, other)
		time.Sleep(eventually)
		if followed, err := w.rules.FollowedPresence(bg, u); err != nil || len(followed) != 0 {
			t.Errorf("then %v are followed, %v", followed, err)
		}
		c.refused()
		c.send(`{"type":"presence:set","status":"away"}`)
		if got := fmt.Sprint(c.refused()); got != "[RATE_LIMITED ]" {
			t.Errorf("one more is answered %s", got)
		}
	})
}

func TestOfAThousandHeartbeatsASecondMostAreRefused(t *testing.T) {
	o := attended()
	o.limiter = inmem.NewLimiter()
	timed(t, o, func(w *world, connect func() *piped) {
		u := w.person()
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(u, time.Hour))
		for i := range 3000 {
			if _, err := c.conn.Write(text(fmt.Sprintf(`{"type":"presence:heartbeat","status":%q}`, []string{"online", "away"}[i%2]))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if got := c.refused(); len(got) < 1500 || strings.Trim(strings.Join(got, ""), "RATE_LIMITED ") != "" {
			t.Errorf("%d were refused", len(got))
		}
	})
}

func TestWhoWasAwayBeforeTheyReconnectedIsNotOnlineInBetween(t *testing.T) {
	timed(t, attended(), func(w *world, connect func() *piped) {
		u := w.person()
		for range 2 {
			c := connect()
			c.send(`{"type":"auth","token":%q,"deviceId":"tab","status":"away"}`, w.token(u, time.Hour))
			for range 60 {
				time.Sleep(50 * time.Millisecond)
				if got := w.is(u); got == "online" {
					t.Fatal("they are told as online")
				}
			}
			w.wantIs(u, "connected", "away")
			c.conn.Close()
		}
		c := connect()
		c.send(`{"type":"auth","token":%q,"status":"invisible"}`, w.token(u, time.Hour))
		c.expect("another status", "auth:error", 1008)
	})
}
