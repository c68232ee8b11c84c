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
