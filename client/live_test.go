package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/client"
)

func TestASendThatLostItsConnectionIsWrittenAgainUnderTheSameKey(t *testing.T) {
	f := newFake(t)
	keys := make(chan any, 2)
	f.scripts <- func(p *peer) {
		p.signIn()
		keys <- p.read("message:send")["clientMessageId"]
	}
	f.scripts <- func(p *peer) {
		p.signIn()
		send := p.read("message:send")
		keys <- send["clientMessageId"]
		p.write(fmt.Sprintf(`{"type":"message:sent","clientMessageId":%q,"messageId":"m1","status":"delivered","timestamp":"2026-01-01T00:00:00.000000Z","conversationId":"c1","seq":1,"rev":2}`, send["clientMessageId"]))
		p.stay()
	}
	live, _, _ := f.run(t)
	sent, err := live.Send(t.Context(), client.Draft{ConversationID: "c1", Content: "hi"})
	if err != nil || sent.MessageID != "m1" || sent.Seq != 1 {
		t.Fatalf("got %+v, %v", sent, err)
	}
	if a, b := <-keys, <-keys; a != b || a != sent.ClientMessageID {
		t.Errorf("written under %v, then %v; confirmed %v", a, b, sent.ClientMessageID)
	}
}

func TestAnOwnMessageTakesItsPlaceAmongTheOthers(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":0,"lastRev":1,"hasMore":false}`, `{"type":"caught:up","conversationId":"c1","rev":1}`)
		p.read("message:send")
		// The confirmation overtakes the event before it.
		p.write(`{"type":"message:sent","clientMessageId":"mine","messageId":"m2","timestamp":"2026-01-01T00:00:00.000000Z","conversationId":"c1","seq":2,"rev":3}`, received("1", "2"), received("3", "4"))
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 0)
	next[client.CaughtUp](t, events)
	live.SendAsync(client.Draft{ConversationID: "c1", Content: "hi", ClientMessageID: "mine"}, func(client.Sent, error) {})
	for want := int64(1); want <= 3; want++ {
		got := next[client.MessageReceived](t, events)
		if got.Message.Seq != want || got.Own != (want == 2) {
			t.Errorf("got %+v at place %d", got, want)
		}
	}
}

func TestWhatComesTwiceIsHeardAndNotHandedOver(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":0,"lastRev":1,"hasMore":false}`, `{"type":"caught:up","conversationId":"c1","rev":1}`)
		p.write(received("1", "2"), received("1", "2"), received("2", "3"))
		p.stay()
	}
	heard := make(chan int64, 10)
	c, err := client.New(f.URL, client.Options{AccessToken: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	live, events, _ := runLive(t, c, client.LiveOptions{Heard: func(e client.Event) { heard <- e.(client.MessageReceived).Message.Rev }})
	live.Subscribe("c1", 0)
	for want := int64(2); want <= 3; want++ {
		if got := next[client.MessageReceived](t, events); got.Message.Rev != want {
			t.Errorf("rev %d was handed over, want %d", got.Message.Rev, want)
		}
	}
	if a, b, c := <-heard, <-heard, <-heard; a != 2 || b != 2 || c != 3 {
		t.Errorf("revs %d, %d, %d were heard", a, b, c)
	}
}

func TestAHoleIsAskedForAgain(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":0,"lastRev":1}`, `{"type":"caught:up","conversationId":"c1","rev":1}`, received("1", "2"), received("3", "4"))
		again := p.read("subscribe")["conversations"].([]any)[0].(map[string]any)
		if again["afterRev"] != 2.0 {
			p.t.Errorf("asked for what is past %v, want 2", again["afterRev"])
		}
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":3,"lastRev":4}`, received("2", "3"), received("3", "4"), `{"type":"caught:up","conversationId":"c1","rev":4}`)
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 1)
	if got := next[client.CatchingUp](t, events); got.AfterRev != 1 || got.LastRev != 1 || got.Hole {
		t.Errorf("after the subscribe: %+v", got)
	}
	next[client.CaughtUp](t, events)
	if got := next[client.MessageReceived](t, events); got.Message.Rev != 2 {
		t.Errorf("handed over rev %d, want 2", got.Message.Rev)
	}
	if got := next[client.CatchingUp](t, events); got.AfterRev != 2 || got.LastRev != 4 || !got.Hole {
		t.Errorf("after the hole: %+v", got)
	}
	if got := revs(t, events, 2); got != "3 4" {
		t.Errorf("handed over %s", got)
	}
}

func TestAConversationThatIsFollowedAgainTakesNothingFromItsFormerSubscription(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.read("unsubscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":2,"lastRev":3}`, received("2", "3"), `{"type":"caught:up","conversationId":"c1","rev":3}`,
			`{"type":"unsubscribed","conversationId":"c1"}`)
		again := p.read("subscribe")["conversations"].([]any)[0].(map[string]any)
		if again["afterRev"] != 0.0 {
			p.t.Errorf("asked for what is past %v, want 0", again["afterRev"])
		}
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":2,"lastRev":3}`, received("1", "2"), received("2", "3"), `{"type":"caught:up","conversationId":"c1","rev":3}`)
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 2)
	next[client.Online](t, events)
	live.Unsubscribe("c1")
	live.Subscribe("c1", 0)
	if got := revs(t, events, 2); got != "2 3" {
		t.Errorf("handed over %s", got)
	}
}

func TestAConversationThatIsFollowedAgainComesOnTheNextConnectionAtTheLatest(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.read("unsubscribe")
	}
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":1,"lastRev":2}`, received("1", "2"), `{"type":"caught:up","conversationId":"c1","rev":2}`)
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 0)
	next[client.Online](t, events)
	live.Unsubscribe("c1")
	live.Subscribe("c1", 0)
	if got := revs(t, events, 1); got != "2" {
		t.Errorf("handed over %s", got)
	}
}

func TestAfterALostConnectionWhatWasMissedComesOnce(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":0,"lastRev":1}`, `{"type":"caught:up","conversationId":"c1","rev":1}`, received("1", "2"))
	}
	f.scripts <- func(p *peer) {
		p.signIn()
		again := p.read("subscribe")["conversations"].([]any)[0].(map[string]any)
		if again["afterRev"] != 2.0 {
			p.t.Errorf("asked for what is past %v, want 2", again["afterRev"])
		}
		// A difference of states: rev 3 was an earlier state of what is now at 5.
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":3,"lastRev":5}`, received("3", "4"),
			`{"type":"message:updated","message":{"id":"m2","conversationId":"c1","seq":2,"rev":5}}`,
			`{"type":"caught:up","conversationId":"c1","rev":5}`, received("4", "6"))
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 1)
	if got := revs(t, events, 4); got != "2 4 u5 6" {
		t.Errorf("handed over %s", got)
	}
}

func TestAResentMessageThatWasCaughtUpIsNotHandedOverTwice(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":0,"lastRev":1}`, `{"type":"caught:up","conversationId":"c1","rev":1}`)
		p.read("message:send")
	}
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.read("message:send")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":1,"lastRev":2}`, received("1", "2"), `{"type":"caught:up","conversationId":"c1","rev":2}`,
			`{"type":"message:sent","clientMessageId":"k1","messageId":"m1","timestamp":"2026-01-01T00:00:00.000000Z","conversationId":"c1","seq":1,"rev":2}`, received("2", "3"))
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 1)
	sent := make(chan error, 1)
	live.SendAsync(client.Draft{ConversationID: "c1", Content: "hi", ClientMessageID: "k1"}, func(_ client.Sent, err error) { sent <- err })
	if got := revs(t, events, 2); got != "2 3" {
		t.Errorf("handed over %s", got)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestMoreThanASubscribeBringsIsReadOverREST(t *testing.T) {
	f := newFake(t)
	f.mux.HandleFunc("GET /api/conversations/c1/changes", func(w http.ResponseWriter, r *http.Request) {
		switch after := r.FormValue("afterRev"); after {
		case "2":
			fmt.Fprintf(w, `{"changes":[%s],"lastRev":4,"hasMore":true}`, received("2", "3"))
		case "3":
			fmt.Fprintf(w, `{"changes":[%s],"lastRev":4,"hasMore":false}`, received("3", "4"))
		default:
			t.Errorf("asked for changes past %s", after)
		}
	})
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":3,"lastRev":4,"hasMore":true}`, received("1", "2"), `{"type":"caught:up","conversationId":"c1","rev":2}`, received("4", "5"), received("5", "6"))
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 1)
	if got := revs(t, events, 5); got != "2 3 4 5 6" {
		t.Errorf("handed over %s", got)
	}
}

func TestATokenThatRunsOutIsReplacedOnTheOpenSocket(t *testing.T) {
	f := newFake(t)
	f.mux.HandleFunc("POST /api/auth/login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "refresh", Value: "r1", Path: "/api/auth", Secure: true, HttpOnly: true})
		fmt.Fprint(w, `{"user":{"id":"u1","username":"ada"},"accessToken":"t1","expiresIn":900}`)
	})
	f.mux.HandleFunc("POST /api/auth/refresh", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("refresh"); err != nil || c.Value != "r1" {
			t.Errorf("refresh cookie %v, %v", c, err)
		}
		fmt.Fprint(w, `{"user":{"id":"u1","username":"ada"},"accessToken":"t2","expiresIn":900}`)
	})
	tokens := make(chan any, 1)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.write(`{"type":"auth:expiring","expiresAt":"2026-01-01T00:00:00.000000Z"}`)
		tokens <- p.read("auth")["token"]
		p.stay()
	}
	c, err := client.New(f.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Login(t.Context(), "ada", "password"); err != nil {
		t.Fatal(err)
	}
	runLive(t, c, client.LiveOptions{})
	if got := <-tokens; got != "t2" {
		t.Errorf("signed in again with %v", got)
	}
}

func TestADrainingNodeIsLeftWhenItSays(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.write(`{"type":"system:draining","reconnectInMs":20}`)
		p.stay()
	}
	f.scripts <- func(p *peer) { p.signIn(); p.stay() }
	_, events, _ := f.run(t)
	next[client.Online](t, events)
	if left := next[client.Offline](t, events); left.RetryIn > 0 {
		t.Errorf("waits %v before the next node", left.RetryIn)
	}
	next[client.Online](t, events)
}

func TestALoginThatEndedIsGivenUp(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("message:send")
		p.conn.Close(websocket.StatusCode(4403), "signed out")
	}
	live, _, ended := f.run(t)
	_, err := live.Send(t.Context(), client.Draft{ConversationID: "c1", Content: "hi"})
	var e *client.Error
	if !errors.As(err, &e) || e.Outcome != client.Unknown {
		t.Errorf("the send ended with %v", err)
	}
	if err := <-ended; client.CodeOf(err) != client.CodeUnauthorized {
		t.Errorf("ended with %v", err)
	}
}

func TestASendGivenUpBeforeItWasWrittenIsRejected(t *testing.T) {
	f := newFake(t)
	live, _, _ := f.run(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := live.Send(ctx, client.Draft{ConversationID: "c1", Content: "hi"})
	var e *client.Error
	if !errors.As(err, &e) || e.Outcome != client.Rejected || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestARefusedSendSaysWhyAndWhenToTryAgain(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		key := p.read("message:send")["clientMessageId"]
		p.write(fmt.Sprintf(`{"type":"message:error","clientMessageId":%q,"error":"Too many.","code":"RATE_LIMITED","retryable":true,"retryAfterMs":1500,"outcome":"rejected"}`, key))
		p.stay()
	}
	live, _, _ := f.run(t)
	_, err := live.Send(t.Context(), client.Draft{ConversationID: "c1", Content: "hi"})
	var e *client.Error
	if !errors.As(err, &e) || e.Code != client.CodeRateLimited || !e.Retryable || e.RetryAfter.Milliseconds() != 1500 || e.Outcome != client.Rejected {
		t.Errorf("got %#v", err)
	}
}

func TestWhatCameBeforeASubscriptionFromNowIsNotHandedOverAfterIt(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		// Who does not follow yet is told of a conversation's changes as well (C3.8).
		p.write(`{"type":"conversation:updated","conversationId":"c1","rev":2,"conversation":{"id":"c1"}}`,
			`{"type":"subscribed","conversationId":"c1","lastSeq":0,"lastRev":2,"hasMore":false}`, `{"type":"caught:up","conversationId":"c1","rev":2}`, received("1", "3"))
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", client.FromNow)
	next[client.CatchingUp](t, events)
	for e := range events {
		switch e := e.(type) {
		case client.ConversationUpdated:
			t.Errorf("rev %d is older than the subscription and was handed over", e.Rev)
		case client.MessageReceived:
			return
		}
	}
}

func TestACatchUpThatBreaksOffIsAskedForAgainFromWhereItWas(t *testing.T) {
	f := newFake(t)
	asked := make(chan any, 1)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":2,"lastRev":3,"hasMore":false}`, received("1", "2"),
			`{"type":"error","error":"The database cannot be reached.","code":"DB_CONNECTION_LOST","retryable":true,"ref":"c1"}`)
		asked <- p.read("subscribe")["conversations"]
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":2,"lastRev":3,"hasMore":false}`, received("2", "3"), `{"type":"caught:up","conversationId":"c1","rev":3}`)
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 1)
	if got := revs(t, events, 2); got != "2 3" {
		t.Errorf("handed over %s", got)
	}
	if got := fmt.Sprint(<-asked); got != "[map[afterRev:2 conversationId:c1]]" {
		t.Errorf("asked again for %s", got)
	}
}

func TestWhatWaitedForAHoleIsNotHandedOverWhereTheCatchUpBringsItAnew(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":0,"lastRev":1,"hasMore":false}`, `{"type":"caught:up","conversationId":"c1","rev":1}`, received("2", "3"))
		p.read("subscribe")
		// The message of rev 3 was deleted meanwhile.
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":2,"lastRev":4,"hasMore":false}`, received("1", "2"),
			`{"type":"message:deleted","conversationId":"c1","messageId":"m2","seq":2,"rev":4,"message":{"id":"m2","conversationId":"c1","seq":2,"rev":4}}`,
			`{"type":"caught:up","conversationId":"c1","rev":4}`)
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 1)
	for e := range events {
		switch e := e.(type) {
		case client.MessageReceived:
			if e.Message.Rev != 2 {
				t.Errorf("rev %d was handed over, which rev 4 has deleted", e.Message.Rev)
			}
		case client.MessageDeleted:
			return
		}
	}
}
