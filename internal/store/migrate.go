package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/parley-chat/parley/internal/chat"
)

//go:embed migrations
var migrations embed.FS

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate brings the schema to the version of this program. Programs of the version before may go on serving
// meanwhile (C8.6). Of several that start at once, one migrates and the others wait for it.
func (s *Store) Migrate(ctx context.Context) error {
	return s.migrating(ctx, func(p *goose.Provider) error {
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate the schema: %w", err)
		}
		return nil
	})
}

// MigrateDown takes the last migration back, with the data that only it could hold.
func (s *Store) MigrateDown(ctx context.Context) error {
	return s.migrating(ctx, func(p *goose.Provider) error {
		if _, err := p.Down(ctx); err != nil && !errors.Is(err, goose.ErrNoNextVersion) {
			return fmt.Errorf("take back a migration: %w", err)
		}
		return nil
	})
}

// MigrationStatus lists the migrations that this program knows, the oldest first.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	var out []Migration
	err := s.migrating(ctx, func(p *goose.Provider) error {
		status, err := p.Status(ctx)
		if err != nil {
			return err
		}
		for _, m := range status {
			out = append(out, Migration{m.Source.Version, m.Source.Path, m.State == goose.StateApplied})
		}
		return nil
	})
	return out, err
}

func (s *Store) migrating(ctx context.Context, work func(*goose.Provider) error) error {
	files, err := fs.Sub(migrations, "migrations/"+s.kind)
	if err != nil {
		return err
	}
	return s.db.migrating(ctx, func(db *sql.DB, dialect goose.Dialect, options ...goose.ProviderOption) error {
		p, err := goose.NewProvider(dialect, db, files, options...)
		if err != nil {
			return err
		}
		return work(p)
	})
}

// migrating lends the writer's connection: the folder's lock keeps other processes away.
func (db *sqliteDB) migrating(ctx context.Context, work func(*sql.DB, goose.Dialect, ...goose.ProviderOption) error) error {
	select {
	case <-db.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { db.turn <- struct{}{} }()
	own, err := sql.Open("sqlite", dsn(db.path, writerPragmas))
	if err != nil {
		return err
	}
	own.SetMaxOpenConns(1)
	return errors.Join(work(own, goose.DialectSQLite3), own.Close())
}

// migrating opens a connection of its own, on which statements may take as long as they take. Locks may
// not: a migration that waits for one makes everybody behind it wait too. So it asks for a moment, lets them pass, and
// asks again.
func (db *postgresDB) migrating(ctx context.Context, work func(*sql.DB, goose.Dialect, ...goose.ProviderOption) error) error {
	// Asked every second for five minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	config := db.unhurried()
	config.RuntimeParams["lock_timeout"] = strconv.FormatInt(migrationLock.Milliseconds(), 10)
	own := stdlib.OpenDB(*config)
	err = untilUnlocked(ctx, db.locked, func() error { return work(own, goose.DialectPostgres, goose.WithSessionLocker(locker)) })
	return errors.Join(err, own.Close())
}

// unhurried is how to connect for what may take long.
func (db *postgresDB) unhurried() *pgx.ConnConfig {
	config := db.direct.Copy()
	config.RuntimeParams["application_name"] = "parley migrate"
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	return config
}

// compatible refuses a database whose schema is of a newer program and cannot be used by this one.
func (s *Store) compatible(ctx context.Context) error {
	if err := s.expectWhole(ctx); err != nil {
		return err
	}
	version, err := s.schemaVersion(ctx)
	if version == 0 || err != nil {
		return err
	}
	var oldest int64
	if err := s.db.reader().one(ctx, into(&oldest), "SELECT COALESCE(max(oldest_compatible), 0) FROM schema_info"); err != nil {
		return named(err)
	}
	known, err := newest(s.kind)
	if err != nil {
		return err
	}
	if version > known && oldest > known {
		return &chat.Error{Code: chat.CodeConflict, Message: fmt.Sprintf(
			"The database has schema version %d, which needs a program that knows version %d or later; this one knows %d. Start a newer parley, or restore a backup.",
			version, oldest, known)}
	}
	return nil
}

// SchemaVersion returns the version of the last migration that was applied, 0 where there is no schema, and that of the
// newest one that this program knows. It only reads.
func (s *Store) SchemaVersion(ctx context.Context) (version, newestKnown int64, err error) {
	if version, err = s.schemaVersion(ctx); err != nil {
		return 0, 0, err
	}
	newestKnown, err = newest(s.kind)
	return version, newestKnown, err
}

// schemaVersion is the version of the last migration that was applied, 0 where there is no schema.
func (s *Store) schemaVersion(ctx context.Context) (version int64, err error) {
	x := s.db.reader()
	var there bool
	if err := x.one(ctx, into(&there), s.hasSchema); err != nil || !there {
		return 0, named(err)
	}
	err = x.one(ctx, into(&version), "SELECT COALESCE(max(version_id), 0) FROM goose_db_version")
	return version, named(err)
}

// expectWhole refuses a database into which a move was begun and not finished.
func (s *Store) expectWhole(ctx context.Context) error {
	if s.hasUnfinishedMove == "" {
		return nil
	}
	var unfinished bool
	if err := s.db.reader().one(ctx, into(&unfinished), s.hasUnfinishedMove); err != nil {
		return named(err)
	}
	if unfinished {
		return refusal("A parley move into this database was not finished, so part of the data is missing. Run it again; it goes on where it was.")
	}
	return nil
}

// newest is the version of the last migration that this program knows.
func newest(kind string) (int64, error) {
	entries, err := migrations.ReadDir("migrations/" + kind)
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(entries[len(entries)-1].Name())
}
