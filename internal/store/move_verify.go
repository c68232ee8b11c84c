package store

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// verify compares every column of every row of a table.
func (x *mover) verify(ctx context.Context, t *movedTable) error {
	x.tell(t, true, 0)
	rows, err := x.to.Query(ctx, "SELECT "+strings.Join(t.columnNames(), ", ")+" FROM "+t.name+" ORDER BY "+t.order())
	if err != nil {
		return err
	}
	defer rows.Close()
	dest := make([]any, len(t.columns))
	for i, c := range t.columns {
		dest[i] = c.scanned()
	}
	var compared int64
	err = x.from.each(ctx, func(scan scan) error {
		want, err := t.row(scan)
		if err != nil {
			return err
		}
		if err := t.compare(rows, dest, want); err != nil {
			return err
		}
		if compared++; compared%int64(x.Move.batch) == 0 {
			x.tell(t, true, compared)
		}
		return nil
	}, t.selection())
	if err != nil {
		return err
	}
	if rows.Next() {
		return x.differs(t, "has more rows than the source")
	}
	x.tell(t, true, compared)
	return rows.Err()
}

// compare takes the next row of the target.
func (t *movedTable) compare(rows pgx.Rows, dest, want []any) error {
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return t.different(want, "is missing")
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	for i, c := range t.columns {
		if !equal(want[i], read(dest[i])) {
			return t.different(want, "has another "+c.name+" or is missing")
		}
	}
	return nil
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case time.Time:
		b, is := b.(time.Time)
		return is && a.Equal(b)
	case []byte:
		b, is := b.([]byte)
		return is && bytes.Equal(a, b)
	}
	return a == b
}

// different names a row by its key, which holds nobody's words.
func (t *movedTable) different(row []any, how string) error {
	var key []string
	for _, name := range t.key {
		for i, c := range t.columns {
			if c.name == name {
				key = append(key, fmt.Sprint(name, " ", shown(row[i])))
			}
		}
	}
	return differs(t, fmt.Sprintf("the row with %s %s", strings.Join(key, ", "), how))
}

func (x *mover) differs(t *movedTable, how string) error { return differs(t, how) }

func differs(t *movedTable, how string) error {
	return refusal("The target is not as the source: in %s %s. If the data was used between two runs, start over with --restart.", t.name, how)
}

// shown is a value of a key for people; of a secret's hash not even that.
func shown(v any) any {
	switch v := v.(type) {
	case []byte:
		return "…"
	case fmt.Stringer:
		return v.String()
	}
	return v
}
