package realtime

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// gatherReceipts is how long those who want to see who has read what are gathered before the store is asked.
const gatherReceipts = 20 * time.Millisecond

// maxCounts bounds the messages of which another node may tell the readers at once.
const maxCounts = 200

// maxReads bounds the people of whose reading one envelope tells.
const maxReads = 100

// ReadTogether tells the sessions of several readers of a conversation, on all nodes, where their positions are. Every
// node on which one of them is connected follows the conversation's topic.
func (h *Hub) ReadTogether(c chat.ConversationID, states map[chat.UserID]chat.ReadState) {
	reads := make([]advanced, 0, len(states))
	for u, state := range states {
		h.readAdvanced(u, state)
		reads = append(reads, advanced{u, state})
	}
	if !h.bus.Peers() {
		return
	}
	for some := range slices.Chunk(reads, maxReads) {
		h.publish(ConversationTopic(c), envelopeReads, some)
	}
}

// heardReads takes another node's word for positions in one conversation.
func (h *Hub) heardReads(c chat.ConversationID, reads []advanced) error {
	if len(reads) > maxReads || slices.ContainsFunc(reads, func(r advanced) bool {
		return r.State.Conversation != c || !chat.ValidID(string(r.User)) || !soundPosition(r.State)
	}) {
		return errShape
	}
	for _, r := range reads {
		h.heardRead(r.User, r.State)
	}
	return nil
}

// PositionShown tells the other participants that are subscribed how far somebody has read.
func (h *Hub) PositionShown(s chat.Shown) {
	h.positionShown(s)
	if h.bus.Peers() {
		h.publish(ConversationTopic(s.Conversation), envelopeShown, s)
	}
}

func (h *Hub) positionShown(s chat.Shown) {
	if t := h.topic(s.Conversation); t != nil {
		t.showPosition(s.User, protocol.Encode(protocol.ReceiptUpdatedOf(s)))
	}
}

// ReadersCounted tells everybody who is subscribed how many have read what.
func (h *Hub) ReadersCounted(r chat.ReadCounts) {
	h.readersCounted(r)
	if h.bus.Peers() {
		h.publish(ConversationTopic(r.Conversation), envelopeCounted, r)
	}
}

func (h *Hub) readersCounted(r chat.ReadCounts) {
	if t := h.topic(r.Conversation); t != nil {
		t.showCounts(r)
	}
}

// ReceiptsChanged has every node read anew who has read what.
func (h *Hub) ReceiptsChanged(c chat.ConversationID) {
	h.receipts.want(c, nil)
	if h.bus.Peers() {
		h.publish(ConversationTopic(c), envelopeReceipts, receiptsChanged{c})
	}
}

func (t *topic) showPosition(u chat.UserID, frame []byte) {
	t.mu.Lock()
	defer t.unlock()
	for s, sub := range t.subs {
		if s.User != u && !sub.joining {
			s.Send(frame)
		}
	}
}

// showCounts passes over counts that later ones have overtaken.
func (t *topic) showCounts(r chat.ReadCounts) {
	t.mu.Lock()
	defer t.unlock()
	if r.Version <= t.counted {
		return
	}
	t.counted = r.Version
	frame := protocol.Encode(protocol.ReceiptCountOf(r))
	for s, sub := range t.subs {
		if !sub.joining {
			s.Send(frame)
		}
	}
}

// receipts are the sessions that still have to be shown who has read what.
type receipts struct {
	hub *Hub

	mu sync.Mutex
	// wanted has the sessions of each conversation; a nil session is all that are subscribed.
	wanted map[chat.ConversationID]map[*Session]bool
	under  bool // way: somebody gathers or reads
}

func newReceipts(h *Hub) *receipts {
	return &receipts{hub: h, wanted: make(map[chat.ConversationID]map[*Session]bool)}
}

// want has a session shown the receipts of a conversation that it follows; nil: all sessions that do.
func (r *receipts) want(c chat.ConversationID, s *Session) {
	if !r.hub.running() || r.hub.topic(c) == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wanted[c] == nil {
		r.wanted[c] = make(map[*Session]bool)
	}
	r.wanted[c][s] = true
	if !r.under {
		r.under = true
		r.hub.work.Go(r.tell)
	}
}

// tell reads and tells until nobody wants anything any more.
func (r *receipts) tell() {
	for rest(r.hub.ctx, gatherReceipts) {
		r.mu.Lock()
		wanted := r.wanted
		r.wanted = make(map[chat.ConversationID]map[*Session]bool)
		r.under = len(wanted) > 0
		r.mu.Unlock()
		if len(wanted) == 0 {
			return
		}
		r.tellThese(wanted)
	}
}

func (r *receipts) tellThese(wanted map[chat.ConversationID]map[*Session]bool) {
	ids := make([]chat.ConversationID, 0, len(wanted))
	for c := range wanted {
		ids = append(ids, c)
	}
	for len(ids) > 0 {
		n := min(len(ids), chat.MaxSubscribe)
		ctx, cancel := context.WithTimeout(r.hub.ctx, readWithin)
		read, err := r.hub.source.Receipts(ctx, ids[:n])
		cancel()
		if err != nil {
			// Who follows anew, or the next comparison, asks again.
			return
		}
		for c, what := range read {
			if t := r.hub.topic(c); t != nil {
				t.showReceipts(what, wanted[c])
			}
		}
		ids = ids[n:]
	}
}

// showReceipts shows what was read to those of the sessions that are still subscribed.
func (t *topic) showReceipts(what chat.Receipts, to map[*Session]bool) {
	t.mu.Lock()
	defer t.unlock()
	var counts []byte
	if what.Counts != nil && what.Counts.Version >= t.counted {
		counts = protocol.Encode(protocol.ReceiptCountOf(*what.Counts))
	}
	shown := make([][][]byte, len(what.Shown))
	for i, p := range what.Shown {
		if p.DeliveredSeq > 0 {
			shown[i] = append(shown[i], protocol.Encode(protocol.MessageDelivered{
				ConversationID: string(t.id), UserID: string(p.User), UpToSeq: p.DeliveredSeq,
			}))
		}
		if p.Seq > 0 {
			shown[i] = append(shown[i], protocol.Encode(protocol.ReceiptUpdatedOf(p)))
		}
	}
	for s, sub := range t.subs {
		if sub.joining || !to[nil] && !to[s] {
			continue
		}
		if counts != nil {
			s.Send(counts)
		}
		for i, frames := range shown {
			if what.Shown[i].User != s.User {
				s.Send(frames...)
			}
		}
	}
}
