package app_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/pgtest"
)

// connectable waits until a pooler takes connections: it has no event for that.
func connectable(t *testing.T, url string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		var conn *pgx.Conn
		if conn, err = pgx.Connect(t.Context(), url); err == nil {
			conn.Close(t.Context())
			return
		}
	}
	t.Fatal(err)
}

func TestAPoolerThatRefusesASessionsSettingsIsNamedWithWhatToDo(t *testing.T) {
	through := pgtest.Pooled(t, pgtest.NewDatabase(t), "pool_mode = transaction")
	connectable(t, through)
	wantStartError(t, []string{"DATABASE_URL=" + as(t, through, "postgres"), clusterKey}, "the pooler at", "Through PgBouncer", "ignore_startup_parameters = ")
}

func TestThroughAPoolerInTransactionModeNodesWorkWithADirectWayBeside(t *testing.T) {
	database := pgtest.NewDatabase(t)
	through := pgtest.Pooled(t, database, "pool_mode = transaction",
		"ignore_startup_parameters = lock_timeout, statement_timeout, idle_in_transaction_session_timeout, synchronous_commit")
	connectable(t, through)
	u, err := url.Parse(through)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("default_query_exec_mode", "exec")
	u.RawQuery = q.Encode()
	env := []string{"DATABASE_URL=" + u.String(), "PARLEY_DATABASE_DIRECT_URL=" + database, clusterKey}
	var nodes []*node
	for range 2 {
		nodes = append(nodes, run(t, env...))
	}
	for _, n := range nodes {
		awaitHealth(t, n, 10*time.Second, "whole", whole)
	}
	ada, bert := join(t, nodes[0], "ada"), join(t, nodes[1], "bert")
	id := direct(t, ada, bert)
	took := crossing(t, ada, bert, id, 40)
	t.Logf("p95 %v", p95(took))
	if page, err := bert.Messages(t.Context(), id, client.HistoryQuery{}); err != nil || len(page.Messages) != 40 {
		t.Errorf("%d messages, %v", len(page.Messages), err)
	}
	if used := ask(t, database, "SELECT string_agg(DISTINCT application_name, ' ') FROM pg_stat_activity WHERE datname = current_database()"); !strings.Contains(used, "parley") {
		t.Errorf("the connections are called %q", used)
	}
}
