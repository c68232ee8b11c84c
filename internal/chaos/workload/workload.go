// Package workload has many clients chat with a Parley: groups and direct conversations of several sizes,
// over WebSocket and REST, through nginx and straight to the nodes, with retries that are doubled and late,
// edits, deletions, people who are taken in and out, visitors who come and go and hide, history read while it is written, connections that are
// dropped in the middle of anything, and readers that stop reading. Everything is recorded by
// internal/check. What everybody does is drawn from a seed; when it happens is up to the machine.
package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// Config says who chats where.
type Config struct {
	Recorder *check.Recorder
	Seed     uint64
	Clients  int     // people, 8 or more
	Rate     float64 // drafts a second, of all together
	// BaseURL is the deployment. Doors are addresses ("host:port") at which it is found: of nodes, and of a
	// proxy before them (Front, "" for none). Without any the URL's own host is dialed.
	BaseURL string
	Doors   []string
	Front   string
	// Gentle has no client drop its connection on purpose: then everything is to be answered.
	Gentle bool
	// SettledWithin is how long after everything is whole again everybody has to have everything; 0 for a
	// minute.
	SettledWithin time.Duration
	// Visitors are how many more people come and go, hide and show themselves and change who may know of it.
	Visitors int
	// Linger is how long everybody waits in the end, beyond what messages and receipts need: 30 s until who has left
	// must be offline to all.
	Linger time.Duration
}

// Workload is people and their conversations.
type Workload struct {
	cfg    Config
	prefix string // of user names: unique on the deployment

	people    []*person // one for each live connection; some belong to one user
	guests    []*visitor
	strangers []*person // who share nothing with anybody

	mu     sync.Mutex
	rooms  []*room
	waits  []Wait
	faults []string // what no client may meet with

	connected sync.WaitGroup
	living    context.Context // of the connections
	cancel    context.CancelFunc
}

// Begin registers everybody, opens the conversations and connects. Stop ends the connections.
func Begin(ctx context.Context, c Config) (*Workload, error) {
	if c.Clients < 8 {
		return nil, errors.New("a workload has 8 clients or more")
	}
	w := &Workload{cfg: c, prefix: fmt.Sprintf("c%x", rand.Uint64()&0xffffffffff)}
	if err := w.register(ctx); err != nil {
		return nil, err
	}
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	if err := w.visitors(ctx); err != nil {
		return nil, err
	}
	w.living, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, p := range w.people {
		w.connect(w.living, p)
	}
	for _, p := range w.strangers {
		w.watch(w.living, p)
	}
	return w, nil
}

// connect keeps a person's live connection until living ends.
func (w *Workload) connect(living context.Context, p *person) {
	for _, r := range w.roomsOf(p) {
		p.subscribe(r.id, 0)
	}
	w.connected.Go(func() {
		if err := p.Run(living); err != nil {
			w.fault("the connection of %s gave up: %v", p.name, err)
		}
	})
}

// register makes the accounts, a few at a time: each password costs the server a while of a core. Every
// fifth person has a second device.
func (w *Workload) register(ctx context.Context) error {
	ways := newWays(w.cfg)
	people := make([]*person, w.cfg.Clients)
	second := make([]*person, w.cfg.Clients)
	errs := make([]error, w.cfg.Clients)
	slots := make(chan struct{}, 4)
	var working sync.WaitGroup
	for i := range people {
		working.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if people[i], errs[i] = w.newPerson(ctx, i, 0, ways, nil); errs[i] == nil && i%5 == 0 {
				second[i], errs[i] = w.newPerson(ctx, i, 1, ways, people[i])
			}
		})
	}
	working.Wait()
	for _, err := range errs {
		if err != nil {
			// The others say the same.
			return fmt.Errorf("register: %w", err)
		}
	}
	w.people = people
	for _, p := range second {
		if p != nil {
			w.people = append(w.people, p)
		}
	}
	return nil
}

// Run has everybody chat until ctx ends, and returns when the last of them has finished what it did.
func (w *Workload) Run(ctx context.Context) {
	var chatting sync.WaitGroup
	for _, p := range w.people {
		chatting.Go(func() { p.chat(ctx) })
	}
	for _, v := range w.guests {
		chatting.Go(func() { v.comeAndGo(ctx) })
	}
	for i := range 1 + w.cfg.Clients/20 {
		chatting.Go(func() { w.readSlowly(ctx, i) })
	}
	chatting.Wait()
}

// Stop ends every connection.
func (w *Workload) Stop() {
	w.cancel()
	w.connected.Wait()
}

// Faults are what clients met with that no fault excuses, such as a connection that gave up for good.
func (w *Workload) Faults() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.faults
}

func (w *Workload) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// Conversations are ids in use, the busiest first.
func (w *Workload) Conversations() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, r := range w.rooms {
		if !r.ended {
			out = append(out, r.id)
		}
	}
	return out
}

// Guided are the clients that come in by the proxy in front alone, as people do. The others go to nodes
// themselves, which may be away. Without such a proxy all count.
func (w *Workload) Guided() map[string]bool {
	out := map[string]bool{}
	for _, p := range w.people {
		if len(p.way.doors) == 1 || w.cfg.Front == "" {
			out[p.Actor().Client] = true
		}
	}
	return out
}

// Nodes are the ids of the nodes to which people are connected now, and how many to each.
func (w *Workload) Nodes() map[string]int {
	out := map[string]int{}
	for _, p := range w.people {
		if node := p.Actor().Node; node != "" {
			out[node]++
		}
	}
	return out
}

// pause waits for d, or less if ctx ends, and reports whether it did not.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
