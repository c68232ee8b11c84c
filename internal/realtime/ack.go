package realtime

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// AckWithin is how long a connection that acknowledges may owe an ack before it is sent what it
	// lacks again (C3.4).
	AckWithin = 10 * time.Second
	// maxResends bounds how often the same is sent again to a client that never acknowledges it.
	maxResends = 3
)

// debt is what a subscription owes: acks for what it was sent. Only who has acknowledged before owes.
type debt struct {
	acks    bool
	acked   int64 // seq
	sent    int64 // seq
	fromRev int64 // what was sent and not acknowledged lies past it
	since   time.Time
	resends int
}

func (d *debt) incur(s *Session, frames []frame, after int64, now time.Time) {
	for _, f := range frames {
		if f.seq <= d.acked || f.rev <= after || f.origin == s.ID {
			continue
		}
		if d.since.IsZero() {
			d.since, d.fromRev = now, f.rev-1
		}
		d.sent = max(d.sent, f.seq)
	}
}

// Acknowledge notes that the session has everything of a conversation up to seq.
func (h *Hub) Acknowledge(s *Session, c chat.ConversationID, seq int64) {
	t := h.topic(c)
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.unlock()
	sub := t.subs[s]
	if sub == nil {
		return
	}
	d := &sub.debt
	d.acks = true
	if seq <= d.acked {
		return
	}
	d.acked, d.resends, d.since = seq, 0, time.Time{}
	if d.acked < d.sent {
		d.since = time.Now()
	}
}

// Resend sends the session again what it has owed an ack for since 10 seconds, and returns when to
// look again: the zero time when nothing is owed.
func (h *Hub) Resend(s *Session) (next time.Time) {
	now := time.Now()
	for _, c := range s.topics() {
		t := h.topic(c)
		if t == nil {
			continue
		}
		t.mu.Lock()
		if sub := t.subs[s]; sub != nil && !sub.debt.since.IsZero() {
			d := &sub.debt
			if now.Sub(d.since) >= AckWithin {
				if d.since = now; d.resends == maxResends {
					d.since = time.Time{}
				} else {
					d.resends++
					h.work.Go(func() { t.resend(sub) })
				}
			}
			if due := d.since.Add(AckWithin); !d.since.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
		t.unlock()
	}
	return next
}

// resend sends what the subscriber was sent and has not acknowledged. What is newer comes by itself.
func (t *topic) resend(sub *subscription) {
	ctx, cancel := context.WithTimeout(t.hub.ctx, readWithin)
	defer cancel()
	t.mu.Lock()
	after, upTo, acked := sub.debt.fromRev, sub.rev, sub.debt.acked
	t.mu.Unlock()
	read, err := t.hub.source.ChangesSince(ctx, t.id, after, chat.MaxCatchUp)
	if err != nil {
		t.hub.cfg.Log.Warn("what is owed an ack could not be read", "event", "topic.resend", "conversationId", t.id, "error", err)
		return
	}
	for i := range read.Changes {
		c := &read.Changes[i]
		if c.Message == nil || c.Message.Seq <= acked || c.Rev > upTo {
			continue
		}
		if !sub.session.WaitForRoom(ctx) || !t.pass(sub, [][]byte{protocol.EncodeChange(c)}) {
			return
		}
	}
}
