package store_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// structure is what the catalogue says of the tables, without how they are spread.
func (in inside) structure(t *testing.T) (columns, keys string) {
	t.Helper()
	lines := func(query string) string {
		rows, err := in.raw.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var out []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			out = append(out, line)
		}
		return strings.Join(out, "\n")
	}
	columns = lines(`SELECT format('%s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped ORDER BY c.relname, a.attnum`)
	keys = lines(`SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conparentid = 0 AND conrelid NOT IN (SELECT inhrelid FROM pg_inherits) ORDER BY 1`) +
		"\n" + lines(`SELECT replace(pg_get_indexdef(i.indexrelid), 'ON ONLY', 'ON') FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition ORDER BY 1`)
	return columns, keys
}

func TestSpreadTablesHaveWhatTheWholeOnesHadAndTheirRows(t *testing.T) {
	in := onPostgres(t)
	cs, ada := conversationsFor(t, in.Store)
	for _, c := range cs {
		if _, err := in.AppendMessages(t.Context(), []chat.Draft{draftFor(c, ada, "1"), draftFor(c, ada, "2")}); err != nil {
			t.Fatal(err)
		}
	}
	in.exec(t, "DROP ROLE IF EXISTS parley_reader")
	in.exec(t, "CREATE ROLE parley_reader")
	in.exec(t, "GRANT SELECT ON messages TO parley_reader")
	in.exec(t, "CREATE TABLE mine (conversation uuid REFERENCES conversations (id))")
	rows := in.dump(t)
	columns, keys := in.structure(t)
	if err := in.Partition(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	newColumns, newKeys := in.structure(t)
	if columns != newColumns {
		t.Errorf("columns were\n%s\nand are\n%s", columns, newColumns)
	}
	if keys != newKeys {
		t.Errorf("keys were\n%s\nand are\n%s", keys, newKeys)
	}
	if got := in.dump(t); got != rows {
		t.Errorf("rows were\n%s\nand are\n%s", rows, got)
	}
	in.exec(t, "SET ROLE parley_reader; SELECT count(*) FROM messages; RESET ROLE")
	in.exec(t, "DROP OWNED BY parley_reader; DROP ROLE parley_reader")
	for table, want := range map[string]int{"messages": 4, "conversations": 0, "conversation_participants": 4, "read_receipts": 4, "buried_receipts": 4, "direct_conversations": 0, "users": 0} {
		var n, settings int
		if err := in.raw.QueryRow("SELECT count(*), count(c.reloptions) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass", table).Scan(&n, &settings); err != nil {
			t.Fatal(err)
		}
		if n != want {
			t.Errorf("%s has %d partitions, want %d", table, n, want)
		}
		if table == "conversation_participants" && settings != want {
			t.Errorf("%d of %d partitions of %s have its fillfactor", settings, want, table)
		}
	}
	if n, err := in.Partitions(t.Context()); n != 4 || err != nil {
		t.Errorf("the store says %d, %v", n, err)
	}
	if findings, err := in.Check(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("the doctor says %v, %v", findings, err)
	}
	if err := in.Partition(t.Context(), 4); err != nil {
		t.Errorf("spreading what is spread: %v", err)
	}
	if err := in.Partition(t.Context(), 8); err == nil || !contains(err.Error(), "4 partitions already") {
		t.Errorf("spreading it otherwise: %v", err)
	}
}

// dump is every row of the tables that live by conversation.
func (in inside) dump(t *testing.T) string {
	t.Helper()
	var out string
	err := in.raw.QueryRow(`SELECT (SELECT string_agg(r::text, E'\n' ORDER BY id) FROM conversations r)
|| (SELECT string_agg(r::text, E'\n' ORDER BY conversation_id, seq) FROM messages r)
|| (SELECT string_agg(r::text, E'\n' ORDER BY conversation_id, user_id) FROM conversation_participants r)`).Scan(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhatCannotBeSpreadIsRefusedAndLeftAsItIs(t *testing.T) {
	sqlite := opened(t, store.Config{DataDir: t.TempDir()})
	if err := sqlite.Partition(t.Context(), 4); err == nil || !contains(err.Error(), "SQLite") {
		t.Errorf("SQLite: %v", err)
	}
	for _, c := range []struct {
		name, prepare string
		count         int
		want          string
	}{
		{"too few", "SELECT 1", 1, "2 to 256"},
		{"too many", "SELECT 1", 257, "2 to 256"},
		{"a view", "CREATE VIEW mine AS SELECT seq FROM messages", 4, "view mine depends on table messages"},
		{"a trigger", `CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER mine BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION noted()`, 4, "the trigger mine of messages"},
		{"rights on a column", "GRANT SELECT (seq) ON messages TO PUBLIC", 4, "rights on the column seq of messages"},
		{"a schema of before", "DELETE FROM goose_db_version WHERE version_id > 1", 4, "parley migrate up"},
	} {
		in := onPostgres(t)
		in.exec(t, c.prepare)
		columns, keys := in.structure(t)
		err := in.Partition(t.Context(), c.count)
		if err == nil || !contains(err.Error(), c.want) || chat.AsError(err).Code != chat.CodeConflict {
			t.Errorf("%s: %v", c.name, err)
		}
		if nowColumns, nowKeys := in.structure(t); nowColumns != columns || nowKeys != keys {
			t.Errorf("%s: something was changed", c.name)
		}
		if n, err := in.Partitions(t.Context()); n != 0 || err != nil {
			t.Errorf("%s: %d partitions, %v", c.name, n, err)
		}
	}
}

func TestNodesServeOnWhileTheTablesAreSpread(t *testing.T) {
	in := onPostgres(t)
	nodes := cluster(t, in)
	done := make(chan error)
	storm := storetest.Storm{Stores: nodes, Conversations: 4, Writers: 2, Steps: 120, Seed: uint64(time.Now().UnixNano())}
	storm.Begun = func() { go func() { done <- in.Partition(t.Context(), 4) }() }
	storm.Run(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n, err := in.Partitions(t.Context()); n != 4 || err != nil {
		t.Errorf("%d partitions, %v", n, err)
	}
	if n := deadlocks(t, in.cfg.DatabaseURL); n != 0 {
		t.Errorf("%d deadlocks (seed %d)", n, storm.Seed)
	}
}

// A spread table can have no other unique key, and a join on the message path must stay within a partition
// (C8.2). What is not on that path may.
func TestEveryKeyThatLivesByConversationBeginsWithItsID(t *testing.T) {
	elsewhere := map[string]string{
		"direct_conversations": "found by its two people, once, when one of them opens it",
	}
	in := onPostgres(t)
	rows, err := in.raw.Query(`SELECT c.relname, x.relname, i.indisunique, pg_get_indexdef(i.indexrelid, 1, false)
FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace
AND (c.relname = 'conversations' OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'conversation_id'))`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var table, index, first string
		var unique bool
		if err := rows.Scan(&table, &index, &unique, &first); err != nil {
			t.Fatal(err)
		}
		key := "conversation_id"
		if table == "conversations" {
			key = "id"
		}
		if unique && first != key && elsewhere[table] == "" {
			t.Errorf("%s is a unique key of %s and begins with %s", index, table, first)
		}
		seen++
	}
	if err := rows.Err(); err != nil || seen < 10 {
		t.Fatalf("%d indexes, %v", seen, err)
	}
}

func TestTheCitusStatementsNameEveryTable(t *testing.T) {
	text, err := os.ReadFile("../../deploy/postgres/citus.sql")
	if err != nil {
		t.Fatal(err)
	}
	in := onPostgres(t)
	for _, table := range in.tables(t) {
		if !regexp.MustCompile(fmt.Sprintf(`'%s'`, table)).Match(text) {
			t.Errorf("deploy/postgres/citus.sql does not say where %s goes", table)
		}
	}
}

func openPartitioned(t testing.TB, partition func(*store.Store, context.Context, int) error) *store.Store {
	t.Helper()
	s := opened(t, store.Config{DatabaseURL: pgtest.NewDatabase(t)})
	if err := partition(s, t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	return s
}
