package redis_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/realtime/bustest"
	"github.com/parley-chat/parley/internal/redistest"
)

// many are topics that live on all servers of a cluster.
func many(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("chat:conversation:", i))
	}
	return names
}

func TestTheBusThroughAClusterKeepsTheContract(t *testing.T) {
	cluster := redistest.StartCluster(t)
	var id atomic.Int64
	bustest.Run(t, func(t *testing.T) realtime.Bus {
		return join(t, cluster.URL(), fmt.Sprint("node-", id.Add(1))).Bus
	})
}

func TestInAClusterEachTopicLivesOnItsServer(t *testing.T) {
	cluster := redistest.StartCluster(t)
	a, b := join(t, cluster.Nodes[1].URL(), "a"), join(t, cluster.URL(), "b")
	topics := many(300)
	e := listen(t, b, topics...).inForce(topics...)
	for _, topic := range topics {
		a.Publish(topic, []byte("x"))
	}
	e.await("every topic", func() bool { return len(e.heard) == len(topics) })
	for i, server := range cluster.Nodes {
		if plain := do(t, server, "PUBSUB", "CHANNELS"); plain != "" {
			t.Errorf("server %d broadcasts %q to the whole cluster", i, plain)
		}
		sharded := strings.Fields(do(t, server, "PUBSUB", "SHARDCHANNELS", "chat:conversation:*"))
		if len(sharded) < 50 || len(sharded) > 150 {
			t.Errorf("server %d has %d of %d topics", i, len(sharded), len(topics))
		}
	}
}

func TestAServerOfTheClusterThatDiesIsToldAsALoss(t *testing.T) {
	cluster := redistest.StartCluster(t)
	a, b := join(t, cluster.URL(), "a"), join(t, cluster.URL(), "b")
	topics := many(30)
	e := listen(t, b, topics...).inForce(topics...)
	before := e.losses()
	cluster.Nodes[2].Kill()
	a.await(false)
	b.await(false)
	restart(t, cluster.Nodes[2])
	a.await(true)
	b.await(true)
	e.loses(before)
	for _, topic := range topics {
		e.hearsFrom(a, topic)
	}
}

func TestAMovedSlotIsFollowedToItsNewServer(t *testing.T) {
	cluster := redistest.StartCluster(t)
	a, b := join(t, cluster.URL(), "a"), join(t, cluster.URL(), "b")
	e := listen(t, b, topic).inForce(topic)
	slot := do(t, cluster.Nodes[0], "CLUSTER", "KEYSLOT", topic)
	owner, ids := -1, make([]string, len(cluster.Nodes))
	for i, server := range cluster.Nodes {
		ids[i] = do(t, server, "CLUSTER", "MYID")
		if strings.Contains(do(t, server, "PUBSUB", "SHARDCHANNELS"), topic) {
			owner = i
		}
	}
	target := (owner + 1) % len(cluster.Nodes)
	before := e.losses()
	do(t, cluster.Nodes[target], "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[owner])
	do(t, cluster.Nodes[owner], "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
	for _, i := range []int{target, owner, 3 - target - owner} {
		do(t, cluster.Nodes[i], "CLUSTER", "SETSLOT", slot, "NODE", ids[target])
	}
	e.loses(before)
	e.hearsFrom(a, topic)
	if !strings.Contains(do(t, cluster.Nodes[target], "PUBSUB", "SHARDCHANNELS"), topic) {
		t.Error("it was heard, but not where it lives now")
	}
}
