package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// MinPartitions and MaxPartitions bound over how many partitions a table is spread.
	MinPartitions, MaxPartitions = 2, 256
	// partitionLimit is how many rows a table may have that is to be spread: all nodes wait while its rows
	// are copied.
	partitionLimit = 1_000_000
	// lockTries is how often the tables are asked for, for lockTry each: all of them take less time than
	// PostgreSQL waits before it looks for deadlocks, so that nobody who is at work is the one to give way.
	lockTries = 100
	lockTry   = "100ms"
)

// Partitions is over how many hash partitions the tables of conversations are spread, 0 where they are whole.
func (s *Store) Partitions(ctx context.Context) (int, error) {
	if s.kind != "postgres" {
		return 0, nil
	}
	tables, err := spreadTables(ctx, s.db.reader())
	if err != nil {
		return 0, named(err)
	}
	for _, t := range tables {
		if t.partitions > 0 {
			return t.partitions, nil
		}
	}
	return 0, nil
}

// Partition spreads every table that lives by conversation over count hash partitions by conversation
// (C8.2), in one transaction: rows, keys, indexes, checks, foreign keys and grants are as before. Tables that
// are spread already are left alone, so that it may run again after a migration has added one. It fails with
// CodeConflict, nothing changed, where that cannot be done; nodes may serve meanwhile and wait a moment.
func (s *Store) Partition(ctx context.Context, count int) error {
	postgres, is := s.db.(*postgresDB)
	switch {
	case !is:
		return refusal("SQLite keeps all in one file and has no partitions; they are for PostgreSQL.")
	case count < MinPartitions || count > MaxPartitions:
		return refusal("There can be %d to %d partitions.", MinPartitions, MaxPartitions)
	}
	if err := s.current(ctx); err != nil {
		return err
	}
	return postgres.partition(ctx, count)
}

func refusal(format string, args ...any) error {
	return &chat.Error{Code: chat.CodeConflict, Message: fmt.Sprintf(format, args...)}
}

// current refuses a schema that is not this program's.
func (s *Store) current(ctx context.Context) error {
	status, err := s.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	for _, m := range status {
		if !m.Applied {
			return refusal("The schema is not this program's yet; run parley migrate up first.")
		}
	}
	return nil
}

// partition spreads the tables, and those named besides, on a connection of its own.
func (db *postgresDB) partition(ctx context.Context, count int, also ...string) (err error) {
	own := stdlib.OpenDB(*db.unhurried())
	defer func() { err = errors.Join(err, own.Close()) }()
	for try := 1; ; try++ {
		err := inTransaction(ctx, own, func(x session) error { return spread(ctx, x, count, also) })
		var refused *pgconn.PgError
		switch {
		case err == nil:
			_, err = own.ExecContext(ctx, "ANALYZE")
			return err
		case !errors.As(err, &refused):
			return err
		case refused.Code == "55P03" && try < lockTries:
			continue
		case refused.Code == "55P03":
			return refusal("The tables are in use all the time; stop the nodes, or try again when less is going on.")
		case refused.Code == "2BP01":
			return refusal("Something that Parley did not make depends on a table: %s Drop it and make it again afterwards.", refused.Detail)
		}
		return err
	}
}

func inTransaction(ctx context.Context, db *sql.DB, work func(session) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := work(session{run: tx}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// spread does the work of Partition inside its transaction.
func spread(ctx context.Context, x session, count int, also []string) error {
	all, err := spreadTables(ctx, x, also...)
	if err != nil {
		return err
	}
	var whole []spreadTable
	for _, t := range all {
		switch t.partitions {
		case 0:
			whole = append(whole, t)
		case count:
		default:
			return refusal("The table %s is spread over %d partitions already.", t.name, t.partitions)
		}
	}
	if len(whole) == 0 {
		return nil
	}
	var names []string
	for _, t := range whole {
		names = append(names, t.name)
	}
	if err := lockTables(ctx, x, names); err != nil {
		return err
	}
	if err := expectNothingElse(ctx, x, names); err != nil {
		return err
	}
	references, err := referencesOf(ctx, x, names)
	if err != nil {
		return err
	}
	for _, r := range references {
		if _, err := x.exec(ctx, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", r.table, r.name)); err != nil {
			return err
		}
	}
	for _, t := range whole {
		if err := t.rebuild(ctx, x, count); err != nil {
			return fmt.Errorf("spread %s: %w", t.name, err)
		}
	}
	for _, r := range references {
		if _, err := x.exec(ctx, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", r.table, r.name, r.definition)); err != nil {
			return err
		}
	}
	return nil
}

// lockTables keeps everybody away from the tables, and from those that they refer to or that refer to them, until
// the transaction ends.
func lockTables(ctx context.Context, x session, names []string) error {
	all, err := ids[string](ctx, x, `SELECT unnest($1::text[]) UNION
SELECT unnest(ARRAY [conrelid, confrelid])::regclass::text FROM pg_constraint
WHERE contype = 'f' AND conparentid = 0 AND (conrelid = ANY ($1::text[]::regclass[]) OR confrelid = ANY ($1::text[]::regclass[]))
ORDER BY 1`, names)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"SET LOCAL lock_timeout = '" + lockTry + "'",
		"LOCK TABLE " + strings.Join(all, ", ") + " IN ACCESS EXCLUSIVE MODE",
	} {
		if _, err := x.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
