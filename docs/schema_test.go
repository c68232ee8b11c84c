package docs_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

const schemaPage = "rfc-database-schema.md"

func TestTheTablesAreThoseOfTheMigrations(t *testing.T) {
	migrated := readDatabase(t)
	documented := readTables(t)
	t.Run("columns", func(t *testing.T) { differ(t, documented.columns, migrated.columns) })
	t.Run("foreign keys", func(t *testing.T) { differ(t, documented.references, migrated.references) })
	t.Run("indexes", func(t *testing.T) { differ(t, documented.indexes, migrated.indexes) })
	t.Run("diagram", func(t *testing.T) { differ(t, readDiagram(t), migrated.types) })
	t.Run("every index has its query", func(t *testing.T) { differ(t, readJustified(t), migrated.names) })
}

// schema is a database as sets of lines that can be compared.
type schema struct {
	columns    map[string]bool // "table.column type", with "nullable" where it is
	types      map[string]bool // "table.column type"
	references map[string]bool // "table.column → table"
	indexes    map[string]bool // "table UNIQUE INDEX name (columns) WHERE condition", "table PRIMARY KEY (columns)"
	names      map[string]bool // of indexes; a primary key is "table PRIMARY KEY"
}

func newSchema() schema {
	return schema{
		make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]bool),
	}
}

var indexDefinition = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX (\w+) ON public\.(\w+) USING btree (\(.*?\))(?: WHERE \((.*)\))?$`)

// readDatabase migrates an empty PostgreSQL and reads its catalog, without goose's own table.
func readDatabase(t *testing.T) schema {
	t.Helper()
	ctx, url := context.Background(), pgtest.NewDatabase(t)
	db, err := store.Open(ctx, store.Config{DatabaseURL: url, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)

	s := newSchema()
	for _, row := range query(t, conn, `SELECT c.relname, a.attname, CASE a.atttypid WHEN 'timestamptz'::regtype THEN 'timestamptz' ELSE format_type(a.atttypid, a.atttypmod) END,
			CASE WHEN a.attnotnull THEN '' ELSE ' nullable' END
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE 'goose%'`) {
		s.types[fmt.Sprintf("%s.%s %s", row[0], row[1], row[2])] = true
		s.columns[fmt.Sprintf("%s.%s %s%s", row[0], row[1], row[2], row[3])] = true
	}
	for _, row := range query(t, conn, `SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, ''
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) WHERE c.contype = 'f'`) {
		s.references[fmt.Sprintf("%s.%s → %s", row[0], row[1], row[2])] = true
	}
	for _, row := range query(t, conn, `SELECT x.indrelid::regclass::text, pg_get_indexdef(x.indexrelid), CASE WHEN x.indisprimary THEN 'primary' ELSE '' END, ''
		FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'goose%'`) {
		d := indexDefinition.FindStringSubmatch(row[1])
		if d == nil {
			t.Fatalf("an index that this test cannot read: %s", row[1])
		}
		if row[2] == "primary" {
			s.indexes[fmt.Sprintf("%s PRIMARY KEY %s", row[0], d[4])] = true
			s.names[row[0]+" PRIMARY KEY"] = true
			continue
		}
		line := fmt.Sprintf("%s %sINDEX %s %s", row[0], d[1], d[2], d[4])
		if d[5] != "" {
			line += " WHERE " + d[5]
		}
		s.indexes[line], s.names[d[2]] = true, true
	}
	return s
}

func query(t *testing.T, conn *pgx.Conn, sql string) [][4]string {
	t.Helper()
	found, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (cells [4]string, err error) {
		return cells, row.Scan(&cells[0], &cells[1], &cells[2], &cells[3])
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	columnLine = regexp.MustCompile(`^- (\w+): (\w+)(?: \(([^)]*)\))?`)
	indexLine  = regexp.MustCompile(`^- ((?:UNIQUE )?INDEX \w+|PRIMARY KEY) (\(.*?\)(?: WHERE .*)?)$`)
)

// readTables reads the specifications of section 2.
func readTables(t *testing.T) schema {
	t.Helper()
	s, table := newSchema(), ""
	for line := range strings.Lines(section(t, page(t, schemaPage), "## 2. Tables")) {
		line = strings.TrimSpace(line)
		if name, is := strings.CutPrefix(line, "Table: "); is {
			table = name
		}
		if index := indexLine.FindStringSubmatch(line); index != nil {
			s.indexes[fmt.Sprintf("%s %s %s", table, index[1], index[2])] = true
			continue
		}
		column := columnLine.FindStringSubmatch(line)
		if column == nil {
			continue
		}
		text := fmt.Sprintf("%s.%s %s", table, column[1], column[2])
		for _, flag := range strings.Split(column[3], ", ") {
			if flag == "nullable" {
				text += " nullable"
			}
			if to, is := strings.CutPrefix(flag, "FK → "); is {
				s.references[fmt.Sprintf("%s.%s → %s", table, column[1], to)] = true
			}
		}
		s.columns[text] = true
	}
	return s
}

// readDiagram reads the columns of the entities in the Mermaid diagram.
func readDiagram(t *testing.T) map[string]bool {
	t.Helper()
	out, entity := make(map[string]bool), ""
	for line := range strings.Lines(section(t, page(t, schemaPage), "## 1. Diagram")) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[1] == "{":
			entity = words[0]
		case len(words) > 0 && words[0] == "}":
			entity = ""
		case entity != "" && len(words) >= 2:
			out[fmt.Sprintf("%s.%s %s", entity, words[1], words[0])] = true
		}
	}
	return out
}

// readJustified reads which indexes section 3 gives a query for.
func readJustified(t *testing.T) map[string]bool {
	t.Helper()
	out := make(map[string]bool)
	for _, cells := range rows(section(t, page(t, schemaPage), "## 3. Indexes and their queries")) {
		if cells[1] != "" {
			out[cells[0]] = true
		}
	}
	return out
}
