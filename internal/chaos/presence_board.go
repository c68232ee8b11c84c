package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
)

// board is what watchers were told.
type board struct {
	mu      sync.Mutex
	now     map[watched]string // the status told last
	changes []toldChange       // by presence:changed, in order
	changed chan struct{}      // closed and replaced with every word
}

// watched is a guest in the eyes of one watcher.
type watched struct {
	watcher int
	user    string
}

type toldChange struct {
	watched
	at     time.Duration
	status string
}

func newBoard() *board { return &board{now: map[watched]string{}, changed: make(chan struct{})} }

// told takes in an event of a watcher's connection.
func (b *board) told(at time.Duration, watcher int, e client.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case client.PresenceState:
		for _, p := range e.Presences {
			b.now[watched{watcher, p.UserID}] = p.Status
		}
	case client.PresenceChanged:
		w := watched{watcher, e.Presence.UserID}
		b.now[w] = e.Presence.Status
		b.changes = append(b.changes, toldChange{w, at, e.Presence.Status})
	default:
		return
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// await returns when all watchers were told last that all of the guests are there, or that none is.
func (b *board) await(ctx context.Context, watchers int, some []*guest, there bool) error {
	deadline := time.NewTimer(readersPatience)
	defer deadline.Stop()
	for {
		b.mu.Lock()
		lacking := 0
		for w := range watchers {
			for _, g := range some {
				status := b.now[watched{w, g.id}]
				if is := status != "" && status != client.StatusOffline; is != there {
					lacking++
				}
			}
		}
		changed := b.changed
		b.mu.Unlock()
		if lacking == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-deadline.C:
			return fmt.Errorf("%w: after %v %d of %d words are missing", errLate, readersPatience, lacking, watchers*len(some))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// since are the changes that were told from a moment on, by whom and of whom.
func (b *board) since(moment time.Duration) map[watched][]toldChange {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[watched][]toldChange{}
	for _, c := range b.changes {
		if c.at >= moment {
			out[c.watched] = append(out[c.watched], c)
		}
	}
	return out
}
