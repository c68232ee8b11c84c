package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/realtime"
)

const (
	// probeEvery is how often a node sends itself a probe.
	probeEvery = 500 * time.Millisecond
	// deafAfter is how long a node may not hear itself.
	deafAfter = 1500 * time.Millisecond
)

var errDeaf = fmt.Errorf("the node has not heard its own probe for %s", deafAfter)

// watch has the probes sent, and notices when they do not come back, when this process stood still, and when
// another node falls silent.
func (c *connection) watch(ctx context.Context) error {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	last := c.began // so that a standstill while subscribing is noticed, too
	c.excuse(time.Now())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.alive:
			if c.hearsItself() {
				c.bus.setUp(true)
			}
			continue
		case <-tick.C:
		}
		now := time.Now()
		if stood := elapsed(last, now); stood > deafAfter {
			c.bus.log.Warn("this process stood still", "event", "bus.stood_still", "seconds", stood.Seconds())
			c.excuse(now)
			c.bus.tellAllLost()
		}
		last = now
		if c.deaf(now) {
			return errDeaf
		}
		if c.bus.peers.silent(now) {
			c.bus.tellAllLost()
		}
		rouse(c.due)
	}
}

// elapsed is the time between two ticks, including that in which the machine was asleep, which only the wall
// clock knows.
func elapsed(last, now time.Time) time.Duration {
	return max(now.Sub(last), now.Round(0).Sub(last.Round(0)))
}

// excuse starts all waiting anew: what was not heard until now was this node's own fault.
func (c *connection) excuse(now time.Time) {
	for _, l := range c.links {
		l.heard.Store(int64(now.Sub(c.began)))
	}
	c.bus.peers.excuse(now)
}

func (c *connection) hearsItself() bool {
	for _, l := range c.links {
		if !l.hearing.Load() {
			return false
		}
	}
	return true
}

func (c *connection) deaf(now time.Time) bool {
	for _, l := range c.links {
		if l.deaf(now) {
			c.bus.stats.deaf.Add(1)
			return true
		}
	}
	return false
}

// hearProbe takes this node's probe, or another's.
func (c *connection) hearProbe(l *link, p probe, channel string) {
	now := time.Now()
	switch {
	case p.ServerID == c.bus.cfg.NodeID && p.Payload.Instance == c.bus.instance:
		if channel == l.probe {
			l.hear(now)
		}
	case channel != realtime.SystemTopic:
		// Strangers' probes belong there.
	case p.ServerID == c.bus.cfg.NodeID:
		c.bus.meetTwin()
	default:
		if topics, lost := c.bus.peers.hear(p, now); lost && len(topics) > 0 {
			c.bus.tellLost(topics)
		} else if lost {
			c.bus.tellAllLost()
		}
	}
}

// meetTwin complains once about another process with this node's id: each takes the other's envelopes for
// its own.
func (b *Bus) meetTwin() {
	if !b.twin.Swap(true) {
		b.log.Error("another node has this one's id and neither hears the other: give each its own",
			"event", "bus.twin", "serverId", b.cfg.NodeID)
	}
}
