package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/realtime"
)

// slots is how many hash slots a Redis cluster has.
const slots = 16384

// shards are the links, and which of them a topic comes in on.
type shards struct {
	links  []*link
	bySlot []int // nil for a single Redis; -1 where no server serves the slot
}

// sharded reports whether this is a cluster, where a channel lives on the server that has its slot. The
// cluster's own broadcast to all servers, which plain SUBSCRIBE would use, costs every server every message.
func (c *connection) sharded() bool { return c.client.Mode() == rueidis.ClientModeCluster }

// findShards makes the links. None is open yet.
func (c *connection) findShards(ctx context.Context) error {
	if !c.sharded() {
		c.addLink(realtime.SystemTopic)
		return nil
	}
	primaries, err := c.primaries(ctx)
	if err != nil {
		return err
	}
	system := c.slot(realtime.SystemTopic)
	for i := range primaries {
		serves := func(slot int) bool { return c.bySlot[slot] == i }
		if serves(system) {
			c.addLink(realtime.SystemTopic)
		} else {
			c.addLink(probeOf(c.bus.cfg.NodeID, func(channel string) bool { return serves(c.slot(channel)) }))
		}
	}
	if c.bySlot[system] < 0 {
		return fmt.Errorf("no server of the cluster serves %s", realtime.SystemTopic)
	}
	return nil
}

func (c *connection) addLink(probe string) {
	conn, _ := c.client.Dedicate()
	c.links = append(c.links, &link{c: c, conn: conn, probe: probe})
}

// primaries asks who serves which slots, and numbers the servers in the order of their first slot.
func (c *connection) primaries(ctx context.Context) (ids []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	ranges, err := c.client.Do(ctx, c.client.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return nil, err
	}
	c.bySlot = slices.Repeat([]int{-1}, slots)
	for _, r := range ranges {
		first, last, id, err := slotRange(r)
		if err != nil {
			return nil, err
		}
		number := slices.Index(ids, id)
		if number < 0 {
			number = len(ids)
			ids = append(ids, id)
		}
		for slot := first; slot <= last; slot++ {
			c.bySlot[slot] = number
		}
	}
	return ids, nil
}

// slotRange reads one entry of CLUSTER SLOTS: first, last, [address, port, id, …] of the primary, replicas.
func slotRange(r rueidis.RedisMessage) (first, last int64, id string, err error) {
	entry, err := r.ToArray()
	if err != nil || len(entry) < 3 {
		return 0, 0, "", errors.Join(errors.New("CLUSTER SLOTS cannot be read"), err)
	}
	first, err1 := entry[0].AsInt64()
	last, err2 := entry[1].AsInt64()
	primary, err3 := entry[2].ToArray()
	if err := errors.Join(err1, err2, err3); err != nil || len(primary) < 3 || first < 0 || last >= slots {
		return 0, 0, "", errors.Join(errors.New("CLUSTER SLOTS cannot be read"), err)
	}
	id, err = primary[2].ToString()
	return first, last, id, err
}

func (c *connection) slot(channel string) int {
	command := c.client.B().Ssubscribe().Channel(channel).Build()
	return int(command.Slot())
}

// linkOf is where a topic comes in.
func (c *connection) linkOf(topic string) (*link, error) {
	if c.bySlot == nil {
		return c.links[0], nil
	}
	if number := c.bySlot[c.slot(topic)]; number >= 0 {
		return c.links[number], nil
	}
	return nil, fmt.Errorf("no server of the cluster serves %s", topic)
}

// byLink groups topics by where they come in.
func (c *connection) byLink(topics []string) (map[*link][]string, error) {
	groups := make(map[*link][]string)
	for _, topic := range topics {
		l, err := c.linkOf(topic)
		if err != nil {
			return nil, err
		}
		groups[l] = append(groups[l], topic)
	}
	return groups, nil
}
