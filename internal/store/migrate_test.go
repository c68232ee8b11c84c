package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func contains(text string, words ...string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

func TestMigrationsGoUpDownAndUpAgain(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		applied := func() (n, all int) {
			t.Helper()
			status, err := in.MigrationStatus(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range status {
				if m.Version == 0 || m.Name == "" {
					t.Errorf("a migration without a name: %+v", m)
				}
				if m.Applied {
					n++
				}
			}
			return n, len(status)
		}
		n, all := applied()
		if n != all || all == 0 {
			t.Fatalf("%d of %d applied", n, all)
		}
		if err := in.Migrate(t.Context()); err != nil {
			t.Fatalf("migrating what is migrated: %v", err)
		}
		for i := all; i > 0; i-- {
			if err := in.MigrateDown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n, _ := applied(); n != i-1 {
				t.Errorf("%d applied after taking back to %d", n, i-1)
			}
		}
		if err := in.MigrateDown(t.Context()); err != nil {
			t.Errorf("taking back when there is nothing: %v", err)
		}
		if left := in.tables(t); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
		if err := in.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		cs, ada := conversationsFor(t, in.Store)
		if appended, err := in.AppendMessages(t.Context(), []chat.Draft{draftFor(cs[0], ada, "x")}); err != nil || appended[0].Err != nil {
			t.Errorf("after that: %+v, %v", appended, err)
		}
	})
}

// tables are what is there, without the record of migrations.
func (in inside) tables(t *testing.T) (names []string) {
	t.Helper()
	query := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'"
	if in.Kind() == "postgres" {
		query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE 'goose_%'"
	}
	rows, err := in.raw.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

func TestAllDatabasesHaveTheSameTablesAndColumns(t *testing.T) {
	shape := map[string]string{}
	onEach(t, func(t *testing.T, in inside) {
		var all []string
		for _, table := range in.tables(t) {
			rows, err := in.raw.Query("SELECT * FROM " + table + " WHERE 1 = 0")
			if err != nil {
				t.Fatal(err)
			}
			columns, err := rows.Columns()
			if err != nil {
				t.Fatal(err)
			}
			_ = rows.Close()
			all = append(all, table+": "+strings.Join(columns, ", "))
		}
		shape[t.Name()] = strings.Join(sorted(all), "\n")
	})
	for name, other := range shape {
		if want := shape[t.Name()+"/sqlite"]; other != want {
			t.Errorf("sqlite has\n%s\n%s has\n%s", want, name, other)
		}
	}
}

func TestLaterMigrationsGoDownAndUpOnSpreadTablesToo(t *testing.T) {
	in := onPostgres(t)
	if err := in.Partition(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	columns, keys := in.structure(t)
	status, err := in.MigrationStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The first one made the tables that are spread.
	for range len(status) - 1 {
		if err := in.MigrateDown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := in.Partitions(t.Context()); n != 4 || err != nil {
		t.Fatalf("on the way there are %d partitions, %v", n, err)
	}
	if err := in.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, keysAgain := in.structure(t); again != columns || keysAgain != keys {
		t.Errorf("it was\n%s\n%s\nand is\n%s\n%s", columns, keys, again, keysAgain)
	}
}

func TestManyThatMigrateAtOnceMigrateOnce(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		if err := in.MigrateDown(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := in.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		in.exec(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
		reopen := func() error {
			cfg := in.cfg
			cfg.Beside = true
			s, err := store.Open(t.Context(), cfg)
			if err == nil {
				err = s.Close()
			}
			return err
		}
		if err := reopen(); err != nil {
			t.Errorf("a newer schema that this program can still use is refused: %v", err)
		}
		in.exec(t, "UPDATE schema_info SET oldest_compatible = 9998")
		if err := reopen(); err == nil || !contains(err.Error(), "9999", "9998", "newer parley") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAFolderThatCannotBeUsedGivesAClearError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/parley"} {
		if _, err := store.Open(t.Context(), store.Config{DataDir: dir}); err == nil || !contains(err.Error(), "the data folder "+dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := store.Open(t.Context(), store.Config{}); err == nil {
		t.Error("no folder at all was opened")
	}
	garbage := t.TempDir()
	if err := os.WriteFile(filepath.Join(garbage, "parley.db"), []byte(strings.Repeat("this is no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Config{DataDir: garbage}); err == nil || !contains(err.Error(), "parley.db") {
		t.Errorf("garbage: %v", err)
	}
}

func TestTheDataFileIsForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	opened(t, store.Config{DataDir: dir})
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "parley.db"): 0o600, filepath.Join(dir, "parley.db-wal"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o", path, got)
		}
	}
}
