package chat_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// asking is an announcer that asks for the origin of what it is to announce.
type asking struct {
	*recorder
	of      func(chat.ConversationID, chat.MessageID) chat.SessionID
	answers chan chat.SessionID
}

func (a *asking) Announce(changes []chat.Change) {
	if m := changes[0].Message; m != nil {
		a.answers <- a.of(m.Conversation, m.ID)
	}
	a.recorder.Announce(changes)
}

func TestTheOriginOfAMessageIsKnownUntilItIsAnnounced(t *testing.T) {
	first := newWorld(t, 1)
	a := &asking{recorder: first.heard, answers: make(chan chat.SessionID, 1)}
	w := &world{Service: chat.New(chat.Config{NewID: newID}, first.store, a), store: first.store, heard: first.heard, people: first.people}
	a.of = w.Origin
	w.run(t)
	c := w.group(t, w.people[0])
	sent := make(chan chat.Sent, 1)
	w.SendMessage(chat.Submission{Conversation: c, Sender: w.people[0], ClientMessageID: "one", Content: "Hello", Origin: "phone"},
		func(s chat.Sent, err error) {
			if err != nil {
				t.Error(err)
			}
			sent <- s
		})
	if got := <-a.answers; got != "phone" {
		t.Errorf("while it was being announced its origin was %q", got)
	}
	m := <-sent
	w.send(t, c, w.people[0], "two", "Hello again")
	<-a.answers
	if got := w.Origin(c, m.Message.ID); got != "" {
		t.Errorf("after it had been, its origin was %q", got)
	}
}
