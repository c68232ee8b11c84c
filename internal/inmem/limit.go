package inmem

import (
	"context"
	"sync"
	"time"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"

	"github.com/parley-chat/parley/internal/limit"
)

// maxLimitKeys bounds how many users and addresses are remembered, about 100 bytes each. Beyond it the
// ones that were quiet the longest are forgotten, which gives them a fresh window.
const maxLimitKeys = 100_000

// Limiter counts uses in this process by the generic cell rate algorithm.
type Limiter struct {
	store throttled.GCRAStoreCtx
	rules sync.Map // limit.Rule → *throttled.GCRARateLimiterCtx
}

// NewLimiter makes a limiter that has counted nothing yet.
func NewLimiter() *Limiter {
	store, err := memstore.NewCtx(maxLimitKeys)
	if err != nil {
		panic(err) // only a size of 0 or less is refused
	}
	return &Limiter{store: steadyStore{store, time.Now()}}
}

// steadyStore tells the time since the start, which the system's clock cannot turn back: whoever used a limit
// before a clock stepped back an hour would else be refused for that hour.
type steadyStore struct {
	throttled.GCRAStoreCtx
	began time.Time
}

func (s steadyStore) GetWithTime(ctx context.Context, key string) (int64, time.Time, error) {
	value, _, err := s.GCRAStoreCtx.GetWithTime(ctx, key)
	return value, s.began.Add(time.Since(s.began)), err
}

// Take counts one use of the rule by key. A rule without a limit, or with more than one use a nanosecond,
// allows everything.
func (l *Limiter) Take(ctx context.Context, rule limit.Rule, key string) limit.Result {
	open := limit.Result{Allowed: true, Limit: rule.Limit, Remaining: rule.Limit}
	if rule.Limit <= 0 || rule.Window < time.Duration(rule.Limit) {
		return open
	}
	limited, r, err := l.of(rule).RateLimitCtx(ctx, rule.Name+":"+key, 1)
	if err != nil {
		return open
	}
	return limit.Result{
		Allowed: !limited, Limit: r.Limit, Remaining: r.Remaining,
		RetryAfter: max(r.RetryAfter, 0), ResetAfter: r.ResetAfter,
	}
}

func (l *Limiter) of(rule limit.Rule) *throttled.GCRARateLimiterCtx {
	if known, ok := l.rules.Load(rule); ok {
		return known.(*throttled.GCRARateLimiterCtx)
	}
	quota := throttled.RateQuota{MaxRate: throttled.PerDuration(rule.Limit, rule.Window), MaxBurst: rule.Limit - 1}
	gcra, err := throttled.NewGCRARateLimiterCtx(l.store, quota)
	if err != nil {
		panic(err) // Take has refused what it refuses
	}
	// Each failed attempt is somebody else's counted use, so giving up early would let a crowd through
	// uncounted.
	gcra.SetMaxCASAttemptsLimit(10_000)
	known, _ := l.rules.LoadOrStore(rule, gcra)
	return known.(*throttled.GCRARateLimiterCtx)
}
