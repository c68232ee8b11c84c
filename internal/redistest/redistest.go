// Package redistest starts a real Redis: the binary of this machine, a folder of its own in the temp
// directory, a free port on loopback. Nothing is mocked, nothing that runs already is touched. Tests
// use it, and whatever breaks a cluster on purpose.
//
// A server lives as long as the process that started it: a small shell process stands between them,
// reads a pipe whose other end only that process holds, and kills the server and deletes its folder when
// that end closes, however the process ended.
//
// It keeps nothing on disk unless told to: what it was given is gone after a restart.
package redistest

import "testing"

// Start starts a server for one test. It is gone when the test ends. Arguments are those of
// redis-server, such as "--maxmemory", "1mb", after a configuration file if there is one. Without Redis the
// test fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s, err := Launch(args...)
	if err != nil {
		t.Fatalf("Redis for tests: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// StartCluster starts a cluster for one test. It is gone when the test ends.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c, err := LaunchCluster()
	if err != nil {
		t.Fatalf("Redis cluster for tests: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}
