// Package pgtest starts a real PostgreSQL for tests: the binaries of this machine, a data directory
// of its own in the temp directory, a free port on loopback. Nothing is mocked, nothing that runs
// already is touched.
//
// A server lives as long as the test process: a small shell process stands between them, reads a pipe
// whose other end only the test process holds, and stops the server and deletes its directory when that
// end closes, however the test process ended.
package pgtest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

var shared = sync.OnceValues(func() (*Server, error) { return launch() })

// NewDatabase returns the URL of an empty database on a server that all tests of this process share.
// The database is dropped when the test ends. Without PostgreSQL the test fails.
func NewDatabase(t testing.TB) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	return server.NewDatabase(t)
}

// Start starts a server for one test alone, which may stop and restart it. It is gone when the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	server, err := launch()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	t.Cleanup(server.remove)
	return server
}

var databases atomic.Int64

// NewDatabase returns the URL of an empty database on this server. It is dropped when the test ends.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("parley_%d", databases.Add(1))
	if err := s.administer("CREATE DATABASE " + name); err != nil {
		t.Fatalf("PostgreSQL for tests: create database: %v", err)
	}
	t.Cleanup(func() {
		if s.Running() {
			if err := s.administer("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
				t.Errorf("PostgreSQL for tests: drop database: %v", err)
			}
		}
	})
	return s.url(name)
}

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

func (s *Server) administer(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
