package redis

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/breaker"
	"github.com/parley-chat/parley/internal/limit"
)

const (
	// limitTimeout is the most that a slow Redis delays what is limited.
	limitTimeout = 100 * time.Millisecond
	// maxLimitCalls bounds the calls under way. The library's queue holds 1,024, and whoever finds it full
	// waits without end.
	maxLimitCalls = 512
	// maxLimitKey is how long a key may be in bytes before it is hashed.
	maxLimitKey = 64
	// maxLimitWindow is the longest window that the script's numbers hold.
	maxLimitWindow = 100 * 24 * time.Hour
)

//go:embed limit.lua
var limitScript string

// errBusy says that too many calls are under way.
var errBusy = errors.New("too many limits are being asked for")

// Limiter counts uses for all nodes together, by the same arithmetic as in one process. Whenever Redis does
// not answer in time, the local limiter decides (C5.9).
type Limiter struct {
	bus     *Bus
	local   limit.Limiter
	script  *rueidis.Lua
	breaker *breaker.Breaker
	calls   chan struct{}
	wait    time.Duration

	shared, fallbacks atomic.Uint64
}

// NewLimiter counts over the bus's connection, and by local while there is none.
func NewLimiter(b *Bus, local limit.Limiter) *Limiter {
	return &Limiter{
		bus: b, local: local,
		script:  rueidis.NewLuaScript(limitScript),
		breaker: b.guard("redis_limits", limitTimeout),
		calls:   make(chan struct{}, maxLimitCalls),
		wait:    limitTimeout,
	}
}

// Take counts one use of the rule by key. A rule without a limit, or with more than one use a nanosecond,
// allows everything. It takes no longer than 100 ms, whatever Redis does.
func (l *Limiter) Take(ctx context.Context, rule limit.Rule, key string) limit.Result {
	if rule.Limit <= 0 || rule.Window < time.Duration(rule.Limit) {
		return limit.Result{Allowed: true, Limit: rule.Limit, Remaining: rule.Limit}
	}
	if client := l.bus.current(); client != nil && rule.Window <= maxLimitWindow {
		if result, err := l.ask(ctx, client, rule, key); err == nil {
			l.shared.Add(1)
			return result
		}
	}
	l.fallbacks.Add(1)
	return l.local.Take(ctx, rule, key)
}

// Stats says how many uses were counted in Redis and how many locally.
func (l *Limiter) Stats() (shared, local uint64) { return l.shared.Load(), l.fallbacks.Load() }

// ask counts in Redis.
func (l *Limiter) ask(ctx context.Context, client rueidis.Client, rule limit.Rule, key string) (limit.Result, error) {
	select {
	case l.calls <- struct{}{}:
		defer func() { <-l.calls }()
	default:
		return limit.Result{}, errBusy
	}
	entry, ok := l.breaker.Enter()
	if !ok {
		return limit.Result{}, breaker.ErrOpen
	}
	// A caller that has gone away is no failure of Redis.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.wait)
	defer cancel()
	interval := rule.Window / time.Duration(rule.Limit)
	tolerance := interval * time.Duration(rule.Limit)
	answer, err := l.script.Exec(ctx, client, []string{limitKey(rule, key)}, []string{
		strconv.FormatInt(int64(interval), 10), strconv.FormatInt(int64(tolerance), 10),
	}).AsIntSlice()
	if err == nil && len(answer) != 2 {
		err = errors.New("the script answered something else")
	}
	entry.End(unanswered(err))
	if err != nil {
		return limit.Result{}, err
	}
	return verdict(rule, answer[0] == 1, time.Duration(answer[1]), interval, tolerance), nil
}

// verdict says what an arrival time that far ahead means.
func verdict(rule limit.Rule, allowed bool, ahead, interval, tolerance time.Duration) limit.Result {
	r := limit.Result{Allowed: allowed, Limit: rule.Limit, ResetAfter: ahead, Remaining: int((tolerance - ahead) / interval)}
	if !allowed {
		r.RetryAfter = ahead + interval - tolerance
	}
	return r
}

// limitKey is where a use is counted. What a person typed, such as a user name, is kept when it is short and
// plain, so that an administrator can read it, and hashed otherwise.
func limitKey(rule limit.Rule, key string) string {
	if len(key) > maxLimitKey || strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		sum := sha256.Sum256([]byte(key))
		key = "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return "limit:" + rule.Name + ":" + key
}

// current is the client of the connection of now, or nil.
func (b *Bus) current() rueidis.Client {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.client
}
