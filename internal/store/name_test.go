package store_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

func TestAnOperatorSeesWhoseConnectionsThePoolHolds(t *testing.T) {
	for id, want := range map[string]string{"": "parley", "0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d": "parley pool 0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d"} {
		cfg := store.Config{DatabaseURL: pgtest.NewDatabase(t), NodeID: id}
		in := within(t, cfg, "pgx", cfg.DatabaseURL)
		var name string
		err := in.raw.QueryRow("SELECT min(application_name) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&name)
		if err != nil || name != want {
			t.Errorf("node %q is called %q, %v", id, name, err)
		}
	}
}
