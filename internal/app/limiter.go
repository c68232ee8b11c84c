package app

import (
	"context"

	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/redis"
)

// limiter counts uses, for all nodes together where they have a Redis in common (C5.9).
func (n *Node) limiter() limit.Limiter {
	if !n.cfg.RateLimits {
		return limit.Unlimited{}
	}
	local := inmem.NewLimiter()
	if n.reach.redis == nil {
		return countedLimiter{local, n.limited}
	}
	n.reach.limiter = redis.NewLimiter(n.reach.redis, local)
	return countedLimiter{sharedLimiter{n.reach.limiter, local, n.cfg.Limits.Rules().FramesOnASocket.Name}, n.limited}
}

// countedLimiter tells what was refused, by the rule's name.
type countedLimiter struct {
	limit.Limiter
	refused func(rule string)
}

func (l countedLimiter) Take(ctx context.Context, rule limit.Rule, key string) limit.Result {
	r := l.Limiter.Take(ctx, rule, key)
	if !r.Allowed {
		l.refused(rule.Name)
	}
	return r
}

// sharedLimiter counts in Redis what has to be counted for all nodes. A socket is on one node alone, and its
// frames are too many to ask somebody else about each.
type sharedLimiter struct {
	limit.Limiter
	local  limit.Limiter
	frames string // the rule's name
}

func (l sharedLimiter) Take(ctx context.Context, rule limit.Rule, key string) limit.Result {
	if rule.Name == l.frames {
		return l.local.Take(ctx, rule, key)
	}
	return l.Limiter.Take(ctx, rule, key)
}
