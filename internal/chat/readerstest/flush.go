package readerstest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// dyingFlushers has several flushers at work of which each dies now and then: after it claimed, after it wrote, and
// after it settled without hearing so.
func dyingFlushers(t *testing.T, w World) {
	const people, seqs, flushers = 40, 10, 4
	r := open(t, w)
	r.seed(nil)
	var mu sync.Mutex
	written := make(map[string]int)
	var all sync.WaitGroup
	reading := make(chan struct{})
	for f := range flushers {
		all.Go(func() {
			node := r.nodes[f%len(r.nodes)]
			for round := 0; ; round++ {
				lease := time.Hour
				dies := (round + f) % 4
				if dies < 2 {
					lease = 0 // nobody waits an hour for the dead
				}
				c, err := node.Claim(context.Background(), 7, lease)
				if err != nil {
					t.Error(err)
					return
				}
				if len(c.Steps) == 0 {
					select {
					case <-reading:
						return
					default:
						continue
					}
				}
				if dies == 0 {
					continue
				}
				mu.Lock()
				for _, s := range c.Steps {
					written[fmt.Sprint(s.User, " ", s.Seq)]++
				}
				mu.Unlock()
				if dies == 1 {
					continue
				}
				for range dies - 1 {
					if err := node.Settle(context.Background(), c.ID, nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for seq := range int64(seqs) {
		var steps []chat.Step
		for i := range people {
			steps = append(steps, step(chat.UserID(fmt.Sprint("reader ", i)), seq+1))
		}
		r.ok(r.node().Advance(t.Context(), r.id, steps, chat.ByReading))
	}
	close(reading)
	all.Wait()
	for c := r.claim(100, time.Hour); len(c.Steps) > 0; c = r.claim(100, time.Hour) {
		for _, s := range c.Steps {
			written[fmt.Sprint(s.User, " ", s.Seq)]++
		}
		r.settle(c.ID)
	}
	if len(written) != people*seqs {
		t.Errorf("%d steps were written, want %d", len(written), people*seqs)
	}
	r.expectWaiting(0)
}
