package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

const (
	// publishTimeout bounds one burst; drainTimeout all that is left when the node stops.
	publishTimeout = time.Second
	drainTimeout   = time.Second
)

// publish sends what waits, a burst at a time, and the probes in between.
func (c *connection) publish(ctx context.Context) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-c.due:
			err = c.probe(ctx)
		case <-c.bus.outgoing.wake:
			err = c.send(ctx, c.bus.outgoing.burst())
		}
		if err != nil {
			return err
		}
	}
}

// send publishes a burst. What Redis did not confirm is lost, though some of it may have arrived; it is not
// sent again. The error ends the connection.
func (c *connection) send(ctx context.Context, burst []letter) error {
	commands := make([]rueidis.Completed, len(burst))
	for i, l := range burst {
		commands[i] = c.publishCommand(l)
	}
	var broken error
	for i, err := range c.do(ctx, commands) {
		if err == nil {
			c.bus.stats.published.Add(1)
			continue
		}
		c.bus.lose(burst[i])
		if refusal, ok := errors.AsType[*rueidis.RedisError](err); ok {
			c.refuse(refusal)
		} else {
			broken = err
		}
	}
	return broken
}

func (c *connection) publishCommand(l letter) rueidis.Completed {
	envelope := rueidis.BinaryString(l.envelope)
	if c.sharded() {
		return c.client.B().Spublish().Channel(l.topic).Message(envelope).Build()
	}
	return c.client.B().Publish().Channel(l.topic).Message(envelope).Build()
}

// do returns an error, or nil, for each command. A burst under way is finished even if ctx has ended.
func (c *connection) do(ctx context.Context, commands []rueidis.Completed) []error {
	if len(commands) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	errs := make([]error, len(commands))
	for i, result := range c.client.DoMulti(ctx, commands...) {
		errs[i] = result.Error()
	}
	return errs
}

// refuse logs, once a connection, that Redis answered with an error.
func (c *connection) refuse(err *rueidis.RedisError) {
	if !c.refused {
		c.refused = true
		c.bus.log.Warn("Redis refuses to publish", "event", "bus.refused", "error", err)
	}
}

// probe sends this node's probe to all its links.
func (c *connection) probe(ctx context.Context) error {
	envelope, err := c.bus.encodeProbe()
	if err != nil {
		return err
	}
	var commands []rueidis.Completed
	for _, l := range c.links {
		commands = append(commands, c.publishCommand(letter{l.probe, envelope}))
	}
	err = errors.Join(c.do(ctx, commands)...)
	c.bus.losses.told(err == nil)
	return err
}

// drain publishes what is left when the node stops.
func (c *connection) drain(rest []letter) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for len(rest) > 0 {
		n := min(maxBurst, len(rest))
		if ctx.Err() != nil || c.send(ctx, rest[:n]) != nil {
			c.bus.lose(rest[n:]...)
			return
		}
		rest = rest[n:]
	}
}
