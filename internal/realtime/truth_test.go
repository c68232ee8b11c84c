package realtime_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

var (
	everyone = chat.Privacy{Rev: 1, Enabled: true, Sharing: chat.ShareEveryone}
	errAway  = errors.New("it is away")
)

// truth is who is there and who is what to whom, as the store and the devices would say it to all nodes.
type truth struct {
	mu        sync.Mutex
	persons   map[chat.UserID]chat.Presence
	left      map[chat.UserID]time.Time // when they were seen last, as the store has it
	relations map[[2]chat.UserID]chat.Relation
	version   int64
	away      bool                 // nothing can be read
	unsure    bool                 // who is there may be missing
	asked     int                  // for whom people watch
	expired   map[chat.UserID]bool // whose lease has ended though nobody has said so yet
	heard     map[chat.UserID]chat.Privacy
	faults    int // that hearing of a privacy still ends in
}

func newTruth() *truth {
	return &truth{
		persons: make(map[chat.UserID]chat.Presence), left: make(map[chat.UserID]time.Time), relations: make(map[[2]chat.UserID]chat.Relation),
		heard: make(map[chat.UserID]chat.Privacy), expired: make(map[chat.UserID]bool),
	}
}

// sighted is a node's rules with this truth.
type sighted struct {
	*chat.Service
	*truth
}

func (s sighted) Watching(_ context.Context, open map[chat.UserID][]chat.ConversationID) (map[chat.UserID][]chat.Watched, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.away {
		return nil, errAway
	}
	out := make(map[chat.UserID][]chat.Watched)
	for u := range open {
		for other := range s.persons {
			if w := s.watched(u, other); w.Relation.Friends || w.Relation.Share {
				out[u] = append(out[u], w)
			}
		}
	}
	return out, nil
}

func (s sighted) Relations(_ context.Context, u chat.UserID, others []chat.UserID) (map[chat.UserID]chat.Watched, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway
	}
	out := make(map[chat.UserID]chat.Watched)
	for _, other := range others {
		out[other] = s.watched(u, other)
	}
	return out, nil
}

func (t *truth) watched(u, other chat.UserID) chat.Watched {
	p := t.persons[other]
	return chat.Watched{User: other, Relation: t.relations[pairOf(u, other)], Privacy: p.Privacy, SeenAt: t.left[other]}
}

func (s sighted) Presences(_ context.Context, users []chat.UserID) (map[chat.UserID]chat.Presence, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, false, errAway
	}
	out := make(map[chat.UserID]chat.Presence)
	for _, u := range users {
		if p := s.persons[u]; p.Status != chat.StatusOffline && !s.unsure && !s.expired[u] {
			out[u] = p
		}
	}
	return out, !s.unsure, nil
}

func (s sighted) SeePresences(_ context.Context, viewer chat.UserID, users []chat.UserID) ([]chat.Presence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chat.Presence
	for _, u := range users {
		out = append(out, s.see(viewer, u))
	}
	return out, nil
}

func (s sighted) PrivacyHeard(u chat.UserID, p chat.Privacy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults > 0 {
		s.faults--
		panic("a fault on purpose")
	}
	s.heard[u] = p
}

// queries is how often it was read whom people watch.
func (t *truth) queries() int {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

// see is what somebody should be shown of another.
func (t *truth) see(viewer, u chat.UserID) chat.Presence {
	p := t.persons[u]
	switch {
	case viewer == u && p.Privacy.Invisible:
		return chat.Presence{User: u, Status: chat.StatusInvisible}
	case viewer != u && !p.Privacy.Lets(t.relations[pairOf(viewer, u)]):
		return chat.Presence{User: u, Status: chat.StatusOffline}
	}
	return chat.Presence{User: u, Status: p.Status, Device: p.Device, SeenAt: p.SeenAt}
}

func pairOf(a, b chat.UserID) [2]chat.UserID { return [2]chat.UserID{min(a, b), max(a, b)} }

func (t *truth) relate(a, b chat.UserID, r chat.Relation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.relations[pairOf(a, b)] = r
}

func (t *truth) set(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do()
}

// be makes somebody's presence another one and returns what is to be announced.
func (t *truth) be(u chat.UserID, status chat.Status, privacy chat.Privacy) chat.Presence {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.persons[u]
	p := chat.Presence{User: u, Status: status, Privacy: privacy}
	if privacy.Rev == 0 {
		p.Privacy = before.Privacy
	}
	hidden := p.Privacy.Invisible || p.Privacy.Secret()
	if hidden {
		p.Status = chat.StatusOffline
	}
	switch {
	case p.Status != chat.StatusOffline:
		p.Device = chat.Desktop
	default:
		if before.Status != chat.StatusOffline {
			t.left[u] = time.Now().UTC().Truncate(time.Millisecond)
		}
		if !p.Privacy.Secret() {
			p.SeenAt = t.left[u]
		}
	}
	t.version = max(t.version+1, time.Now().UnixMicro())
	p.Version = t.version
	t.persons[u] = p
	return p
}

// sightWorld is nodes with people who are online and all in a conversation together, as far as presence goes.
type sightWorld struct {
	*world
	*truth
	users []chat.UserID
}

func newSightWorld(t testing.TB, nodes, people int, bus realtime.Bus) *sightWorld {
	w := &sightWorld{truth: newTruth()}
	w.world = newWorldOver(t, nodes, bus, func(rules *chat.Service) realtime.Source { return sighted{rules, w.truth} })
	for range people {
		w.users = append(w.users, chat.UserID(newID()))
	}
	for i, u := range w.users {
		w.be(u, chat.StatusOnline, everyone)
		for _, other := range w.users[:i] {
			w.relate(u, other, chat.Relation{Share: true})
		}
	}
	return w
}

// sight is what a client knows of others by its events, and how often each was told as changed.
func (c *client) sight() (seen map[string]protocol.Presence, changes map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, changes = make(map[string]protocol.Presence), make(map[string]int)
	for _, e := range c.events {
		switch e.Type {
		case "presence:state":
			for _, p := range e.Presences {
				seen[p.UserID] = p
			}
		case "presence:changed":
			changes[e.UserID]++
			p := protocol.Presence{UserID: e.UserID, Status: e.Status, Device: e.Device}
			if e.LastSeenAt != nil {
				at := protocol.Time(*e.LastSeenAt)
				p.LastSeenAt = &at
			}
			seen[e.UserID] = p
		}
	}
	return seen, changes
}

// sees holds what a client knows of somebody against the truth.
func (w *sightWorld) sees(c *client, u chat.UserID) {
	w.Helper()
	synctest.Wait()
	w.mu.Lock()
	want := protocol.PresenceOf(w.see(c.User, u), true)
	w.mu.Unlock()
	seen, _ := c.sight()
	if diff := cmp.Diff(want, seen[string(u)]); diff != "" {
		w.Errorf("%s sees of %s:\n%s", c.User, u, diff)
	}
}

// changes is how often the client was told that somebody changed.
func (c *client) changes(u chat.UserID) int {
	synctest.Wait()
	_, changes := c.sight()
	return changes[string(u)]
}

// settle lasts until what was said was told.
func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// now is what the client knows of somebody.
func (c *client) now(u chat.UserID) protocol.Presence {
	seen, _ := c.sight()
	return seen[string(u)]
}
