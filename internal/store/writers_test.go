package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// clocks are how wrong the clock of each of four nodes is.
var clocks = []time.Duration{0, 7 * time.Minute, -11 * time.Minute, 3 * time.Second}

// cluster opens the same database as four nodes do.
func cluster(t *testing.T, in inside) []*store.Store {
	t.Helper()
	var nodes []*store.Store
	for _, wrong := range clocks {
		s := opened(t, store.Config{DatabaseURL: in.cfg.DatabaseURL, MaxConns: 6})
		nodes = append(nodes, s.WithClock(func() time.Time { return time.Now().Add(wrong) }))
	}
	return nodes
}

func TestFourNodesThatWriteTheSameInEveryWayKeepOneOrderAndNeverDeadlock(t *testing.T) {
	for name, storm := range map[string]storetest.Storm{
		"many conversations":   {Conversations: 5, Writers: 3, Steps: 150},
		"one hot conversation": {Conversations: 1, Writers: 3, Steps: 80},
	} {
		t.Run(name, func(t *testing.T) {
			in := onPostgres(t)
			in.seekDeadlocks(t)
			storm.Stores, storm.Seed = cluster(t, in), uint64(time.Now().UnixNano())
			storm.Run(t)
			if n := deadlocks(t, in.cfg.DatabaseURL); n != 0 {
				t.Errorf("%d deadlocks (seed %d)", n, storm.Seed)
			}
		})
	}
}

func TestAWriterThatDiesInTheMiddleLeavesNothingHalfDone(t *testing.T) {
	in := onPostgres(t)
	in.seekDeadlocks(t)
	killed := atomic.Int64{}
	storm := storetest.Storm{
		Stores: cluster(t, in), Conversations: 3, Writers: 3, Steps: 120, Seed: uint64(time.Now().UnixNano()),
		Interrupt: func() {
			// One that is at work.
			var n int64
			err := in.raw.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'parley' AND state <> 'idle' ORDER BY random() LIMIT 1) a`).Scan(&n)
			if err != nil {
				t.Error(err)
			}
			killed.Add(n)
		},
	}
	storm.Run(t)
	if killed.Load() < 20 {
		t.Errorf("only %d connections were killed at work", killed.Load())
	}
	if n := deadlocks(t, in.cfg.DatabaseURL); n != 0 {
		t.Errorf("%d deadlocks (seed %d)", n, storm.Seed)
	}
}

// seekDeadlocks makes PostgreSQL look for deadlocks sooner than anybody gives up waiting for a lock, so that it
// finds the ones that there are.
func (in inside) seekDeadlocks(t *testing.T) {
	t.Helper()
	in.exec(t, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = 50', current_database()); END $$`)
}

// deadlocks is how many PostgreSQL has counted in the database. A connection adds what it met when it ends,
// so all of them are ended first.
func deadlocks(t testing.TB, url string) (n int64) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	for others := 1; others > 0; {
		if err := db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&others); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.QueryRow("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDeadlocksAreCounted(t *testing.T) {
	url := pgtest.NewDatabase(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE rows AS SELECT generate_series(1, 2) AS id"); err != nil {
		t.Fatal(err)
	}
	var hold sync.WaitGroup
	hold.Add(2)
	done := make(chan error, 2)
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		go func() {
			done <- func() error {
				tx, err := db.BeginTx(context.Background(), nil)
				if err != nil {
					return err
				}
				defer tx.Rollback()
				if _, err := tx.Exec(fmt.Sprint("UPDATE rows SET id = id WHERE id = ", order[0])); err != nil {
					return err
				}
				hold.Done()
				hold.Wait()
				_, err = tx.Exec(fmt.Sprint("UPDATE rows SET id = id WHERE id = ", order[1]))
				return err
			}()
		}()
	}
	if a, b := <-done, <-done; (a == nil) == (b == nil) {
		t.Fatalf("two transactions in opposite orders: %v and %v", a, b)
	}
	if n := deadlocks(t, url); n != 1 {
		t.Errorf("one deadlock was counted as %d", n)
	}
}
