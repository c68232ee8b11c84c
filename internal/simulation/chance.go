package simulation

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// chance makes every decision of a run. A decision hangs on the seed, on the name of what is decided and on
// how often that was asked before, and on nothing else: so goroutines that change places do not change each
// other's luck.
type chance struct {
	seed uint64
	mu   sync.Mutex
	asks map[string]uint64
}

func newChance(seed uint64) *chance { return &chance{seed: seed, asks: make(map[string]uint64)} }

// of draws the next lot of a name.
func (c *chance) of(name string) lot {
	c.mu.Lock()
	n := c.asks[name]
	c.asks[name]++
	c.mu.Unlock()
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return lot{rand.New(rand.NewPCG(c.seed, h.Sum64()+n*0x9e3779b97f4a7c15))}
}

// lot is one draw, of which several things may be asked.
type lot struct{ *rand.Rand }

// is reports true with probability p.
func (l lot) is(p float64) bool { return l.Float64() < p }

// between draws a time from low up to high.
func (l lot) between(low, high time.Duration) time.Duration {
	return low + time.Duration(l.Int64N(int64(high-low)+1))
}

// pick draws one of several; the list must not be empty.
func pick[T any](l lot, of []T) T { return of[l.IntN(len(of))] }
