package realtime

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// compares are what is to be compared with the store. What is asked for while a comparison is under way is
// compared together by the next one. Nil on a node that is alone.
type compares struct {
	hub  *Hub
	wake chan struct{}

	mu     sync.Mutex
	topics map[chat.ConversationID]struct{}
	people map[chat.UserID]struct{}
}

func newCompares(h *Hub) *compares {
	return &compares{
		hub: h, wake: make(chan struct{}, 1),
		topics: make(map[chat.ConversationID]struct{}), people: make(map[chat.UserID]struct{}),
	}
}

// lost is what the bus calls when it may have lost envelopes of the topics, or of any: what is remembered may be
// stale, and what concerns the people here is compared with the store (C3.1).
func (h *Hub) lost(topics []string) {
	if h.compares == nil || !h.running() {
		return
	}
	h.counters.lost.Add(1)
	if topics == nil {
		h.source.ForgetRosters()
		h.compares.conversations(h.subscribed()...)
		h.compares.persons(h.book.everybody()...)
		h.presences.lost(nil, nil, true)
		for _, c := range h.subscribed() {
			h.receipts.want(c, nil, false)
		}
		return
	}
	var conversations []chat.ConversationID
	var people, watched []chat.UserID
	for _, topic := range topics {
		if topic == SystemTopic {
			h.source.ForgetRosters()
		} else if c, is := strings.CutPrefix(topic, conversationTopicPrefix); is {
			conversations = append(conversations, chat.ConversationID(c))
		} else if u, is := strings.CutPrefix(topic, userTopicPrefix); is {
			people = append(people, chat.UserID(u))
		} else if u, is := strings.CutPrefix(topic, presenceTopicPrefix); is {
			watched = append(watched, chat.UserID(u))
		}
	}
	h.presences.lost(watched, people, false)
	h.compares.conversations(conversations...)
	h.compares.persons(people...)
	for _, c := range conversations {
		h.receipts.want(c, nil, false)
	}
}

// subscribed are the conversations that sessions of this node follow.
func (h *Hub) subscribed() []chat.ConversationID {
	var ids []chat.ConversationID
	h.topics.Range(func(id, _ any) bool {
		ids = append(ids, id.(chat.ConversationID))
		return true
	})
	return ids
}

// conversations has conversations compared.
func (c *compares) conversations(ids ...chat.ConversationID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		c.topics[id] = struct{}{}
	}
	c.rouse()
}

// persons has everything compared that concerns people.
func (c *compares) persons(ids ...chat.UserID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		c.people[id] = struct{}{}
	}
	c.rouse()
}

func (c *compares) rouse() {
	if len(c.topics)+len(c.people) == 0 {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// later has what concerns a person compared in a moment.
func (c *compares) later(u chat.UserID) { time.AfterFunc(time.Second, func() { c.persons(u) }) }

// run compares until ctx ends.
func (c *compares) run(ctx context.Context) {
	pause := time.Duration(0)
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		for more := true; more; {
			var err error
			if more, err = c.next(ctx); err == nil {
				pause = 0
				continue
			}
			if ctx.Err() != nil {
				return
			}
			if pause == 0 {
				c.hub.cfg.Log.Warn("nothing can be compared with the store yet", "event", "hub.compare", "error", err)
			}
			pause = min(max(2*pause, gapWait), maxPatience)
			if !rest(ctx, pause) {
				return
			}
		}
	}
}

// next makes one comparison: first of conversations, which somebody may be looking at. It reports whether there may
// be more.
func (c *compares) next(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	if ids := some(c, c.topics, chat.MaxSubscribe); len(ids) > 0 {
		if err := c.hub.guard("compare", func() error { return c.hub.compareConversations(ctx, ids) }); err != nil {
			c.conversations(ids...)
			return true, err
		}
		return true, nil
	}
	ids, others := c.hub.book.within(some(c, c.people, maxPeople), maxSeats)
	if len(ids) == 0 {
		return false, nil
	}
	c.persons(others...)
	if err := c.hub.guard("compare", func() error { return c.hub.comparePeople(ctx, ids) }); err != nil {
		c.persons(ids...)
		return true, err
	}
	return true, nil
}

// some takes so many out of what is to be compared.
func some[ID comparable](c *compares, from map[ID]struct{}, most int) []ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]ID, 0, min(len(from), most))
	for id := range from {
		if len(ids) == most {
			break
		}
		ids = append(ids, id)
		delete(from, id)
	}
	return ids
}

// compareConversations asks where conversations stand, those that still concern somebody here.
func (h *Hub) compareConversations(ctx context.Context, ids []chat.ConversationID) error {
	ids = slices.DeleteFunc(ids, func(id chat.ConversationID) bool { return h.topic(id) == nil && !h.book.has(id) })
	if len(ids) == 0 {
		return nil
	}
	heads, err := h.source.Heads(ctx, ids)
	if err != nil {
		return err
	}
	h.compared(heads)
	return nil
}

// compared has told what the heads show to be missing.
func (h *Hub) compared(heads map[chat.ConversationID]chat.Head) {
	for id, head := range heads {
		h.counters.comparisons.Add(1)
		t := h.topic(id)
		behind := t != nil && t.behind(head.LastRev)
		moved, revised := h.book.compare(id, head)
		if behind || moved || revised {
			h.counters.behind.Add(1)
		}
		if revised {
			h.source.RosterMoved(id, head.RosterRev)
			// Whoever changed it may have died before they said so to anybody.
			h.source.Reseed(id)
			h.receipts.want(id, nil, false)
			h.notices.settle(id, head.RosterRev)
		}
		if behind {
			// Another node may have committed it this moment, and is about to say so.
			time.AfterFunc(gapWait, func() { t.lack(head.LastRev) })
		}
		if moved {
			h.notices.stirred(id, head.RosterRev)
		}
	}
}

// comparePeople asks for all that concerns people.
func (h *Hub) comparePeople(ctx context.Context, ids []chat.UserID) error {
	before := h.book.touches(ids)
	if len(before) == 0 {
		return nil
	}
	interests, err := h.source.Interests(ctx, slices.Collect(maps.Keys(before)))
	if err != nil {
		return err
	}
	heads := make(map[chat.ConversationID]chat.Head)
	for _, of := range interests {
		for _, in := range of {
			if head := heads[in.Conversation]; head.LastRev <= in.LastRev {
				heads[in.Conversation] = in.Head
			}
		}
	}
	h.compared(heads)
	for u, touched := range before {
		if err := h.compareSeats(ctx, u, touched, interests[u]); err != nil {
			return err
		}
	}
	return nil
}
