package store_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func openSQLite(t testing.TB) *store.Store {
	t.Helper()
	return opened(t, store.Config{DataDir: t.TempDir()})
}

func openPostgres(t testing.TB) *store.Store {
	t.Helper()
	return opened(t, store.Config{DatabaseURL: pgtest.NewDatabase(t)})
}

func opened(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// databases are what the suite runs on, in the names of the subtests.
var databases = []struct {
	name string
	open func(testing.TB) *store.Store
}{
	{"sqlite", openSQLite},
	{"postgres", openPostgres},
	{"partitioned", func(t testing.TB) *store.Store { return openPartitioned(t, (*store.Store).Partition) }},
	{"partitioned with conversations", func(t testing.TB) *store.Store { return openPartitioned(t, (*store.Store).PartitionAll) }},
}

// inside is a store with a connection to its database beside it, for looking and for doing what no store does.
type inside struct {
	*store.Store
	cfg store.Config
	raw *sql.DB
}

// onEach runs a test on an empty, migrated store of each kind, and on one that is spread over partitions.
func onEach(t *testing.T, test func(*testing.T, inside)) {
	t.Run("sqlite", func(t *testing.T) {
		cfg := store.Config{DataDir: t.TempDir()}
		test(t, within(t, cfg, "sqlite", "file:"+filepath.Join(cfg.DataDir, "parley.db")+"?_pragma=busy_timeout(5000)"))
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, onPostgres(t))
	})
	t.Run("partitioned", func(t *testing.T) {
		in := onPostgres(t)
		if err := in.Partition(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
		test(t, in)
	})
}

// onPostgres is an empty, migrated store on PostgreSQL.
func onPostgres(t testing.TB) inside {
	t.Helper()
	cfg := store.Config{DatabaseURL: pgtest.NewDatabase(t)}
	return within(t, cfg, "pgx", cfg.DatabaseURL)
}

func within(t testing.TB, cfg store.Config, driver, source string) inside {
	t.Helper()
	s := opened(t, cfg)
	raw, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return inside{s, cfg, raw}
}

func (in inside) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := in.raw.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestStoreKeepsItsPromises(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) *store.Store { return db.open(t) })
		})
	}
}
