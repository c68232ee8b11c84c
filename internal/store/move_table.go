package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
)

// movedTable is a table of both databases, as PostgreSQL's catalogue has it.
type movedTable struct {
	name    string
	columns []movedColumn
	key     []string // the columns of its primary key
	refers  []string // tables that must be there first
	rows    int64    // in the source
}

// movedColumn is a column with its type in PostgreSQL.
type movedColumn struct{ name, kind string }

func (t *movedTable) columnNames() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// tablesToMove are all tables of the source, those that others refer to first. One that the target does not have in the
// same shape is refused: a migration has made the two schemas differ.
func (x *mover) tablesToMove(ctx context.Context) ([]movedTable, error) {
	names, err := ids[string](ctx, x.from, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		return nil, err
	}
	known, err := x.targetTables(ctx)
	if err != nil {
		return nil, err
	}
	var out []movedTable
	for _, name := range names {
		if slices.Contains(leftBehind, name) {
			continue
		}
		t, there := known[name]
		if !there || len(t.key) == 0 {
			return nil, fmt.Errorf("the target has no table %s with a primary key", name)
		}
		columns, err := ids[string](ctx, x.from, "SELECT name FROM pragma_table_info($1) ORDER BY name", name)
		if err != nil {
			return nil, err
		}
		if there := slices.Sorted(slices.Values(t.columnNames())); !slices.Equal(columns, there) {
			return nil, fmt.Errorf("the table %s has the columns %v in the source and %v in the target", name, columns, there)
		}
		out = append(out, *t)
	}
	return inOrder(out)
}

func (x *mover) targetTables(ctx context.Context) (map[string]*movedTable, error) {
	out := make(map[string]*movedTable)
	at := func(name string) *movedTable {
		if out[name] == nil {
			out[name] = &movedTable{name: name}
		}
		return out[name]
	}
	target := x.target.db.reader()
	for _, part := range []struct {
		query string
		add   func(t *movedTable, a, b string)
	}{
		{`SELECT c.relname, a.attname, format_type(a.atttypid, -1) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum`, func(t *movedTable, name, kind string) { t.columns = append(t.columns, movedColumn{name, kind}) }},
		{`SELECT c.relname, a.attname, '' FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition
ORDER BY c.relname, k.place`, func(t *movedTable, name, _ string) { t.key = append(t.key, name) }},
		{`SELECT conrelid::regclass::text, confrelid::regclass::text, '' FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace AND contype = 'f' AND conparentid = 0`,
			func(t *movedTable, other, _ string) { t.refers = append(t.refers, other) }},
	} {
		err := target.each(ctx, func(row scan) error {
			var table, a, b string
			err := row(&table, &a, &b)
			part.add(at(table), a, b)
			return err
		}, part.query)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inOrder puts tables behind those that they refer to.
func inOrder(tables []movedTable) ([]movedTable, error) {
	var out []movedTable
	placed := make(map[string]bool)
	for len(out) < len(tables) {
		before := len(out)
		for _, t := range tables {
			waits := slices.ContainsFunc(t.refers, func(other string) bool { return !placed[other] && other != t.name })
			if !placed[t.name] && !waits {
				placed[t.name] = true
				out = append(out, t)
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("the tables refer to each other in a circle")
		}
	}
	return out, nil
}

// inPostgres is a value of the source as PostgreSQL holds it.
func (c movedColumn) inPostgres(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch c.kind {
	case "uuid":
		if text, is := v.(string); is {
			var id pgtype.UUID
			err := id.Scan(text)
			return id, err
		}
	case "timestamp with time zone":
		if micros, is := v.(int64); is {
			return time.UnixMicro(micros).UTC(), nil
		}
	case "boolean":
		switch v := v.(type) {
		case bool:
			return v, nil
		case int64:
			return v != 0, nil
		}
	case "bigint", "integer":
		if n, is := v.(int64); is {
			return n, nil
		}
	case "bytea":
		if b, is := v.([]byte); is {
			return slices.Clone(b), nil
		}
	case "text":
		if text, is := v.(string); is {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return nil, fmt.Errorf("it holds what is no text in UTF-8")
			}
			return text, nil
		}
	}
	return nil, fmt.Errorf("a value of type %T cannot go into a column of type %s", v, c.kind)
}

// inSource is a value of PostgreSQL as the source holds it, to ask the source for what follows it.
func inSource(v any) any {
	switch v := v.(type) {
	case pgtype.UUID:
		return v.String()
	case time.Time:
		return v.UnixMicro()
	}
	return v
}

// scanned is where a column's value of PostgreSQL is read into, in the same types as inPostgres.
func (c movedColumn) scanned() any {
	switch c.kind {
	case "uuid":
		return new(pgtype.UUID)
	case "timestamp with time zone":
		return new(*time.Time)
	case "boolean":
		return new(*bool)
	case "bigint", "integer":
		return new(*int64)
	case "bytea":
		return new([]byte)
	}
	return new(*string)
}

// read is the value that was scanned.
func read(dest any) any {
	switch v := dest.(type) {
	case *pgtype.UUID:
		if v.Valid {
			return *v
		}
	case **time.Time:
		if *v != nil {
			return (**v).UTC()
		}
	case **bool:
		if *v != nil {
			return **v
		}
	case **int64:
		if *v != nil {
			return **v
		}
	case *[]byte:
		if *v != nil {
			return *v
		}
	case **string:
		if *v != nil {
			return **v
		}
	}
	return nil
}
