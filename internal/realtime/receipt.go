package realtime

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
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
		t.showPosition(s)
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
	h.receipts.want(c, nil, false)
	if h.bus.Peers() {
		h.publish(ConversationTopic(c), envelopeReceipts, receiptsChanged{c})
	}
}

// receipts are the sessions that still have to be shown who has read what.
type receipts struct {
	hub *Hub

	mu sync.Mutex
	// wanted has the sessions of each conversation that are to be shown everything, and whether they were told something
	// before. With a nil session all that are subscribed are shown what they were not told.
	wanted map[chat.ConversationID]map[*Session]bool
	under  bool                  // way: somebody gathers or reads
	round  []chat.ConversationID // of wantSome, which one goroutine calls
}

func newReceipts(h *Hub) *receipts {
	return &receipts{hub: h, wanted: make(map[chat.ConversationID]map[*Session]bool)}
}

// want has a session shown the receipts of a conversation that it follows, knew says whether it was before; nil: all
// sessions that do, as far as they were told something else.
func (r *receipts) want(c chat.ConversationID, s *Session, knew bool) {
	if !r.hub.running() || r.hub.topic(c) == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wanted[c] == nil {
		r.wanted[c] = make(map[*Session]bool)
	}
	r.wanted[c][s] = r.wanted[c][s] || knew
	if !r.under {
		r.under = true
		r.hub.work.Go(r.tell)
	}
}

// wantSome has conversations read that are followed here, in turns, though nobody said that anything was missed.
func (r *receipts) wantSome() {
	if len(r.round) == 0 {
		r.round = r.hub.subscribed()
	}
	n := min(len(r.round), chat.MaxSubscribe)
	for _, c := range r.round[:n] {
		if t := r.hub.topic(c); t != nil && t.takeSent() {
			r.hub.source.Reseed(c)
		}
		r.want(c, nil, false)
	}
	r.round = r.round[n:]
}

// tell reads and tells until nobody wants anything any more.
func (r *receipts) tell() {
	pause := gatherReceipts
	for rest(r.hub.ctx, pause) {
		r.mu.Lock()
		wanted := r.wanted
		r.wanted = make(map[chat.ConversationID]map[*Session]bool)
		r.under = len(wanted) > 0
		r.mu.Unlock()
		if len(wanted) == 0 {
			return
		}
		pause = gatherReceipts
		if !r.tellThese(wanted) {
			pause = watchEvery
		}
	}
}

// tellThese reports whether all could be read. What could not is wanted still.
func (r *receipts) tellThese(wanted map[chat.ConversationID]map[*Session]bool) (all bool) {
	all = true
	ids := make([]chat.ConversationID, 0, len(wanted))
	for c := range wanted {
		ids = append(ids, c)
	}
	for len(ids) > 0 {
		n := min(len(ids), chat.MaxSubscribe)
		// A topic that is new when the reading ends is told nothing of it: it may be older than what those who follow were told
		// by the one before.
		topics, said := make(map[chat.ConversationID]*topic, n), make(map[chat.ConversationID]int64, n)
		for _, c := range ids[:n] {
			if t := r.hub.topic(c); t != nil {
				topics[c], said[c] = t, t.said()
			}
		}
		read, unread := r.read(ids[:n])
		r.putBack(wanted, unread)
		all = all && len(unread) == 0
		for c, what := range read {
			if t := topics[c]; t != nil {
				t.showReceipts(what, wanted[c], said[c])
			}
		}
		ids = ids[n:]
	}
	return all
}

// read returns the receipts of conversations, and which of those could not be read.
func (r *receipts) read(ids []chat.ConversationID) (read map[chat.ConversationID]chat.Receipts, unread []chat.ConversationID) {
	ctx, cancel := context.WithTimeout(r.hub.ctx, readWithin)
	defer cancel()
	err := r.hub.guard("receipts", func() (err error) {
		read, err = r.hub.source.Receipts(ctx, ids)
		return err
	})
	var some *chat.UnreadReceipts
	switch {
	case errors.As(err, &some):
		return read, some.Of
	case err != nil:
		return nil, ids
	}
	return read, nil
}

func (r *receipts) putBack(wanted map[chat.ConversationID]map[*Session]bool, ids []chat.ConversationID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.under = r.under || len(ids) > 0
	for _, c := range ids {
		if r.wanted[c] == nil {
			r.wanted[c] = wanted[c]
			continue
		}
		for s, knew := range wanted[c] {
			r.wanted[c][s] = r.wanted[c][s] || knew
		}
	}
}
