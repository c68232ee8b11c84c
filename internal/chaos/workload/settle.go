package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// settledWithin is how long after everything is whole again everybody has to have everything, unless the
// configuration says otherwise.
const settledWithin = time.Minute

func (c Config) settledWithin() time.Duration {
	if c.SettledWithin > 0 {
		return c.SettledWithin
	}
	return settledWithin
}

// Settle sends one more message to each conversation and returns when everybody has everything, and knows who has read
// what. What somebody still lacks after that is noted as a fault.
func (w *Workload) Settle(ctx context.Context) {
	w.settleMessages(ctx)
	// What is read ahead of the store is written every 10 seconds, and what was told of readers is compared as often (C6.3).
	pause(ctx, readWithin+w.cfg.Linger)
}

// readWithin is how long after everybody has everything who has read what is told and written everywhere.
const readWithin = 13 * time.Second

func (w *Workload) settleMessages(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.settledWithin())
	defer cancel()
	var working sync.WaitGroup
	for _, p := range w.people[:w.cfg.Clients] {
		working.Go(func() {
			for _, r := range w.roomsOf(p) {
				if r.owner == p {
					p.deliver(ctx, r, p.draft(r), false)
				}
			}
		})
	}
	working.Wait()
	for _, p := range w.people {
		working.Go(func() {
			if lacks := p.settle(ctx); lacks != "" {
				w.fault("%s still lacked something after everything was whole for %v: %s", p.Actor().Client, w.cfg.settledWithin(), lacks)
			}
		})
	}
	working.Wait()
}

// settle returns when a person's live connection has delivered all that the list knows of, or says what it
// lacked when ctx ended.
func (p *person) settle(ctx context.Context) (lacks string) {
	for {
		if lacks = p.lacks(ctx); lacks == "" || !pause(ctx, 100*time.Millisecond) {
			return lacks
		}
	}
}

func (p *person) lacks(ctx context.Context) string {
	p.mu.Lock()
	online := p.online
	p.mu.Unlock()
	if !online {
		return "a connection"
	}
	list, err := p.List(ctx)
	if err != nil {
		return fmt.Sprintf("its list: %v", err)
	}
	p.followAll(list)
	for _, c := range list {
		rev := int64(0)
		p.note(func() { rev = p.revs[c.ID] })
		if rev < c.LastRev {
			return fmt.Sprintf("rev %d of conversation %s, which stands at rev %d", rev+1, c.ID, c.LastRev)
		}
	}
	return ""
}

// ReadAll reads what is final: everybody's list, every conversation from both ends by two of its people,
// and all that a few people may see by a client that has just come.
func (w *Workload) ReadAll(ctx context.Context) error {
	slots := make(chan struct{}, 8)
	var reading sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	try := func(read func() error) {
		reading.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := read(); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	readers := map[string]int{}
	for _, p := range w.people {
		list, err := p.List(ctx)
		if err != nil {
			return fmt.Errorf("the final list of %s: %w", p.Actor().Client, err)
		}
		for _, c := range list {
			if n := readers[c.ID]; n < 2 {
				readers[c.ID]++
				try(func() error { return p.readWhole(ctx, c.ID, n == 0) })
			}
		}
	}
	reading.Wait()
	for i := range min(3, len(w.people)) {
		try(func() error { return w.readFresh(ctx, i) })
	}
	reading.Wait()
	return errors.Join(errs...)
}

func (p *person) readWhole(ctx context.Context, conversation string, newer bool) error {
	messages, err := p.Traverse(ctx, conversation, newer, 100)
	if err != nil {
		return fmt.Errorf("the final history of conversation %s: %w", conversation, err)
	}
	if !newer {
		slices.Reverse(messages)
	}
	for _, m := range messages[max(0, len(messages)-3):] {
		if err := p.Readers(ctx, conversation, m.ID, 7); err != nil {
			return fmt.Errorf("the final readers of message %s: %w", m.ID, err)
		}
	}
	return nil
}

// readFresh follows everything from the beginning by a new client of a user.
func (w *Workload) readFresh(ctx context.Context, i int) error {
	old := w.people[i]
	ctx, cancel := context.WithTimeout(ctx, w.cfg.settledWithin())
	defer cancel()
	p, err := w.newPerson(ctx, i, 9, newWays(w.cfg), old)
	if err != nil {
		return fmt.Errorf("a new client: %w", err)
	}
	living, leave := context.WithCancel(ctx)
	var connected sync.WaitGroup
	connected.Go(func() { _ = p.Run(living) })
	lacks := p.settle(ctx)
	leave()
	connected.Wait()
	if lacks != "" {
		w.fault("a new client of %s still lacked something after %v: %s", old.Actor().Client, w.cfg.settledWithin(), lacks)
	}
	return nil
}
