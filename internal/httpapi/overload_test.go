package httpapi_test

import (
	"context"
	"fmt"
	"path"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// heldStore appends nothing until it goes on.
type heldStore struct {
	chat.Store
	goes chan struct{}
}

func (s heldStore) AppendMessages(ctx context.Context, drafts []chat.Draft) ([]chat.Appended, error) {
	<-s.goes
	return s.Store.AppendMessages(context.WithoutCancel(ctx), drafts)
}

func TestUnderOverloadReadsAreRefusedAndTheOwnAccountIsNot(t *testing.T) {
	goes := make(chan struct{})
	w := newWorldOn(t, func(s chat.Store) chat.Store { return heldStore{s, goes} })
	ada := w.person("ada")
	c := w.group(ada)
	for i := range 950 {
		w.chat.SendMessage(chat.Submission{
			Conversation: chat.ConversationID(path.Base(c)), Sender: ada.id, ClientMessageID: fmt.Sprint("m", i), Content: "Hello",
		}, func(chat.Sent, error) {})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.chat.Overload().Level != chat.WorkReads {
		<-tick.C
	}
	for _, path := range []string{"/api/conversations", c + "/messages", c + "/changes", "/api/friends"} {
		a := w.ask(ada.token, "GET", path, nil).wantProblem(503, chat.CodeDBTimeout)
		if p := into[problem](a); p.Reason != string(chat.ReasonOverloaded) || p.Outcome != "" || p.RetryAfterMs < 1000 || a.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	w.ask(ada.token, "GET", "/api/users/me", nil).want(200)
	close(goes)
	for w.chat.Overload().Level != 0 {
		<-tick.C
	}
	w.ask(ada.token, "GET", "/api/conversations", nil).want(200)
}
