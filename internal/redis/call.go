package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/breaker"
)

const (
	// maxCalls bounds the calls under way for one purpose; the limiter has its own (maxLimitCalls).
	maxCalls = 256
)

// caller runs scripts for one purpose, with a bound on how long and how many, and leaves a Redis alone that did not answer
// a moment ago.
type caller struct {
	bus     *Bus
	what    string // what is asked about, for errors
	wait    time.Duration
	breaker *breaker.Breaker
	calls   chan struct{}
}

func newCaller(b *Bus, part, what string, wait time.Duration) caller {
	return caller{bus: b, what: what, wait: wait, breaker: b.guard(part, wait), calls: make(chan struct{}, maxCalls)}
}

// call is one call of a method: one client, one deadline, one place among those under way.
type call struct {
	by      *caller
	ctx     context.Context
	client  rueidis.Client
	cluster bool
	entry   *breaker.Call
}

// begin waits for a place and never longer than the call may take. Whoever called may go away: what is under way is done
// all the same.
func (c *caller) begin(ctx context.Context) (*call, func(), error) {
	client := c.bus.current()
	if client == nil {
		return nil, nil, ErrAway
	}
	entry, ok := c.breaker.Enter()
	if !ok {
		return nil, nil, fmt.Errorf("%w: %w", ErrAway, breaker.ErrOpen)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.wait)
	select {
	case c.calls <- struct{}{}:
	case <-ctx.Done():
		cancel()
		err := fmt.Errorf("%w: too many calls are under way", ErrAway)
		entry.End(err)
		return nil, nil, err
	}
	return &call{c, ctx, client, client.Mode() == rueidis.ClientModeCluster, entry}, func() {
		<-c.calls
		cancel()
	}, nil
}

// run runs a script. Its error shows no text of people.
func (c *call) run(script *rueidis.Lua, keys, args []string) ([]rueidis.RedisMessage, error) {
	answer, err := script.Exec(c.ctx, c.client, keys, args).ToArray()
	return answer, c.judge(err)
}

// judge notes whether Redis answered. Only silence has it left alone: a refusal may concern a single key.
func (c *call) judge(err error) error {
	c.entry.End(unanswered(err))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrAway, c.by.what, err)
	}
	return nil
}
