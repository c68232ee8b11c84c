package store_test

import (
	"context"
	"testing"

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

// databases are both, in the names of the subtests.
var databases = []struct {
	name string
	open func(testing.TB) *store.Store
}{
	{"sqlite", openSQLite},
	{"postgres", openPostgres},
}

func onBoth(t *testing.T, test func(*testing.T, *store.Store)) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) { test(t, db.open(t)) })
	}
}

func TestStoreKeepsItsPromises(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) *store.Store { return db.open(t) })
		})
	}
}
