package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"
	"golang.org/x/sync/errgroup"
)

// connection is one connected period. It ends as a whole.
type connection struct {
	shards
	bus     *Bus
	sockets *sockets
	client  rueidis.Client
	began   time.Time
	broken  chan error    // why it ends
	due     chan struct{} // a probe is to be sent
	alive   chan struct{} // a link has heard its first probe
	refused bool          // Redis would not publish something, and it was logged
}

// connect makes a connection, in force for every topic that is followed, and closes it again if that fails.
func (b *Bus) connect(ctx context.Context) (*connection, error) {
	c := &connection{
		bus: b, sockets: newSockets(), began: time.Now(),
		broken: make(chan error, 1), due: make(chan struct{}, 1), alive: make(chan struct{}, 1),
	}
	b.peers.reset()
	// The library takes no context for connecting; without sockets it gives up.
	stop := context.AfterFunc(ctx, c.sockets.close)
	defer stop()
	if err := c.open(ctx); err != nil {
		c.close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return c, nil
}

func (c *connection) open(ctx context.Context) error {
	o := c.bus.options
	c.sockets.attach(&o)
	var err error
	if c.client, err = rueidis.NewClient(o); err != nil {
		return err
	}
	if err := c.findShards(ctx); err != nil {
		return err
	}
	for _, l := range c.links {
		if err := l.open(ctx); err != nil {
			return err
		}
	}
	// The first probe dials, in a cluster, the sockets that publish; after it none is dialled any more.
	if err := c.probe(ctx); err != nil {
		return err
	}
	c.sockets.seal()
	return c.follow(ctx, c.bus.topics.connect())
}

// end ends the connection. The first reason counts.
func (c *connection) end(err error) {
	select {
	case c.broken <- err:
	default:
	}
}

// close returns when nothing of the connection calls the bus any more. It does not wait for Redis.
func (c *connection) close() {
	c.sockets.seal()
	c.sockets.close()
	c.bus.topics.disconnect()
	for _, l := range c.links {
		l.close()
	}
	if c.client != nil {
		c.client.Close()
	}
}

// run works until something breaks or ctx ends. In the latter case the sockets stay open, for what is still
// to be published.
func (c *connection) run(ctx context.Context) error {
	working, broken := errgroup.WithContext(ctx)
	working.Go(func() error { return c.publish(broken) })
	working.Go(func() error { return c.subscribe(broken) })
	working.Go(func() error { return c.watch(broken) })
	working.Go(func() error { return c.watchMemory(broken) })
	working.Go(func() error {
		var err error
		select {
		case err = <-c.broken:
		case <-broken.Done():
		}
		if ctx.Err() == nil {
			c.sockets.close() // nobody waits for an answer any longer
		}
		return err
	})
	return working.Wait()
}

// subscribe asks for what is followed and gives up what is not, as soon as Redis has answered for the last.
func (c *connection) subscribe(ctx context.Context) error {
	topics := c.bus.topics
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-topics.wake:
		}
		if err := c.unfollow(ctx, topics.giveUp()); err != nil {
			return err
		}
		if err := c.follow(ctx, topics.ask()); err != nil {
			return err
		}
	}
}

func (c *connection) follow(ctx context.Context, topics []string) error {
	groups, err := c.byLink(topics)
	if err != nil {
		return err
	}
	for l, group := range groups {
		if err := l.subscribe(ctx, group); err != nil {
			return err
		}
		for waiting, inForce := range c.bus.topics.confirm(group) {
			waiting.tellInForce(inForce)
		}
	}
	return nil
}

func (c *connection) unfollow(ctx context.Context, topics []string) error {
	groups, err := c.byLink(topics)
	if err != nil {
		return err
	}
	for l, group := range groups {
		if err := l.unsubscribe(ctx, group); err != nil {
			return err
		}
	}
	return nil
}
