package pgserver

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

var databases atomic.Int64

// CreateDatabase makes an empty database and returns its name.
func (s *Server) CreateDatabase() (name string, err error) {
	name = fmt.Sprintf("parley_%d", databases.Add(1))
	if err := s.Administer("CREATE DATABASE " + name); err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	return name, nil
}

// DropDatabase deletes a database and ends who is connected to it.
func (s *Server) DropDatabase(name string) error {
	if err := s.Administer("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database: %w", err)
	}
	return nil
}

// URL is where a database of this server is found.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Preload starts the server again with a library that it loads at its start (shared_preload_libraries).
func (s *Server) Preload(library string) error {
	if err := s.Administer("ALTER SYSTEM SET shared_preload_libraries = " + pgx.Identifier{library}.Sanitize()); err != nil {
		return err
	}
	s.Stop()
	return s.Restart()
}

// Administer runs a statement as the superuser, within a minute.
func (s *Server) Administer(statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement, args...)
	return err
}
