package realtime

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// deliveredEvery is how exactly others learn when a device was reached: all of one second is told at its end. The time of
// an acknowledgement says when somebody's phone was awake and on which network.
const deliveredEvery = time.Second

// writtenBy is when what was acknowledged is in the store at the latest, where nothing is in the way.
const writtenBy = 5 * time.Second

// deliveries are up to where a device of each participant has what was sent (C3.4). The topic's lock guards them.
type deliveries struct {
	told map[chat.UserID]hasUpTo
	next map[chat.UserID]int64 // further than that, to be told at the end of this second
}

type hasUpTo struct {
	seq  int64
	told time.Time
}

// Delivered tells the other participants that are subscribed how far a device of u is: one event a person at the end of each
// second, with the furthest that was acknowledged in it on any node.
func (h *Hub) Delivered(c chat.ConversationID, u chat.UserID, upToSeq int64) {
	h.delivered(c, u, upToSeq)
	if h.bus.Peers() {
		h.publish(ConversationTopic(c), envelopeDelivered, delivered{c, u, upToSeq})
	}
}

func (h *Hub) delivered(c chat.ConversationID, u chat.UserID, upToSeq int64) {
	if t := h.topic(c); t != nil {
		t.mu.Lock()
		defer t.unlock()
		t.noteDelivered(u, upToSeq)
	}
}

// TraceOf is of what the message at seq is a part, for logs; zero when that is not known, as of all but the newest message.
func (h *Hub) TraceOf(c chat.ConversationID, seq int64) chat.Trace {
	t := h.topic(c)
	if t == nil {
		return chat.Trace{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest.seq != seq {
		return chat.Trace{}
	}
	return t.newest.trace
}

// noteDelivered has it told. The topic's lock is held.
func (t *topic) noteDelivered(u chat.UserID, upToSeq int64) {
	d := &t.deliveries
	if upToSeq <= max(d.told[u].seq, d.next[u]) {
		return
	}
	if len(d.next) == 0 {
		d.next = make(map[chat.UserID]int64)
		now := time.Now()
		time.AfterFunc(now.Truncate(deliveredEvery).Add(deliveredEvery).Sub(now), t.tellDelivered)
	}
	d.next[u] = upToSeq
}

func (t *topic) tellDelivered() {
	t.mu.Lock()
	defer t.unlock()
	next := t.deliveries.next
	t.deliveries.next = nil
	for u, upToSeq := range next {
		if upToSeq <= t.deliveries.told[u].seq {
			continue
		}
		t.deliveries.tell(u, upToSeq)
		frame := t.encodeDelivered(u, upToSeq)
		t.toReaders(func(s *Session) {
			if s.User != u {
				s.Send(frame)
			}
		})
	}
}

func (t *topic) encodeDelivered(u chat.UserID, upToSeq int64) []byte {
	return protocol.Encode(protocol.MessageDelivered{ConversationID: string(t.id), UserID: string(u), UpToSeq: upToSeq})
}

func (d *deliveries) tell(u chat.UserID, upToSeq int64) {
	if d.told == nil {
		d.told = make(map[chat.UserID]hasUpTo)
	}
	d.told[u] = hasUpTo{upToSeq, time.Now()}
}

// read takes what the store has of one person, and returns up to where those are to be told that ask now. The store decides
// also when it has less, unless that may be about to be written: another node was mistaken.
func (d *deliveries) read(u chat.UserID, upToSeq int64) (known int64) {
	had := d.told[u]
	if upToSeq < had.seq && time.Since(had.told) > writtenBy {
		d.tell(u, upToSeq)
	}
	return max(upToSeq, d.told[u].seq)
}
