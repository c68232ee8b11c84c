package realtime

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// watchEvery is how often a degraded bus is made up for (C3.2).
	watchEvery = 400 * time.Millisecond
	// rosterLease is how long remembered rosters count without a look at the clock.
	rosterLease = time.Second
	// compareEvery is how often everything is compared with the store though nothing was told as lost, so far as
	// it fits into maxSubscribed conversations and maxSeats seats at a time; a larger book takes more rounds.
	compareEvery  = 5 * time.Second
	maxSubscribed = 2000
)

// watch compares steadily what the bus says nothing about, and notices when this node was frozen.
func (h *Hub) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	last := time.Now()
	due, dueReceipts := last.Add(rand.N(compareEvery)), last.Add(rand.N(receiptsEvery))
	for {
		h.source.TrustRosters(last.Add(rosterLease))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		if now.Sub(last) > rosterLease {
			h.cfg.Log.Warn("this node stood still", "event", "hub.frozen", "seconds", now.Sub(last).Seconds())
			h.lost(nil)
		}
		last = now
		if bus, may := h.bus.(Degrading); may && bus.Degraded() {
			// Nobody tells this node of a removal now.
			h.source.ForgetRosters()
			h.compares.conversations(h.subscribed()...)
		}
		if !now.Before(due) {
			due = now.Add(compareEvery)
			h.compareRound()
		}
		if !now.Before(dueReceipts) {
			dueReceipts = now.Add(receiptsEvery)
			h.receipts.wantSome()
		}
	}
}

// compareRound has the next ones compared whose turn it is.
func (h *Hub) compareRound() {
	h.compares.conversations(h.nextSubscribed()...)
	h.compares.persons(h.book.nextRound()...)
}

// nextSubscribed takes conversations in turns, since a map hands them out in an order of chance.
func (h *Hub) nextSubscribed() []chat.ConversationID {
	if len(h.round) == 0 {
		h.round = h.subscribed()
	}
	n := min(len(h.round), maxSubscribed)
	next := slices.Clone(h.round[:n])
	h.round = h.round[n:]
	return next
}

// nextRound takes people in turns.
func (b *book) nextRound() []chat.UserID {
	if len(b.round) == 0 {
		b.round = b.everybody()
	}
	next, _ := b.within(b.round[:min(len(b.round), maxPeople)], maxSeats)
	b.round = b.round[len(next):]
	return next
}
