package bench

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
)

// postmasterOf finds the process of a PostgreSQL on this machine, 0 when it runs elsewhere.
func postmasterOf(ctx context.Context, url string) int {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0
	}
	defer conn.Close(ctx)
	var backend int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return 0
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", backend))
	if err != nil || string(name) != "postgres\n" {
		return 0
	}
	return parentOf(backend)
}

// walSyncs is how often PostgreSQL has synced its log to the disk (pg_stat_wal). A server's backends
// count themselves in when they end, so it is exact once the server has stopped.
func walSyncs(ctx context.Context, url string) (n int64, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, "SELECT wal_sync FROM pg_stat_wal").Scan(&n)
	return n, err
}
