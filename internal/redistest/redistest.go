// Package redistest gives tests a real Redis ([redisserver]): nothing is mocked. A server lives no longer than the
// test process, however that ends.
package redistest

import (
	"testing"

	"github.com/parley-chat/parley/internal/redisserver"
)

// Server is a Redis that a test may stop, freeze and restart.
type Server = redisserver.Server

// Cluster is three of them that share the hash slots.
type Cluster = redisserver.Cluster

// Start starts a server for one test. It is gone when the test ends. Arguments are those of
// redis-server, such as "--maxmemory", "1mb". Without Redis the test fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s, err := redisserver.Start(args...)
	if err != nil {
		t.Fatalf("Redis for tests: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// StartCluster starts a cluster for one test. It is gone when the test ends.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c, err := redisserver.StartCluster()
	if err != nil {
		t.Fatalf("Redis cluster for tests: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}
