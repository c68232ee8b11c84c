package crash_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
)

// sentAs is what somebody sent and how it was confirmed.
type sentAs struct {
	client.Sent
	content string
	sender  string
}

// journal is what all people of a test did and saw.
type journal struct {
	mu        sync.Mutex
	changed   chan struct{} // closed and replaced at every entry
	confirmed map[string]map[string]sentAs
	unsure    int // answers that left open whether the message was stored
	resent    int
}

func newJournal() *journal {
	return &journal{changed: make(chan struct{}), confirmed: map[string]map[string]sentAs{}}
}

func (j *journal) note(f func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f()
	close(j.changed)
	j.changed = make(chan struct{})
}

// until waits for a condition of the journal, or fails the test.
func (j *journal) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		j.mu.Lock()
		ok, changed := holds(), j.changed
		j.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// count is how many sends were confirmed. The journal's lock is held.
func (j *journal) count() int {
	n := 0
	for _, of := range j.confirmed {
		n += len(of)
	}
	return n
}

// person is somebody with one live connection, who writes down every message in the order it came.
type person struct {
	id      string
	client  *client.Client
	live    *client.Live
	journal *journal
	seen    map[string][]client.Message // by conversation; under the journal's lock
	faults  []string                    // what must not happen; under the journal's lock
}

func newPerson(t *testing.T, url, name string, j *journal) *person {
	t.Helper()
	c, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.Register(t.Context(), client.Registration{Username: name, Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{id: u.ID, client: c, journal: j, seen: map[string][]client.Message{}}
	p.live = c.Live(client.LiveOptions{Handle: p.handle})
	return p
}

func (p *person) handle(e client.Event) {
	switch e := e.(type) {
	case client.MessageReceived:
		p.journal.note(func() {
			c := e.Message.ConversationID
			p.seen[c] = append(p.seen[c], e.Message)
		})
	case client.MessageUpdated, client.MessageDeleted, client.Failed:
		p.journal.note(func() { p.faults = append(p.faults, fmt.Sprintf("%T %+v", e, e)) })
	}
}

// chat sends one message after the other until stop is closed, each until it is confirmed.
func (p *person) chat(ctx context.Context, conversation string, stop <-chan struct{}) error {
	for n := 1; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		d := client.Draft{ConversationID: conversation, Content: fmt.Sprintf("message %d of %s", n, p.id), ClientMessageID: client.NewClientMessageID()}
		if err := p.send(ctx, d); err != nil {
			return err
		}
	}
}

func (p *person) send(ctx context.Context, d client.Draft) error {
	for {
		sent, err := p.live.Send(ctx, d)
		var e *client.Error
		switch {
		case err == nil:
			p.journal.note(func() {
				if p.journal.confirmed[d.ConversationID] == nil {
					p.journal.confirmed[d.ConversationID] = map[string]sentAs{}
				}
				p.journal.confirmed[d.ConversationID][d.ClientMessageID] = sentAs{sent, d.Content, p.id}
			})
			return nil
		case errors.As(err, &e) && e.Retryable && ctx.Err() == nil:
			p.journal.note(func() {
				p.journal.resent++
				if e.Outcome == client.Unknown {
					p.journal.unsure++
				}
			})
		default:
			return err
		}
	}
}

// history reads a conversation from its beginning over REST.
func (p *person) history(t *testing.T, conversation string) []client.Message {
	t.Helper()
	var all []client.Message
	q := client.HistoryQuery{Newer: true, Limit: 100}
	for {
		page, err := p.client.Messages(t.Context(), conversation, q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Messages...)
		if !page.HasMore {
			return all
		}
		if page.NextCursor == nil {
			t.Fatal("there is more, and no cursor to it")
		}
		q.Cursor = *page.NextCursor
	}
}
