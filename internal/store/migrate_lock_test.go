package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parley-chat/parley/internal/chat"
)

func TestAMigrationWaitsForALongReaderAndLetsOthersPass(t *testing.T) {
	eachBare(t, 2, func(t *testing.T, p *planned) {
		ctx := t.Context()
		if err := p.MigrateDown(ctx); err != nil {
			t.Fatal(err)
		}
		long, err := p.raw.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = long.Rollback() }()
		var n int
		if err := long.QueryRow("SELECT count(*) FROM nodes").Scan(&n); err != nil {
			t.Fatal(err)
		}
		told := 0
		if db, is := p.db.(*postgresDB); is {
			db.locked = func(time.Duration) {
				if told++; told == 3 {
					_ = long.Rollback()
				}
			}
		}
		done := make(chan error, 1)
		go func() { done <- p.Migrate(ctx) }()
		for {
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
				if want := map[string]int{"sqlite": 0, "postgres": 3}[p.kind]; told != want {
					t.Errorf("told %d times, not %d", told, want)
				}
				return
			default:
				// Behind somebody who waits for the table a program gives up after a second.
				within, cancel := context.WithTimeout(ctx, time.Second)
				err := p.raw.QueryRowContext(within, "SELECT count(*) FROM nodes").Scan(&n)
				cancel()
				if err != nil {
					t.Fatalf("who reads beside a migration: %v", err)
				}
			}
		}
	})
}

func TestAMigrationThatNeverGetsItsTableSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, told := time.Now(), 0
		inUse := fmt.Errorf("migrate: %w", &pgconn.PgError{Code: "55P03"})
		err := untilUnlocked(t.Context(), func(time.Duration) { told++ }, func() error { time.Sleep(migrationLock); return inUse })
		if e := chat.AsError(err); e.Code != chat.CodeConflict || !strings.Contains(e.Message, "pg_stat_activity") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > migrationTries || took < migrationTries-3*time.Second || told < 100 {
			t.Errorf("after %s and %d tries", took, told)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := untilUnlocked(ctx, func(time.Duration) { cancel() }, func() error { return inUse }); !errors.Is(err, context.Canceled) {
			t.Errorf("ended by a signal: %v", err)
		}
		other, tries := errors.New("a bad migration"), 0
		if err := untilUnlocked(t.Context(), nil, func() error { tries++; return other }); !errors.Is(err, other) || tries != 1 {
			t.Errorf("after %d tries: %v", tries, err)
		}
	})
}
