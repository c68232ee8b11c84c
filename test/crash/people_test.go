package crash_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

// room is a conversation and who is in it.
type room struct {
	id     string
	people []*check.Person
}

// populate makes six people and three conversations: all of them, and two halves that overlap.
func populate(t *testing.T, url string, recorder *check.Recorder) ([]room, []*check.Person) {
	t.Helper()
	var people []*check.Person
	for i := range 6 {
		people = append(people, newPerson(t, url, fmt.Sprintf("person%d", i), recorder))
	}
	var rooms []room
	for _, in := range [][]*check.Person{people, people[:4], people[2:]} {
		n := client.NewConversation{Type: "group", Title: "crash"}
		for _, p := range in[1:] {
			n.ParticipantIDs = append(n.ParticipantIDs, p.Actor().User)
		}
		c, err := in[0].Create(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		rooms = append(rooms, room{c.ID, in})
	}
	return rooms, people
}

func newPerson(t *testing.T, url, name string, recorder *check.Recorder) *check.Person {
	t.Helper()
	c, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.Register(t.Context(), client.Registration{Username: name, Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	return recorder.Person(name, "people", u, c)
}

// chat sends one message after the other until stop is closed, each until it is confirmed.
func chat(ctx context.Context, p *check.Person, conversation string, stop <-chan struct{}) error {
	for n := 1; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		d := client.Draft{ConversationID: conversation, Content: fmt.Sprintf("message %d of %s", n, p.Actor().Client), ClientMessageID: client.NewClientMessageID()}
		if err := send(ctx, p, d); err != nil {
			return err
		}
	}
}

// send tries until the message is confirmed or refused for good.
func send(ctx context.Context, p *check.Person, d client.Draft) error {
	for {
		_, err := p.Send(ctx, d)
		var e *client.Error
		if err == nil || !errors.As(err, &e) || !e.Retryable || ctx.Err() != nil {
			return err
		}
	}
}
