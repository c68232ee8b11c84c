package chat

import (
	"context"
	"maps"
	"time"
)

// stuckFor is how long a conversation whose row was locked is kept out of the others' batches.
const stuckFor = 5 * time.Second

// isolate keeps what one conversation or one message brings about from the rest of its batch: a row that
// somebody keeps locked, a message that the store cannot take. A store that only reads refuses what it does not hold yet.
// Anything else fails the batch.
func (l *lane) isolate(batch []*pendingSend, err error) (again []*pendingSend) {
	var parts [][]*pendingSend
	e := AsError(err)
	switch {
	case e.Reason == ReasonReadOnly:
		ctx, cancel := context.WithDeadline(context.Background(), deadline(batch))
		defer cancel()
		for _, p := range batch {
			l.service.answerRefused(ctx, p, err)
		}
		return nil
	case e.Reason == ReasonLocked:
		parts = byConversation(batch)
		l.holdUp()
		if len(parts) == 1 {
			l.stuck[batch[0].sub.Conversation] = time.Now()
		}
	case e.Code == CodeInternal:
		for i := range batch {
			parts = append(parts, batch[i:i+1:i+1])
		}
	}
	if len(parts) < 2 {
		l.service.failed(batch, err)
		return nil
	}
	for _, part := range parts {
		again = append(again, l.commit(part)...)
	}
	return again
}

// apart takes the conversations that were stuck a moment ago out of a batch, to be tried after the others and
// each for itself.
func (l *lane) apart(batch []*pendingSend) [][]*pendingSend {
	if len(l.stuck) == 0 {
		return [][]*pendingSend{batch}
	}
	now := time.Now()
	maps.DeleteFunc(l.stuck, func(_ ConversationID, since time.Time) bool { return now.Sub(since) > stuckFor })
	var free, stuck []*pendingSend
	for _, p := range batch {
		if _, is := l.stuck[p.sub.Conversation]; is {
			stuck = append(stuck, p)
		} else {
			free = append(free, p)
		}
	}
	return append([][]*pendingSend{free}, byConversation(stuck)...)
}

// holdUp notes that the rest of the batch may wait for a row that somebody keeps locked.
func (l *lane) holdUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heldUp = true
}

// byConversation splits sends by conversation, each in its order.
func byConversation(batch []*pendingSend) [][]*pendingSend {
	var parts [][]*pendingSend
	place := make(map[ConversationID]int)
	for _, p := range batch {
		i, known := place[p.sub.Conversation]
		if !known {
			i = len(parts)
			place[p.sub.Conversation] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], p)
	}
	return parts
}
