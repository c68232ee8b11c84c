package workload

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/parley-chat/parley/client"
)

// room is a conversation, and who is in it as far as the workload knows: after an answer that was lost it
// may be wrong, and then somebody is refused, which is recorded like everything else.
type room struct {
	id    string
	kind  kind
	owner *person // of a group
	size  int

	// Under the workload's lock.
	in    map[string]bool // user ids
	ended bool
}

// kind is what happens in a conversation besides messages.
type kind string

const (
	hot    kind = "hot"    // much of what is sent goes here
	big    kind = "big"    // everybody is in it
	steady kind = "steady" // its people stay
	direct kind = "direct"
	moving kind = "moving" // people are added, removed, leave and come back; titles and roles change
	brief  kind = "brief"  // opened during the run, and ended
)

// open makes the conversations: the hot one, the big one, groups whose people stay or move, and direct
// ones.
func (w *Workload) open(ctx context.Context) error {
	random := rand.New(rand.NewPCG(w.cfg.Seed, 0x700))
	first := w.people[:w.cfg.Clients]
	hotSize := min(12, len(first))
	kinds := []struct {
		kind kind
		size int
	}{{hot, hotSize}, {big, len(first)}}
	for i := range max(2, w.cfg.Clients/8) {
		kinds = append(kinds, struct {
			kind kind
			size int
		}{[]kind{steady, moving}[i%2], 3 + random.IntN(min(8, len(first)-3))})
	}
	for range max(3, w.cfg.Clients/5) {
		kinds = append(kinds, struct {
			kind kind
			size int
		}{direct, 2})
	}
	for i, k := range kinds {
		people := make([]*person, 0, k.size)
		for _, at := range random.Perm(len(first))[:k.size] {
			people = append(people, first[at])
		}
		if _, err := w.openRoom(ctx, k.kind, fmt.Sprintf("%s %d", k.kind, i), people); err != nil {
			return fmt.Errorf("open a conversation: %w", err)
		}
	}
	return nil
}

// openRoom has the first of the people open a conversation with the others.
func (w *Workload) openRoom(ctx context.Context, k kind, title string, people []*person) (*room, error) {
	n := client.NewConversation{Type: "group", Title: title}
	if k == direct {
		n = client.NewConversation{Type: "direct"}
	}
	for _, p := range people[1:] {
		n.ParticipantIDs = append(n.ParticipantIDs, p.user.ID)
	}
	c, err := people[0].Create(ctx, n)
	if err != nil {
		return nil, err
	}
	r := &room{id: c.ID, kind: k, owner: people[0], size: len(people), in: map[string]bool{}}
	for _, p := range people {
		r.in[p.user.ID] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, known := range w.rooms {
		if known.id == r.id {
			return known, nil // two people have one direct conversation
		}
	}
	w.rooms = append(w.rooms, r)
	return r, nil
}

// roomsOf are the conversations that a person is in.
func (w *Workload) roomsOf(p *person) []*room {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*room
	for _, r := range w.rooms {
		if r.in[p.user.ID] && !r.ended {
			out = append(out, r)
		}
	}
	return out
}

// move notes that somebody is in a conversation now, or is not.
func (w *Workload) move(r *room, user string, in bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if in {
		r.in[user] = true
	} else {
		delete(r.in, user)
	}
}

func (w *Workload) end(r *room) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.ended = true
}

// members are the users in a conversation, or, with outside, those who are not.
func (w *Workload) members(r *room, outside bool) []*person {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*person
	for _, p := range w.people[:w.cfg.Clients] {
		if r.in[p.user.ID] != outside && p != r.owner {
			out = append(out, p)
		}
	}
	return out
}

// roomsLed are the conversations of a kind that a person owns.
func (w *Workload) roomsLed(p *person, k kind) []*room {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*room
	for _, r := range w.rooms {
		if r.kind == k && r.owner.user.ID == p.user.ID && !r.ended {
			out = append(out, r)
		}
	}
	return out
}

// anyRoom is one of the conversations of a kind.
func (w *Workload) anyRoom(k kind, dice int) (*room, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*room
	for _, r := range w.rooms {
		if r.kind == k && !r.ended {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return nil, false
	}
	return all[dice%len(all)], true
}

func (w *Workload) isIn(r *room, p *person) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return r.in[p.user.ID]
}
