package realtime

import (
	"context"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
)

// interests know what concerns the people who are connected here: their own topics, and those of all their
// conversations, whose activity they are owed (C3.8).
type interests struct {
	hub    *Hub
	mu     sync.Mutex
	people map[chat.UserID]*interest
}

type interest struct {
	sessions int
	topics   map[string]struct{}
}

func newInterests(h *Hub) *interests {
	return &interests{hub: h, people: make(map[chat.UserID]*interest)}
}

// come notes one more session of a person.
func (i *interests) come(u chat.UserID) {
	i.mu.Lock()
	p := i.people[u]
	first := p == nil
	if first {
		p = &interest{topics: make(map[string]struct{})}
		i.people[u] = p
	}
	p.sessions++
	i.mu.Unlock()
	if first {
		i.want(u, UserTopic(u))
		go i.load(u)
	}
}

// leave notes one session less.
func (i *interests) leave(u chat.UserID) {
	i.mu.Lock()
	p := i.people[u]
	p.sessions--
	if p.sessions > 0 {
		i.mu.Unlock()
		return
	}
	delete(i.people, u)
	i.mu.Unlock()
	for t := range p.topics {
		i.hub.follows.remove(t)
	}
}

// want follows topics for a person, if they are here.
func (i *interests) want(u chat.UserID, topics ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	p := i.people[u]
	if p == nil {
		return
	}
	fresh := topics[:0:0]
	for _, t := range topics {
		if _, known := p.topics[t]; !known {
			p.topics[t] = struct{}{}
			fresh = append(fresh, t)
		}
	}
	i.hub.follows.add(fresh...)
}

func (i *interests) load(u chat.UserID) {
	if !i.hub.ready(context.Background()) {
		return
	}
	ctx, cancel := context.WithTimeout(i.hub.ctx, readWithin)
	defer cancel()
	ids, err := i.hub.source.ConversationIDs(ctx, u)
	if err != nil {
		i.hub.cfg.Log.Warn("a person's conversations could not be read", "event", "interest.load", "userId", u, "error", err)
		return
	}
	topics := make([]string, len(ids))
	for k, c := range ids {
		topics[k] = ConversationTopic(c)
	}
	i.want(u, topics...)
}
