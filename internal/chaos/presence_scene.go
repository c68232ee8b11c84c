package chaos

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/check"
)

// What is promised of each kind of departure (C7.1, C7.3): a lease of 30 s from the last sign of life, and what it takes to be
// noticed and told.
const (
	goneWithin    = 35 * time.Second
	killedWithin  = 40 * time.Second
	leftWithin    = 2 * time.Second
	rebuiltWithin = 40 * time.Second
	// betweenPings is over how long those come whose node breaks: their last signs of life are spread over it then (C4.4).
	betweenPings = 15 * time.Second
	// silent is how long people are there who close: their last frame is so old then, and the close itself is a sign of life.
	silent = 12 * time.Second
	// briefly is how long people may be gone after a close and nothing is told, and elsewhere how long after their node has ended,
	// whose last word of them may be half a lease old; less what the way takes.
	briefly   = 28 * time.Second
	elsewhere = 13 * time.Second
	// settles is how long after everybody was told it is seen that nothing more comes.
	settles = 5 * time.Second
)

// networkLost is the fault of some people alone: everybody else hears and is heard.
const networkLost = "network-lost"

// scene is one way, or some ways at once, in which people depart or do not.
type scene struct {
	name   string
	guests int // who take part
	play   func(ctx context.Context) error
}

func (s *scene) chosen(only []string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(part string) bool { return strings.Contains(s.name, part) })
}

// scenes are all of them. What breaks nothing is played together.
func (r *presence) scenes() []scene {
	n := r.People
	return []scene{
		{"departures", 6 * n, r.departures},
		{"node killed", r.Crowd, r.nodeKilled},
		{"node frozen", 2 * n, r.nodeFrozen},
		{"Redis flushed", 2 * n, r.redisFlushed},
		{"Redis restarted empty", n, r.redisRestarted},
		{"keyspace notifications", n, r.notified},
	}
}

// quiet waits until what is left of a scene would have been told.
func quiet(ctx context.Context, d time.Duration) error {
	pause(ctx, d)
	return ctx.Err()
}

// departures has people leave by closing, by a logout and by losing the network, and others leave for a moment.
func (r *presence) departures(ctx context.Context) error {
	n, c := r.People, r.crowd
	closing, leaving, losing := r.take(n), r.take(n), r.take(n)
	brief := map[time.Duration][]*guest{5 * time.Second: r.take(n), 15 * time.Second: r.take(n), 25 * time.Second: r.take(n)}
	network, err := proxy.Listen(r.cluster.Nodes[0].Address())
	if err != nil {
		return err
	}
	defer network.Close()
	if err := c.come(ctx, losing, network.Address()); err != nil {
		return err
	}
	for _, some := range [][]*guest{closing, leaving, brief[5*time.Second], brief[15*time.Second], brief[25*time.Second]} {
		if err := c.come(ctx, some, r.doors()...); err != nil {
			return err
		}
	}
	if err := quiet(ctx, silent); err != nil {
		return err
	}
	began := r.recorder.Now()
	over := r.recorder.Fault(networkLost, r.cluster.Nodes[0].Name, "of some of its people packets are dropped for good")
	network.Set(proxy.Weather{HoldUp: true, HoldDown: true})
	for _, g := range losing {
		// The client notices only after 45 s.
		g.Observe(check.Observation{Event: check.Offline, Code: client.CodeNetwork})
		g.left = r.recorder.Now()
	}
	c.depart(closing)
	if err := c.logOut(ctx, leaving); err != nil {
		return err
	}
	var back sync.WaitGroup
	for after, some := range brief {
		c.depart(some)
		back.Go(func() {
			pause(ctx, after)
			for i, g := range some {
				g.door.Store(&r.doors()[i%len(r.doors())])
				c.connect(g, nil)
			}
		})
	}
	back.Wait()
	err = c.board.await(ctx, len(c.watchers), slices.Concat(closing, leaving, losing), false)
	for _, g := range losing {
		g.leave()
	}
	over()
	if err := quiet(ctx, settles); err != nil {
		return err
	}
	r.departed("clean close → offline", closing, began, goneWithin)
	r.departed("logout → offline", leaving, began, leftWithin)
	r.departed("lost network (packets dropped) → offline", losing, began, goneWithin)
	for _, after := range []time.Duration{5 * time.Second, 15 * time.Second, 25 * time.Second} {
		r.undisturbed("off and on again after "+after.String(), brief[after], began, briefly)
		c.depart(brief[after])
	}
	return err
}

// nodeKilled kills the last node with a crowd on it. Half of them come back elsewhere.
func (r *presence) nodeKilled(ctx context.Context) error {
	node := r.cluster.Nodes[len(r.cluster.Nodes)-1]
	all := r.take(r.Crowd)
	gone, back := all[:len(all)/2], all[len(all)/2:]
	if err := r.crowd.comeOver(ctx, betweenPings, all, node.Address()); err != nil {
		return err
	}
	began := r.recorder.Now()
	over := r.recorder.Fault("kill", node.Name, "")
	others := r.doors()[:len(r.cluster.Nodes)-1]
	for i, g := range back {
		g.door.Store(&others[i%len(others)])
	}
	node.Kill()
	killed := r.recorder.Now()
	r.crowd.depart(gone)
	for _, g := range all {
		g.left = killed
	}
	err := r.crowd.board.await(ctx, len(r.crowd.watchers), gone, false)
	if err := quiet(ctx, settles); err != nil {
		return err
	}
	r.departed("node killed → offline", gone, began, killedWithin)
	r.undisturbed("node killed, who reconnected elsewhere", back, began, elsewhere)
	if startErr := node.Start(ctx); startErr != nil {
		return startErr
	}
	over()
	r.crowd.depart(back)
	return err
}

// nodeFrozen stops the last node in its tracks, and lets it go on when all are offline. Half of its people go elsewhere.
func (r *presence) nodeFrozen(ctx context.Context) error {
	node := r.cluster.Nodes[len(r.cluster.Nodes)-1]
	all := r.take(2 * r.People)
	gone, back := all[:r.People], all[r.People:]
	if err := r.crowd.comeOver(ctx, betweenPings, all, node.Address()); err != nil {
		return err
	}
	began := r.recorder.Now()
	over := r.recorder.Fault("freeze", node.Name, "")
	node.Freeze()
	frozen := r.recorder.Now()
	// The node sees only later that they have closed, and must not take them for having been there until then.
	r.crowd.depart(gone)
	for _, g := range all {
		g.left = frozen
	}
	others := r.doors()[:len(r.cluster.Nodes)-1]
	for i, g := range back {
		g.leave()
		<-g.ended
		g.door.Store(&others[i%len(others)])
		r.crowd.connect(g, nil)
	}
	err := r.crowd.board.await(ctx, len(r.crowd.watchers), gone, false)
	node.Thaw()
	over()
	if err := quiet(ctx, settles); err != nil {
		return err
	}
	r.departed("node frozen → offline", gone, began, goneWithin)
	r.undisturbed("node frozen, who reconnected elsewhere", back, began, elsewhere)
	r.crowd.depart(back)
	return err
}

// redisFlushed empties Redis while people are there, and others have just left.
func (r *presence) redisFlushed(ctx context.Context) error {
	gone, stay := r.take(r.People), r.take(r.People)
	for _, some := range [][]*guest{gone, stay} {
		if err := r.crowd.come(ctx, some, r.doors()...); err != nil {
			return err
		}
	}
	began := r.recorder.Now()
	r.crowd.depart(gone)
	if err := quiet(ctx, settles); err != nil {
		return err
	}
	over := r.recorder.Fault("redis-flush", "Redis", "")
	_, err := r.cluster.Redis.Do("FLUSHALL")
	over()
	flushed := r.recorder.Now()
	if err != nil {
		return err
	}
	for _, g := range gone {
		g.left = flushed
	}
	err = r.crowd.board.await(ctx, len(r.crowd.watchers), gone, false)
	if err := quiet(ctx, settles+flushed+rebuiltWithin-r.recorder.Now()); err != nil {
		return err
	}
	r.departed("Redis flushed → offline who had just left", gone, began, rebuiltWithin)
	r.undisturbed("Redis flushed, who is there", stay, began, elsewhere)
	r.crowd.depart(stay)
	return err
}

// redisRestarted has Redis come back empty.
func (r *presence) redisRestarted(ctx context.Context) error {
	stay := r.take(r.People)
	if err := r.crowd.come(ctx, stay, r.doors()...); err != nil {
		return err
	}
	began := r.recorder.Now()
	over := r.recorder.Fault("redis-restart", "Redis", "")
	r.cluster.Redis.Stop()
	err := r.cluster.Redis.Restart()
	over()
	if err != nil {
		return err
	}
	if err := quiet(ctx, rebuiltWithin); err != nil {
		return err
	}
	r.undisturbed("Redis restarted empty, who is there", stay, began, elsewhere)
	r.crowd.depart(stay)
	return nil
}

// notified has people leave while Redis notifies of keys that expire, which it usually does not.
func (r *presence) notified(ctx context.Context) error {
	some := r.take(r.People)
	if _, err := r.cluster.Redis.Do("CONFIG", "SET", "notify-keyspace-events", "Ex"); err != nil {
		return err
	}
	if err := r.crowd.come(ctx, some, r.doors()...); err != nil {
		return err
	}
	began := r.recorder.Now()
	r.crowd.depart(some)
	err := r.crowd.board.await(ctx, len(r.crowd.watchers), some, false)
	if err := quiet(ctx, settles); err != nil {
		return err
	}
	r.departed("clean close, keyspace notifications on → offline", some, began, goneWithin)
	_, offErr := r.cluster.Redis.Do("CONFIG", "SET", "notify-keyspace-events", "")
	if err == nil {
		err = offErr
	}
	return err
}
