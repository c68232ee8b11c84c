package store

import (
	"context"
	"fmt"
	"strings"
)

// spreadTable is a table that lives by conversation: its primary key begins with the conversation's id. The table
// conversations is not one of them: it has one small row for each, and a batch updates rows all over it, for which
// PostgreSQL plans a scan of all partitions (ADR-018).
type spreadTable struct {
	name, key  string
	partitions int // 0 while it is whole
}

// spreadTables asks the catalogue, so that a table that a later migration brings is known too. Tables that are
// named are taken for such as well.
func spreadTables(ctx context.Context, x session, also ...string) ([]spreadTable, error) {
	var out []spreadTable
	err := x.each(ctx, func(row scan) error {
		var t spreadTable
		err := row(&t.name, &t.key, &t.partitions)
		out = append(out, t)
		return err
	}, `SELECT c.relname, a.attname, (SELECT count(*) FROM pg_inherits p WHERE p.inhparent = c.oid)
FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition
AND (a.attname = 'conversation_id' OR c.relname = ANY ($1))
ORDER BY c.relname`, append([]string{}, also...))
	return out, err
}

// constraint is one of a table, as ALTER TABLE takes it.
type constraint struct{ table, name, definition string }

// referencesOf are the foreign keys from and to the tables.
func referencesOf(ctx context.Context, x session, names []string) ([]constraint, error) {
	return constraints(ctx, x, `SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND conparentid = 0 AND (conrelid = ANY ($1::text[]::regclass[]) OR confrelid = ANY ($1::text[]::regclass[]))
ORDER BY 1, 2`, names)
}

func constraints(ctx context.Context, x session, query string, args ...any) ([]constraint, error) {
	var out []constraint
	err := x.each(ctx, func(row scan) error {
		var c constraint
		err := row(&c.table, &c.name, &c.definition)
		out = append(out, c)
		return err
	}, query, args...)
	return out, err
}

// expectNothingElse refuses tables to which somebody else has tied something that would be lost.
func expectNothingElse(ctx context.Context, x session, names []string) error {
	var tied []string
	err := x.each(ctx, func(row scan) error {
		var what string
		err := row(&what)
		tied = append(tied, what)
		return err
	}, `SELECT 'the trigger ' || tgname || ' of ' || tgrelid::regclass FROM pg_trigger WHERE tgrelid = ANY ($1::text[]::regclass[]) AND NOT tgisinternal
UNION ALL SELECT 'the policy ' || polname || ' of ' || polrelid::regclass FROM pg_policy WHERE polrelid = ANY ($1::text[]::regclass[])
UNION ALL SELECT 'the rule ' || rulename || ' of ' || ev_class::regclass FROM pg_rewrite WHERE ev_class = ANY ($1::text[]::regclass[])
UNION ALL SELECT 'the publication ' || p.pubname || ' of ' || r.prrelid::regclass FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = ANY ($1::text[]::regclass[])
UNION ALL SELECT 'the statistics ' || stxname || ' of ' || stxrelid::regclass FROM pg_statistic_ext WHERE stxrelid = ANY ($1::text[]::regclass[])
UNION ALL SELECT 'rights on the column ' || attname || ' of ' || attrelid::regclass FROM pg_attribute WHERE attrelid = ANY ($1::text[]::regclass[]) AND attacl IS NOT NULL`, names)
	if err == nil && len(tied) > 0 {
		return refusal("Parley did not make %s and cannot carry that over; drop it and make it again afterwards.", strings.Join(tied, ", "))
	}
	return err
}

// rebuild makes the table anew in partitions, with everything that the old one had but foreign keys.
func (t spreadTable) rebuild(ctx context.Context, x session, count int) error {
	var rows int64
	err := x.one(ctx, into(&rows), fmt.Sprintf("SELECT count(*) FROM (SELECT FROM %s LIMIT %d) r", t.name, partitionLimit+1))
	if err != nil {
		return err
	}
	if rows > partitionLimit {
		return refusal("The table %s has more than %d rows: nobody could write while they are copied. Spread an empty database and move the data into it.", t.name, partitionLimit)
	}
	dress, err := t.dress(ctx, x)
	if err != nil {
		return err
	}
	for _, statement := range t.statements(count, dress) {
		if _, err := x.exec(ctx, statement); err != nil {
			return err
		}
	}
	copied, err := x.exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT * FROM %s", t.name, t.old()))
	if err != nil {
		return err
	}
	if copied != rows {
		return fmt.Errorf("%d of %d rows were copied", copied, rows)
	}
	for _, statement := range append([]string{"DROP TABLE " + t.old()}, dress.keys...) {
		if _, err := x.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (t spreadTable) old() string { return t.name + "_whole" }

// dress is what a table has besides columns and rows.
type dress struct {
	settings string   // of storage, which only partitions can have
	grants   []string // statements
	keys     []string // statements: constraints and indexes, under their names
}

func (t spreadTable) dress(ctx context.Context, x session) (d dress, err error) {
	err = x.one(ctx, into(&d.settings), "SELECT COALESCE('WITH (' || array_to_string(reloptions, ', ') || ')', '') FROM pg_class WHERE oid = $1::text::regclass", t.name)
	if err != nil {
		return d, err
	}
	d.grants, err = ids[string](ctx, x, `SELECT format('GRANT %s ON %s TO %s%s', g.privilege_type, c.oid::regclass,
    CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END, CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class c, aclexplode(c.relacl) g WHERE c.oid = $1::text::regclass AND g.grantee <> c.relowner`, t.name)
	if err != nil {
		return d, err
	}
	unique, err := constraints(ctx, x, `SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype IN ('p', 'u') AND conrelid = $1::text::regclass ORDER BY 2`, t.name)
	if err != nil {
		return d, err
	}
	for _, c := range unique {
		d.keys = append(d.keys, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", c.table, c.name, c.definition))
	}
	indexes, err := ids[string](ctx, x, `SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = $1::text::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
ORDER BY 1`, t.name)
	d.keys = append(d.keys, indexes...)
	return d, err
}

// statements make the new table beside the old one, without keys, which are quicker to build once the rows
// are there.
func (t spreadTable) statements(count int, d dress) []string {
	out := []string{
		fmt.Sprintf("ALTER TABLE %s RENAME TO %s", t.name, t.old()),
		fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS) PARTITION BY HASH (%s)", t.name, t.old(), t.key),
	}
	width := len(fmt.Sprint(count - 1))
	for i := range count {
		out = append(out, fmt.Sprintf("CREATE TABLE %s_p%0*d PARTITION OF %s FOR VALUES WITH (MODULUS %d, REMAINDER %d) %s",
			t.name, width, i, t.name, count, i, d.settings))
	}
	return append(out, d.grants...)
}
