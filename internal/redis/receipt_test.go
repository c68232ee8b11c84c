package redis_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/readerstest"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// readersOver are two nodes that share a Redis, or a cluster of several servers.
func readersOver(t *testing.T, url string, servers ...*redistest.Server) readerstest.World {
	a, b := join(t, url, "a"), join(t, url, "b")
	empty := func() {
		for _, server := range servers {
			do(t, server, "FLUSHALL")
		}
	}
	return readerstest.World{
		Empty: empty,
		New: func() []chat.Readers {
			empty()
			return []chat.Readers{redis.NewReaders(a.Bus).Impatient(), redis.NewReaders(b.Bus)}
		},
	}
}

func TestReadersInRedisKeepTheContract(t *testing.T) {
	server := redistest.Start(t)
	readerstest.Run(t, readersOver(t, server.URL(), server))
}

func TestReadersInAClusterKeepTheContract(t *testing.T) {
	cluster := redistest.StartCluster(t)
	readerstest.Run(t, readersOver(t, cluster.URL(), cluster.Nodes...))
}
