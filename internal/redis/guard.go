package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/breaker"
)

// callRest is how long Redis is left alone after it failed to answer.
const callRest = time.Second

// guard is a breaker before what is asked of Redis for one purpose. What one purpose takes for silence, another has the
// patience for.
type guard struct {
	*breaker.Breaker
	wait time.Duration // how long an answer may take
}

// guard makes one, which follows the bus: while it is down nobody asks, and it is up as soon as it hears itself.
func (b *Bus) guard(part string, wait time.Duration) *breaker.Breaker {
	g := guard{breaker.New(breaker.Config{Part: part, Rest: callRest}), wait}
	b.mu.Lock()
	b.guards = append(b.guards, g)
	b.mu.Unlock()
	rouse(b.guarded)
	b.OnChange(func(up bool) {
		if up {
			g.Close()
		} else {
			g.Open(ErrAway)
		}
	})
	return g.Breaker
}

// Breakers are those before the limits, the read positions and presence, as far as they are used.
func (b *Bus) Breakers() []*breaker.Breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*breaker.Breaker, len(b.guards))
	for i, g := range b.guards {
		out[i] = g.Breaker
	}
	return out
}

// watch asks Redis whether it answers again, for each purpose for which it did not, until ctx ends.
func (b *Bus) watch(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	for n := 0; ; {
		b.mu.Lock()
		more := b.guards[n:]
		b.mu.Unlock()
		for _, g := range more {
			watching.Go(func() { g.Watch(ctx, breaker.Watch{Within: g.wait, Probe: b.ping}) })
		}
		n += len(more)
		select {
		case <-b.guarded:
		case <-ctx.Done():
			return
		}
	}
}

// ping asks for an answer over the connection that calls use.
func (b *Bus) ping(ctx context.Context) error {
	client := b.current()
	if client == nil {
		return ErrAway
	}
	return unanswered(client.Do(ctx, client.B().Ping().Build()).Error())
}

// unanswered is err unless Redis itself said it: a refusal may concern a single key.
func unanswered(err error) error {
	if _, refused := errors.AsType[*rueidis.RedisError](err); refused {
		return nil
	}
	return err
}
