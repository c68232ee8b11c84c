package ws_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/ws"
)

func TestTwoPeopleChatThroughClientsThatAreNotOurs(t *testing.T) {
	for name, compression := range map[string]websocket.CompressionMode{
		"compression not offered": websocket.CompressionDisabled, "compression offered": websocket.CompressionContextTakeover,
	} {
		for accepts, config := range map[string]ws.Config{"declined": {}, "accepted": {Compression: true}} {
			t.Run(name+" and "+accepts, func(t *testing.T) {
				w := newWorld(t, options{config: config})
				url := w.serve()
				people := []chat.UserID{w.person(), w.person()}
				c := w.group(people...)
				ada := w.dial(url, &websocket.DialOptions{Subprotocols: []string{"other", ws.Subprotocol}, CompressionMode: compression, CompressionThreshold: 1})
				if ada.Subprotocol() != ws.Subprotocol {
					t.Errorf("the subprotocol is %q", ada.Subprotocol())
				}
				ada.send(`{"type":"auth","token":%q}`, w.token(people[0], time.Hour))
				if e := ada.await("auth:success"); e.UserID != string(people[0]) || e.ServerID != "node-1" || e.SessionID == "" {
					t.Errorf("%+v", e)
				}
				dialer := gorilla.Dialer{EnableCompression: compression != websocket.CompressionDisabled}
				bob, _, err := dialer.Dial(url, http.Header{"Authorization": {"Bearer " + w.token(people[1], time.Hour)}})
				if err != nil {
					t.Fatal(err)
				}
				defer bob.Close()
				_ = bob.SetReadDeadline(time.Now().Add(patience))
				if err := bob.WriteJSON(map[string]any{"type": "subscribe", "conversationId": c}); err != nil {
					t.Fatal(err)
				}
				awaitGorilla(t, bob, "caught:up")
				content := strings.Repeat("Grüße 👋 ", 300)
				ada.send(`{"type":"message:send","conversationId":%q,"content":%q,"contentType":"text","clientMessageId":"k1"}`, c, content)
				sent := ada.await("message:sent")
				if sent.ClientMessageID != "k1" || sent.Seq != 1 {
					t.Errorf("%+v", sent)
				}
				if e := awaitGorilla(t, bob, "message:received"); e.Message.Content != content {
					t.Errorf("bob read %q", e.Message.Content)
				}
				ada.send(`{"type":"message:send","conversationId":%q,"content":%q,"clientMessageId":"k1"}`, c, content)
				if again := ada.await("message:sent"); again != sent {
					t.Errorf("the retry was answered %+v", again)
				}
				if err := bob.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, "bye")); err != nil {
					t.Fatal(err)
				}
				// What was under way comes first.
				for err == nil {
					_, _, err = bob.ReadMessage()
				}
				if !gorilla.IsCloseError(err, gorilla.CloseNormalClosure) {
					t.Errorf("the close was answered %v", err)
				}
				if err := ada.Close(websocket.StatusNormalClosure, ""); err != nil {
					t.Errorf("the closing handshake failed: %v", err)
				}
			})
		}
	}
}

func awaitGorilla(t *testing.T, c *gorilla.Conn, kind string) event {
	t.Helper()
	for {
		var e event
		if err := c.ReadJSON(&e); err != nil {
			t.Fatalf("waiting for %s: %v", kind, err)
		}
		if e.Type == kind {
			return e
		}
	}
}

func TestEverythingThatAClientMaySendIsAnswered(t *testing.T) {
	w := newWorld(t, options{})
	url := w.serve()
	people := []chat.UserID{w.person(), w.person()}
	c := w.group(people...)
	ada, bob := w.connect(url, people[0]), w.connect(url, people[1])
	for _, cl := range []*client{ada, bob} {
		cl.send(`{"type":"subscribe","conversations":[{"conversationId":%q,"afterRev":0}]}`, c)
		cl.await("subscribed")
		cl.await("caught:up")
	}
	ada.send(`{"type":"typing:start","conversationId":%q}`, c)
	bob.await("typing:started")
	ada.send(`{"type":"typing:stop","conversationId":%q}`, c)
	bob.await("typing:stopped")
	ada.send(`{"type":"presence:heartbeat","status":"online"}`)
	ada.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k1"}`, c)
	sent := ada.await("message:sent")
	bob.await("message:received")
	bob.send(`{"type":"message:ack","conversationId":%q,"seq":1}`, c)
	if e := ada.await("message:delivered"); e.UpToSeq != 1 || e.UserID != string(people[1]) {
		t.Errorf("%+v", e)
	}
	bob.send(`{"type":"receipt:read","conversationId":%q,"messageId":%q}`, c, sent.MessageID)
	bob.await("receipt:synced")
	bob.send(`{"type":"receipt:sync","conversationId":%q,"lastReadMessageId":null}`, c)
	bob.await("receipt:synced")
	bob.send(`{"type":"receipt:sync","conversationId":%q,"lastReadMessageId":"0198c0de-0000-7000-8000-000000000e55"}`, c)
	bob.await("receipt:synced")
	ada.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"two"}`, c, sent.MessageID)
	for _, cl := range []*client{ada, bob} {
		if e := cl.await("message:updated"); e.Message.Content != "two" {
			t.Errorf("%+v", e)
		}
	}
	bob.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"mine"}`, c, sent.MessageID)
	if e := bob.await("error"); e.Code != "FORBIDDEN" || e.Ref != sent.MessageID {
		t.Errorf("%+v", e)
	}
	ada.send(`{"type":"message:delete","conversationId":%q,"messageId":%q}`, c, sent.MessageID)
	for _, cl := range []*client{ada, bob} {
		if e := cl.await("message:deleted"); e.MessageID != sent.MessageID || e.Message.Content != "" {
			t.Errorf("%+v", e)
		}
	}
	bob.send(`{"type":"unsubscribe","conversationId":%q}`, c)
	bob.await("unsubscribed")
	ada.send(`{"type":"message:send","conversationId":%q,"content":"three","clientMessageId":"k2"}`, c)
	bob.await("conversation:activity")
}

func TestAFailedSendSaysWhyAndWhatBecameOfIt(t *testing.T) {
	w := newWorld(t, options{})
	url := w.serve()
	ada, stranger := w.person(), w.person()
	c, theirs := w.group(ada), w.group(stranger)
	cl := w.connect(url, ada)
	for content, code := range map[string]string{
		`""`: "VALIDATION_ERROR", `" \n\u200b"`: "VALIDATION_ERROR", `"a\u0000b"`: "VALIDATION_ERROR", `7`: "VALIDATION_ERROR",
		`"` + strings.Repeat("x", 4001) + `"`: "VALIDATION_ERROR",
	} {
		cl.send(`{"type":"message:send","conversationId":%q,"content":%s,"clientMessageId":"k"}`, c, content)
		if e := cl.await("message:error"); e.Code != code || e.ClientMessageID != "k" || e.Outcome != "rejected" {
			t.Errorf("%.20s: %+v", content, e)
		}
	}
	for _, id := range []chat.ConversationID{theirs, "0198c0de-0000-7000-8000-0000000000c0", "", "x"} {
		cl.send(`{"type":"message:send","conversationId":%q,"content":"hi","clientMessageId":"k"}`, id)
		if e := cl.await("message:error"); e.Code != "NOT_IN_CONVERSATION" || e.Error != "You are not in this conversation." {
			t.Errorf("%s: %+v", id, e)
		}
		for _, kind := range []string{"subscribe", "typing:start", "receipt:read", "message:edit", "message:delete", "message:ack"} {
			cl.send(`{"type":%q,"conversationId":%q,"messageId":"0198c0de-0000-7000-8000-000000000e55","content":"x","seq":1}`, kind, id)
			if e := cl.await("error"); e.Code != "NOT_IN_CONVERSATION" {
				t.Errorf("%s %s: %+v", kind, id, e)
			}
		}
	}
}
