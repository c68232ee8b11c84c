package store

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// migrationLock is how long a migration waits for a table at a time, and with it everybody who comes after. It is
	// well within what the statements of a node may wait (postgresSettings).
	migrationLock = 250 * time.Millisecond
	// migrationTries is for how long it asks again: a dump or a report may read a table for minutes.
	migrationTries = 5 * time.Minute
	// The pauses between grow from the first to the last. In them nobody waits.
	firstMigrationPause = 250 * time.Millisecond
	lastMigrationPause  = 2 * time.Second
)

// untilUnlocked migrates again and again while a table cannot be locked. What one try did is rolled back, and the
// migrations that were done before stay.
func untilUnlocked(ctx context.Context, locked func(time.Duration), migrate func() error) error {
	began := time.Now()
	for pause := firstMigrationPause; ; pause = min(2*pause, lastMigrationPause) {
		err := migrate()
		if err == nil || chat.AsError(named(err)).Reason != chat.ReasonLocked {
			return err
		}
		waited := time.Since(began)
		if waited+pause > migrationTries {
			return refusal("A table that a migration changes was in use by somebody's long transaction for %s, and the migration changed nothing. "+
				"SELECT pid, xact_start, query FROM pg_stat_activity ORDER BY xact_start says whose; let it end, or end it, and start again.", waited.Round(time.Second))
		}
		if locked != nil {
			locked(waited)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
