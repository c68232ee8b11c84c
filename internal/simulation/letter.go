package simulation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	gobwas "github.com/gobwas/ws"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

// answerWithin is when a send over a live connection is answered at the latest (C2.6), with room for the way.
const answerWithin = 3 * time.Second

// letter is a send that waits for its answer, over as many sockets as it takes.
type letter struct {
	conversation string
	key          string
	body         string
	tries        int
	call         *check.Call
	socket       *socket // the newest that it was written to
	at           time.Time
	answer       client.Message
}

// send writes a letter. Each call is an operation of its own, also under a key that was used before.
func (d *device) send(conversation, key, body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.enqueue(&letter{conversation: conversation, key: key, body: body})
}

// enqueue notes a letter and posts it if it can. The lock is held.
func (d *device) enqueue(l *letter) {
	l.tries++
	l.call = d.witness.Begin(check.Operation{Op: check.Send, Conversation: l.conversation, Key: l.key, Body: check.DigestOf(l.body)})
	d.letters = append(d.letters, l)
	if d.online {
		d.post(l)
	}
}

// post writes a letter to the socket of the moment. The lock is held.
func (d *device) post(l *letter) {
	d.log("sends %s to %s", l.key, l.conversation)
	l.socket, l.at = d.socket, time.Now()
	d.posted[l.key]++
	d.command(map[string]any{"type": "message:send", "conversationId": l.conversation, "content": l.body, "contentType": "text", "clientMessageId": l.key})
}

// answered takes out the first letter under a key. The lock is held.
func (d *device) answered(key string) *letter {
	i := slices.IndexFunc(d.letters, func(l *letter) bool { return l.key == key && l.socket != nil })
	if i < 0 {
		return nil
	}
	l := d.letters[i]
	d.letters = slices.Delete(d.letters, i, i+1)
	return l
}

// confirmed takes message:sent. The lock is held.
func (d *device) confirmed(f *frame, now time.Time) {
	l := d.answered(f.ClientMessageID)
	if l == nil {
		return
	}
	d.log("is told that %s is stored as seq %d, rev %d", l.key, f.Seq, f.Rev)
	l.answer = client.Message{
		ID: f.MessageID, ConversationID: l.conversation, SenderID: string(d.person.id), Seq: f.Seq, Rev: f.Rev, Content: l.body,
		ContentType: "text", ClientMessageID: l.key, CreatedAt: f.Timestamp, UpdatedAt: f.Timestamp,
	}
	l.call.Message, l.call.Seq, l.call.Rev, l.call.CreatedAt = f.MessageID, f.Seq, f.Rev, f.Timestamp.UnixMicro()
	l.call.End(nil)
	d.w.journal.name(f.MessageID, "m("+l.key+")")
	d.sent = append(d.sent, l)
	if v := d.views[l.conversation]; v != nil {
		d.tell(v.offer(f.Rev, client.MessageReceived{Message: l.answer, Own: true}, now)...)
	}
}

// failed takes message:error; what may succeed is tried again a little later. The lock is held.
func (d *device) failed(f *frame, now time.Time) {
	l := d.answered(f.ClientMessageID)
	if l == nil {
		return
	}
	d.log("is told that %s failed: %s, %s", l.key, f.Code, f.Outcome)
	l.call.End(f.err())
	if !f.Retryable || l.tries >= 8 {
		return
	}
	wait := d.w.chance.of("retry "+d.name).between(100*time.Millisecond, 2*time.Second)
	d.w.errands.Go(func() {
		time.Sleep(wait)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.enqueue(&letter{conversation: l.conversation, key: l.key, body: l.body, tries: l.tries})
	})
}

// overdue looks for sends that a living node has not answered in time. The lock is held.
func (d *device) overdue(now time.Time) {
	for _, l := range d.letters {
		s := l.socket
		if s == nil || s != d.socket || s.slow || s.process.gate.troubled() || l.at.Sub(s.asked) < answerWithin {
			continue
		}
		if waited := now.Sub(l.at) - 2*s.latency; waited > answerWithin+300*time.Millisecond {
			d.w.violate("C2.6", d.name, "%s was not answered within %v by %s", l.key, waited, s.process.id)
			l.at = now.Add(time.Hour)
		}
	}
}

// audit looks at what a socket left unanswered: a node that ends in order answers what has reached it (C8.4).
// The lock is held.
func (d *device) audit(s *socket, err error) {
	var c closed
	if !errors.As(err, &c) || c.code != gobwas.StatusCode(1012) || s.slow || s.process.gate.troubled() {
		return
	}
	for _, l := range d.letters {
		if l.socket == s && l.at.Sub(s.asked) > answerWithin && l.at.Add(s.latency).Before(s.process.drainedAt()) {
			d.w.violate("C8.4", d.name, "%s had reached %s when it began to drain, and was not answered", l.key, s.process.id)
		}
	}
}

// about says an event in a few words.
func about(e client.Event) string {
	switch e := e.(type) {
	case client.MessageReceived:
		own := ""
		if e.Own {
			own = " (its own)"
		}
		return fmt.Sprintf("has rev %d of %s: seq %d, %s%s", e.Message.Rev, e.Message.ConversationID, e.Message.Seq, e.Message.ClientMessageID, own)
	case client.MessageUpdated:
		return fmt.Sprintf("has rev %d of %s: %s is edited", e.Message.Rev, e.Message.ConversationID, e.Message.ClientMessageID)
	case client.MessageDeleted:
		return fmt.Sprintf("has rev %d of %s: %s is deleted", e.Message.Rev, e.Message.ConversationID, e.Message.ClientMessageID)
	case client.ConversationUpdated:
		var people []string
		for _, p := range e.Conversation.Participants {
			people = append(people, p.User.ID)
		}
		return fmt.Sprintf("has rev %d of %s: %s", e.Rev, e.ConversationID, strings.Join(people, " "))
	case client.ConversationAdded:
		return fmt.Sprintf("is shown %s at rev %d", e.Conversation.ID, e.Conversation.LastRev)
	case client.ConversationRemoved:
		return fmt.Sprintf("loses %s: %s", e.ConversationID, e.Reason)
	case client.ConversationActivity:
		return fmt.Sprintf("is told of activity in %s: seq %d, %d unread", e.ConversationID, e.LastSeq, e.UnreadCount)
	case client.CatchingUp:
		return fmt.Sprintf("catches up in %s from rev %d, which is at rev %d", e.ConversationID, e.AfterRev, e.LastRev)
	case client.CaughtUp:
		return fmt.Sprintf("has caught up in %s to rev %d", e.ConversationID, e.Rev)
	case client.ReadSynced:
		return fmt.Sprintf("is told of its reading in %s: %d unread", e.ReadState.ConversationID, e.ReadState.UnreadCount)
	case client.MessageDelivered:
		return fmt.Sprintf("is told that %s has %s up to seq %d", e.UserID, e.ConversationID, e.UpToSeq)
	case client.ReceiptUpdated:
		return fmt.Sprintf("is told that %s has read %s up to seq %d", e.UserID, e.ConversationID, e.Seq)
	case client.ReceiptCount:
		var counts []string
		for _, c := range e.Counts {
			counts = append(counts, fmt.Sprint(c.ReadCount))
		}
		return fmt.Sprintf("is told how many have read the newest messages of %s: %s", e.ConversationID, strings.Join(counts, " "))
	case client.Typing:
		return fmt.Sprintf("is told that %s types in %s: %v", e.UserID, e.ConversationID, e.Typing)
	case client.Failed:
		return fmt.Sprintf("is told of an error about %s: %s", e.Ref, e.Err.Code)
	}
	return fmt.Sprintf("%T", e)
}
