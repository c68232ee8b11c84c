package client

import (
	"context"
	"time"
)

// Subscribe follows a conversation from afterRev on: everything that changed past it is handed over,
// then what happens. [FromNow] leaves out the past, 0 brings all of it. Following it already, nothing
// happens. It holds over reconnects until [Live.Unsubscribe] or until the person is out of it; a refusal
// is handed over as [Failed] with the conversation as Ref.
func (l *Live) Subscribe(conversation string, afterRev int64) {
	l.ask(func() {
		if l.tracks[conversation] == nil {
			l.tracks[conversation] = newTrack(conversation, afterRev)
		}
		l.tend(time.Now())
	})
}

// Unsubscribe stops following a conversation. What had been read from the socket before may still be handed over, the answer
// to the former Subscribe included.
func (l *Live) Unsubscribe(conversation string) {
	l.ask(func() {
		if l.tracks[conversation] == nil {
			return
		}
		delete(l.tracks, conversation)
		if l.signedIn {
			l.leaving[conversation]++
			l.out.command(command{Type: "unsubscribe", ConversationID: conversation})
		}
	})
}

// Send stores a message and returns when the server has confirmed it, over as many connections as it
// takes. When ctx ends first the send is given up: the [Error] says by its Outcome whether it may have
// been stored, and the same ClientMessageID may be sent again. Refusals of the server are *[Error] too;
// a retryable one is not tried again by itself.
func (l *Live) Send(ctx context.Context, d Draft) (Sent, error) {
	type answer struct {
		sent Sent
		err  error
	}
	answered := make(chan answer, 1)
	key := l.SendAsync(d, func(sent Sent, err error) { answered <- answer{sent, err} })
	select {
	case a := <-answered:
		return a.sent, a.err
	case <-ctx.Done():
		l.GiveUp(key, context.Cause(ctx))
	}
	a := <-answered
	return a.sent, a.err
}

// SendAsync is [Live.Send] without waiting. answer is called once, mostly from the goroutine of
// [Live.Run], and must not block. It returns the draft's ClientMessageID. Sends to one conversation are
// stored in the order of these calls.
func (l *Live) SendAsync(d Draft, answer func(Sent, error)) (clientMessageID string) {
	if d.ClientMessageID == "" {
		d.ClientMessageID = NewClientMessageID()
	}
	l.out.add(d, answer)
	return d.ClientMessageID
}

// GiveUp takes back a send that waits for its answer. Its answer is then called with an [Error] around why,
// which says by its Outcome whether the message may have been stored. Nothing happens to one that is
// answered.
func (l *Live) GiveUp(clientMessageID string, why error) {
	if s := l.out.remove(clientMessageID); s != nil {
		s.answer(Sent{}, s.gaveUp(why))
	}
}

// Edit asks for another content of an own message. What comes of it is handed over as [MessageUpdated],
// or as [Failed] with the message as Ref. Without a connection nothing happens; [Client.EditMessage]
// answers in every case.
func (l *Live) Edit(conversation, message, content string) {
	l.command(command{Type: "message:edit", ConversationID: conversation, MessageID: message, Content: content})
}

// Delete asks for a tombstone, as [Live.Edit] does.
func (l *Live) Delete(conversation, message string) {
	l.command(command{Type: "message:delete", ConversationID: conversation, MessageID: message})
}

// Typing tells the others that the person types, or has stopped. While typing it is to be repeated every
// 3 s; it ends by itself after 6 s (C4.7).
func (l *Live) Typing(conversation string, typing bool) {
	kind := "typing:stop"
	if typing {
		kind = "typing:start"
	}
	l.command(command{Type: kind, ConversationID: conversation})
}

// MarkRead moves the own read position forward; the answer is handed over as [ReadSynced]. The furthest of each
// conversation is said again, as receipt:sync, when no answer covers it after 10 s, and after each connect: a server that
// died may have forgotten it. So it is said later when there is no connection. This is remembered of the 100
// conversations that were read last, and, of messages that this connection did not hand over, in the order of the calls.
func (l *Live) MarkRead(conversation, message string) {
	l.ask(func() {
		r := l.readings.note(conversation, message, l.tracks[conversation].seqOf(message))
		if !l.signedIn {
			return
		}
		if r.message == message {
			r.said = time.Now()
		}
		l.out.command(command{Type: "receipt:read", ConversationID: conversation, MessageID: message})
	})
}

func (l *Live) command(c command) { l.ask(func() { l.whileSignedIn(c) }) }

func (l *Live) whileSignedIn(c command) {
	if l.signedIn {
		l.out.command(c)
	}
}
