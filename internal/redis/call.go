package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/redis/rueidis"
)

const (
	// callPause is how long Redis is left alone after it failed to answer.
	callPause = time.Second
	// maxCalls bounds the calls under way for one purpose; the limiter has its own (maxLimitCalls).
	maxCalls = 256
)

// caller runs scripts for one purpose, with a bound on how long and how many, and leaves a Redis alone that did not answer
// a moment ago.
type caller struct {
	bus   *Bus
	what  string // what is asked about, for errors
	wait  time.Duration
	pause circuitbreaker.CircuitBreaker[any]
	calls chan struct{}
}

func newCaller(b *Bus, what string, wait time.Duration) caller {
	return caller{
		bus: b, what: what, wait: wait,
		pause: circuitbreaker.NewBuilder[any]().WithFailureThreshold(1).WithDelay(callPause).Build(),
		calls: make(chan struct{}, maxCalls),
	}
}

// call is one call of a method: one client, one deadline, one place among those under way.
type call struct {
	by      *caller
	ctx     context.Context
	client  rueidis.Client
	cluster bool
}

// begin waits for a place and never longer than the call may take. Whoever called may go away: what is under way is done
// all the same.
func (c *caller) begin(ctx context.Context) (*call, func(), error) {
	client := c.bus.current()
	if client == nil {
		return nil, nil, ErrAway
	}
	if !c.pause.TryAcquirePermit() {
		return nil, nil, fmt.Errorf("%w: it did not answer a moment ago", ErrAway)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.wait)
	select {
	case c.calls <- struct{}{}:
	case <-ctx.Done():
		cancel()
		c.pause.RecordFailure()
		return nil, nil, fmt.Errorf("%w: too many calls are under way", ErrAway)
	}
	return &call{c, ctx, client, client.Mode() == rueidis.ClientModeCluster}, func() {
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
	if _, refused := errors.AsType[*rueidis.RedisError](err); err != nil && !refused {
		c.by.pause.RecordFailure()
	} else {
		c.by.pause.RecordSuccess()
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrAway, c.by.what, err)
	}
	return nil
}
