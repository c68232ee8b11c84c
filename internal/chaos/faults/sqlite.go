package faults

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

var sqliteKinds = []*Kind{
	{
		Name: "disk-full", About: "the disk of the data folder is full to the last byte", Shapes: onSQLite,
		Shortest: time.Second, Longest: 6 * time.Second, claims: only("disk"),
		Lacks: func(s *Site) string {
			if s.Cluster.Disk != nil {
				return ""
			}
			return "a small file system could not be mounted, which root may"
		},
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			if err := s.Cluster.Disk.Fill(); err != nil {
				return nil, errors.Join(err, s.Cluster.Disk.Free())
			}
			return func(context.Context) error { return s.Cluster.Disk.Free() }, nil
		},
	},
	{
		Name: "file-lock", About: "another program holds the write lock of the database's file", Shapes: onSQLite,
		Shortest: 500 * time.Millisecond, Longest: 6 * time.Second, claims: only("file"),
		inject: func(ctx context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			return LockFile(ctx, filepath.Join(s.Cluster.Nodes[0].Data, "parley.db"))
		},
	},
}

// LockFile takes the write lock of a database's file, as another program may, and returns what gives it back.
func LockFile(ctx context.Context, path string) (func(context.Context) error, error) {
	// A node that was frozen in the middle of a write has the lock for as long as it is.
	file := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=busy_timeout(90000)"}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, errors.Join(err, conn.Close(), db.Close())
	}
	return func(ctx context.Context) error {
		_, err := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, conn.Close(), db.Close())
	}, nil
}
