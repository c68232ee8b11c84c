package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/check"
	"github.com/parley-chat/parley/internal/store"
)

// world is one run.
type world struct {
	ctx      context.Context
	chance   *chance
	journal  *journal
	recorder *check.Recorder
	store    *store.Store
	network  *network
	shared   *knowledge
	nodes    []*node
	people   []*person
	devices  []*device
	byLogin  map[string]*person
	errands  errands // what is under way beside the devices and the nodes

	fixed *weather // what a run is played in whatever its seed says; nil leaves it to the seed

	mu         sync.Mutex
	air        weather
	locked     map[chat.ConversationID]time.Time
	out        map[string]bool // logins that have ended
	violations []Violation
}

// person is somebody who chats.
type person struct {
	id   chat.UserID
	name string
}

// Violation is a promise that was not kept.
type Violation struct {
	Rule string // "I4" of internal/check, or the C-number of what is measured here
	What string
}

func (v Violation) String() string { return v.Rule + ": " + v.What }

// violate notes a broken promise.
func (w *world) violate(rule, who, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.journal.add(who, "VIOLATION of %s: %s", rule, text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.violations = append(w.violations, Violation{rule, who + ": " + text})
}

func (w *world) weather() weather {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.air
}

func (w *world) setWeather(air weather) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.air = air
}

// lock keeps a conversation's row for a while.
func (w *world) lock(c chat.ConversationID, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.locked[c] = time.Now().Add(d)
}

func (w *world) lockedUntil(cs []chat.ConversationID) (until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range cs {
		if t := w.locked[c]; t.After(until) {
			until = t
		}
	}
	return until
}

// isIn reports whether somebody is in a conversation, as it is stored.
func (w *world) isIn(c string, p *person) bool {
	roster, err := w.store.Roster(w.ctx, chat.ConversationID(c))
	_, in := roster.Roles[p.id]
	return err == nil && in
}

func (w *world) signOut(login string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out[login] = true
}

func (w *world) signedOut(login string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out[login]
}

// someProcess is where the load balancer sends a client: any process that takes connections, or nil. It does
// not know that one is held.
func (w *world) someProcess(luck lot) *process {
	var up []*process
	for _, n := range w.nodes {
		if p := n.process(); p != nil && !p.leaving.Load() {
			up = append(up, p)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return pick(luck, up)
}

// stands reports whether a conversation's rev has not been overtaken by a newer change of the same message or of the
// conversation itself: a difference of states leaves out those that have (C3.3).
func (w *world) stands(c string, rev int64) bool {
	changes, err := w.store.Changes(w.ctx, chat.ConversationID(c), rev-1, 1)
	return err == nil && len(changes.Changes) > 0 && changes.Changes[0].Rev == rev
}

// newID makes a UUIDv7 out of the fake time and the chance of whoever asks.
func (w *world) newID(who string) string {
	luck := w.chance.of("id of " + who)
	var u uuid.UUID
	ms := uint64(time.Now().UnixMilli())
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	for i := 6; i < 16; i++ {
		u[i] = byte(luck.Uint32())
	}
	u[6], u[8] = u[6]&0x0f|0x70, u[8]&0x3f|0x80
	return u.String()
}

// inOrder are the keys of views in an order that does not change from run to run.
func (w *world) inOrder(views map[string]*view) []string { return slices.Sorted(maps.Keys(views)) }
