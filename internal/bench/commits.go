package bench

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"time"
)

var errOwnServer = errors.New("this has to start the server itself: run it without --url")

func commitsOnPostgres(ctx context.Context, r *run, _ *Scenario) (int64, error) {
	return walSyncs(ctx, r.config.databaseURL)
}

// commitsOnSQLite counts the transactions that stored the scenario's messages. SQLite keeps no account of
// its syncs. But all messages of a transaction take their time from one look at the clock, 1 µs apart
// inside a conversation, and two transactions are a sync of the disk apart.
func commitsOnSQLite(ctx context.Context, r *run, s *Scenario) (int64, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.config.data, "parley.db"))
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var times []int64
	for _, t := range r.talks(s) {
		if times, err = appendTimes(ctx, db, times, t.id); err != nil {
			return 0, err
		}
	}
	return groups(times, 20*time.Microsecond), nil
}

func appendTimes(ctx context.Context, db *sql.DB, times []int64, conversation string) ([]int64, error) {
	rows, err := db.QueryContext(ctx, "SELECT created_at FROM messages WHERE conversation_id = ?1", conversation)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return nil, err
		}
		times = append(times, at)
	}
	return times, rows.Err()
}

// groups counts the clusters of times: each begins more than apart after the time before it.
func groups(times []int64, apart time.Duration) int64 {
	slices.Sort(times)
	var n, last int64
	for i, at := range times {
		if i == 0 || at-last > apart.Microseconds() {
			n++
		}
		last = at
	}
	return n
}
