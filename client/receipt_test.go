package client_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/parley-chat/parley/client"
)

func TestWhoHasReadWhatIsHandedOver(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.write(
			`{"type":"receipt:updated","conversationId":"c1","userId":"u2","messageId":"m7","seq":7,"readAt":"2026-01-01T00:00:00.000000Z"}`,
			`{"type":"receipt:updated","conversationId":"c1","userId":"u2","messageId":null,"seq":0,"readAt":null}`,
			`{"type":"receipt:count","conversationId":"c2","counts":[{"messageId":"m9","readCount":47},{"messageId":"m8","readCount":48}]}`,
		)
		p.stay()
	}
	_, events, _ := f.run(t)
	if e := next[client.ReceiptUpdated](t, events); e.ConversationID != "c1" || e.UserID != "u2" || e.MessageID == nil || *e.MessageID != "m7" || e.Seq != 7 || e.ReadAt == nil {
		t.Errorf("got %+v", e)
	}
	if e := next[client.ReceiptUpdated](t, events); e.MessageID != nil || e.Seq != 0 || e.ReadAt != nil {
		t.Errorf("who lets nobody know is %+v", e)
	}
	if e := next[client.ReceiptCount](t, events); e.ConversationID != "c2" || fmt.Sprint(e.Counts) != "[{m9 47} {m8 48}]" {
		t.Errorf("got %+v", e)
	}
}

func TestReadersComeInPages(t *testing.T) {
	f := newFake(t)
	f.mux.HandleFunc("GET /api/conversations/c1/messages/m1/receipts", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		next, more := `"at-u2"`, true
		if r.URL.Query().Get("cursor") == "at-u2" {
			next, more = "null", false
		}
		fmt.Fprintf(w, `{"receipts":[{"user":{"id":"u2"},"readAt":"2026-01-01T00:00:00.000000Z"}],"readCount":2,"nextCursor":%s,"hasMore":%t}`, next, more)
	})
	c, err := client.New(f.URL, client.Options{AccessToken: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Readers(t.Context(), "c1", "m1", "", 1)
	if err != nil || !page.HasMore || page.NextCursor == nil || page.ReadCount != 2 || page.Receipts[0].User.ID != "u2" {
		t.Fatalf("got %+v, %v", page, err)
	}
	if page, err = c.Readers(t.Context(), "c1", "m1", *page.NextCursor, 1); err != nil || page.HasMore || page.NextCursor != nil {
		t.Errorf("the last page is %+v, %v", page, err)
	}
}

func TestWhatWasReadIsSaidAgainToTheNextServer(t *testing.T) {
	f := newFake(t)
	follow := func(p *peer) {
		p.read("subscribe")
		p.write(`{"type":"subscribed","conversationId":"c1","lastSeq":2,"lastRev":3}`, received("1", "2"), received("2", "3"), `{"type":"caught:up","conversationId":"c1","rev":3}`)
	}
	f.scripts <- func(p *peer) {
		p.signIn()
		follow(p)
		if m := p.read("receipt:read")["messageId"]; m != "m2" {
			p.t.Errorf("read %v", m)
		}
		p.write(`{"type":"receipt:synced","conversationId":"c1","unreadCount":0,"lastReadMessageId":"m2","lastReadSeq":2,"lastReadAt":"2026-01-01T00:00:00.000000Z"}`)
		p.read("receipt:read") // of m1, which is older
		// It dies, and with it what it acknowledged.
	}
	again := make(chan map[string]any, 2)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.read("subscribe")
		again <- p.read("receipt:sync")
		again <- p.read("receipt:sync")
		p.write(`{"type":"receipt:synced","conversationId":"c1","unreadCount":0,"lastReadMessageId":"m2","lastReadSeq":2,"lastReadAt":"2026-01-01T00:00:00.000000Z"}`)
		p.stay()
	}
	live, events, _ := f.run(t)
	live.Subscribe("c1", 0)
	next[client.CaughtUp](t, events)
	live.MarkRead("c1", "m2")
	if e := next[client.ReadSynced](t, events); e.ReadState.LastReadSeq != 2 {
		t.Errorf("answered with %+v", e)
	}
	live.MarkRead("c1", "m1")
	next[client.Offline](t, events)
	live.MarkRead("c2", "m9") // while there is no connection
	if a, b := <-again, <-again; a["conversationId"] != "c1" || a["lastReadMessageId"] != "m2" || b["conversationId"] != "c2" || b["lastReadMessageId"] != "m9" {
		t.Errorf("said again %v, %v", a, b)
	}
	next[client.ReadSynced](t, events)
}
