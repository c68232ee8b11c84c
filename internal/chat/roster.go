package chat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxCachedRosters = 10_000
	// rosterWithin bounds one read of a roster: who waits for it has a send to answer (C2.6).
	rosterWithin = 3 * time.Second
)

// Roster is who is in a conversation, as the rules need it.
type Roster struct {
	Conversation ConversationID
	Type         ConversationType
	// Rev is the rev of the last change to the conversation itself or to who is in it.
	Rev   int64
	Roles map[UserID]Role
	// Blocked says of a direct conversation that one of the two has blocked the other: neither writes.
	Blocked bool
}

// refuses says why somebody may not write in it: they are not in it, or one of the two of a direct conversation has
// blocked the other, whichever. Nil if they may.
func (r Roster) refuses(u UserID) error {
	if _, in := r.Roles[u]; !in {
		return NotInConversation()
	}
	if r.Blocked {
		return Forbidden("You cannot write to this person.")
	}
	return nil
}

// people are those who are in it, in no order.
func (r Roster) people() []UserID {
	out := make([]UserID, 0, len(r.Roles))
	for u := range r.Roles {
		out = append(out, u)
	}
	return out
}

// Roster returns who is in a conversation, from memory where it can. It answers NotInConversation for
// one that does not exist or has ended. The map must not be changed.
func (s *Service) Roster(ctx context.Context, c ConversationID) (Roster, error) {
	if !ValidID(string(c)) {
		return Roster{}, NotInConversation()
	}
	r, _, err := s.rosters.load(ctx, c)
	return r, err
}

// ForgetRoster drops what this node remembers of a conversation's participants.
func (s *Service) ForgetRoster(c ConversationID) { s.rosters.invalidate(c) }

// RosterMoved drops it unless it is of that rev or newer: another node changed the participants.
func (s *Service) RosterMoved(c ConversationID, rev int64) { s.rosters.outdate(c, rev) }

// ForgetRosters drops all of them: something may have been missed.
func (s *Service) ForgetRosters() { s.rosters.clear() }

// TrustRosters lets what is remembered count until then, and not longer: a node that is told of changes by
// others gives itself such a lease again and again, so that one that was frozen and is woken does not act on
// what was true before. Without a call what is remembered counts for good.
func (s *Service) TrustRosters(until time.Time) { s.rosters.lease.Store(&until) }

// rosterCache remembers rosters. A load that was overtaken by an invalidation is not kept.
type rosterCache struct {
	store ConversationStore
	lease atomic.Pointer[time.Time] // nil for good

	mu      sync.Mutex
	entries map[ConversationID]*rosterEntry
}

type rosterEntry struct {
	ready  chan struct{}
	roster Roster
	err    error
}

func newRosterCache(store ConversationStore) *rosterCache {
	return &rosterCache{store: store, entries: make(map[ConversationID]*rosterEntry)}
}

// including returns the roster. One from memory that a person is not in is read again: what another node has
// changed since may have taken them in, and a refusal writes nothing that the store would check.
func (c *rosterCache) including(ctx context.Context, id ConversationID, u UserID) (r Roster, remembered bool, err error) {
	return c.believed(ctx, id, func(r Roster) bool {
		_, in := r.Roles[u]
		return in
	})
}

// letting is including for somebody who writes: one from memory that refuses them is read again.
func (c *rosterCache) letting(ctx context.Context, id ConversationID, u UserID) (r Roster, remembered bool, err error) {
	return c.believed(ctx, id, func(r Roster) bool { return r.refuses(u) == nil })
}

// believed returns the roster, from memory only one that is to be believed.
func (c *rosterCache) believed(ctx context.Context, id ConversationID, believe func(Roster) bool) (r Roster, remembered bool, err error) {
	r, remembered, err = c.load(ctx, id)
	if err != nil || !remembered || believe(r) {
		return r, remembered, err
	}
	c.invalidate(id)
	r, _, err = c.load(ctx, id)
	return r, false, err
}

// load returns the roster from memory, remembered, or reads it.
func (c *rosterCache) load(ctx context.Context, id ConversationID) (r Roster, remembered bool, err error) {
	if c.expired() {
		c.clear()
	}
	c.mu.Lock()
	e, found := c.entries[id]
	if !found {
		if len(c.entries) >= maxCachedRosters {
			for victim := range c.entries {
				delete(c.entries, victim)
				break
			}
		}
		e = &rosterEntry{ready: make(chan struct{})}
		c.entries[id] = e
	}
	c.mu.Unlock()

	if !found {
		// The read serves everyone who waits for it, so it must not end with the first caller.
		go c.fill(context.WithoutCancel(ctx), id, e)
	}
	select {
	case <-e.ready:
		return e.roster, found, e.err
	case <-ctx.Done():
		return Roster{}, found, &Error{Code: CodeDBTimeout, Message: "The database did not answer in time.", Err: ctx.Err()}
	}
}

// recall is load from memory, without waiting.
func (c *rosterCache) recall(id ConversationID) (r Roster, remembered bool) {
	if c.expired() {
		return Roster{}, false
	}
	c.mu.Lock()
	e := c.entries[id]
	c.mu.Unlock()
	if e == nil {
		return Roster{}, false
	}
	select {
	case <-e.ready:
		return e.roster, e.err == nil
	default:
		return Roster{}, false
	}
}

func (c *rosterCache) fill(ctx context.Context, id ConversationID, e *rosterEntry) {
	ctx, cancel := context.WithTimeout(ctx, rosterWithin)
	defer cancel()
	e.roster, e.err = c.store.Roster(ctx, id)
	if e.err != nil {
		if AsError(e.err).Code == CodeNotFound {
			e.err = NotInConversation()
		}
		c.drop(id, e)
	}
	close(e.ready)
}

func (c *rosterCache) drop(id ConversationID, e *rosterEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[id] == e {
		delete(c.entries, id)
	}
}

func (c *rosterCache) invalidate(id ConversationID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, id)
}

// outdate drops a roster that is older than rev, or that is being read.
func (c *rosterCache) outdate(id ConversationID, rev int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[id]
	if e == nil {
		return
	}
	select {
	case <-e.ready:
		if e.err == nil && e.roster.Rev >= rev {
			return
		}
	default:
	}
	delete(c.entries, id)
}

// leased reports whether other nodes change rosters as well.
func (c *rosterCache) leased() bool { return c.lease.Load() != nil }

func (c *rosterCache) expired() bool {
	lease := c.lease.Load()
	return lease != nil && time.Now().After(*lease)
}

func (c *rosterCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}
