// Package pgtest gives tests a real PostgreSQL ([pgserver]): nothing is mocked. The server lives as long
// as the test process, however that ends.
package pgtest

import (
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/pgserver"
)

// Server is a PostgreSQL that a test may stop, crash and restart.
type Server struct{ *pgserver.Server }

var shared = sync.OnceValues(pgserver.Start)

// NewDatabase returns the URL of an empty database on a server that all tests of this process share.
// The database is dropped when the test ends. Without PostgreSQL the test fails.
func NewDatabase(t testing.TB) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	return (&Server{server}).NewDatabase(t)
}

// Start starts a server for one test alone, which may stop and restart it. It is gone when the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	server, err := pgserver.Start()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	t.Cleanup(server.Remove)
	return &Server{server}
}

// StartStandby starts a hot standby of the server for one test. It is gone when the test ends.
func (s *Server) StartStandby(t testing.TB) *Server {
	t.Helper()
	standby, err := s.Server.StartStandby()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	t.Cleanup(standby.Remove)
	return &Server{standby}
}

// NewDatabase returns the URL of an empty database on this server. It is dropped when the test ends.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name, err := s.CreateDatabase()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	t.Cleanup(func() {
		if s.Running() {
			if err := s.DropDatabase(name); err != nil {
				t.Errorf("PostgreSQL for tests: %v", err)
			}
		}
	})
	return s.URL(name)
}
