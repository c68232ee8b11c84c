package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	// moveBatch and moveBytes bound what is copied in one transaction.
	moveBatch = 10_000
	moveBytes = 8 << 20
)

// copy appends what the target lacks of a table. It is copied in order of its key, so that what an earlier run left
// there is its beginning.
func (x *mover) copy(ctx context.Context, t *movedTable) error {
	done, last, err := x.copied(ctx, t)
	if err != nil {
		return err
	}
	x.tell(t, false, done)
	c := &copying{mover: x, table: t, done: done}
	query, args := t.selection(), []any(nil)
	if last != nil {
		query, args = t.selectionAfter(), last
	}
	err = x.from.each(ctx, func(row scan) error { return c.add(ctx, row) }, query, args...)
	if err != nil {
		return err
	}
	return c.flush(ctx)
}

// copied is how much of a table is in the target, and the key of its last row, as the source holds it.
func (x *mover) copied(ctx context.Context, t *movedTable) (n int64, last []any, err error) {
	if err := x.to.QueryRow(ctx, "SELECT count(*) FROM "+t.name).Scan(&n); err != nil || n == 0 {
		return 0, nil, err
	}
	dest := make([]any, len(t.key))
	for i, c := range t.keyColumns() {
		dest[i] = c.scanned()
	}
	descending := strings.ReplaceAll(t.order(), ",", " DESC,") + " DESC"
	err = x.to.QueryRow(ctx, "SELECT "+strings.Join(t.key, ", ")+" FROM "+t.name+" ORDER BY "+descending+" LIMIT 1").Scan(dest...)
	for _, d := range dest {
		last = append(last, inSource(read(d)))
	}
	return n, last, err
}

func (t *movedTable) keyColumns() []movedColumn {
	var out []movedColumn
	for _, name := range t.key {
		for _, c := range t.columns {
			if c.name == name {
				out = append(out, c)
			}
		}
	}
	return out
}

// order is the primary key as both databases sort it alike: text by its bytes.
func (t *movedTable) order() string {
	names := make([]string, len(t.key))
	for i, c := range t.keyColumns() {
		names[i] = c.name
		if c.kind == "text" {
			names[i] += ` COLLATE "C"`
		}
	}
	return strings.Join(names, ", ")
}

func (t *movedTable) selection() string {
	return "SELECT " + strings.Join(t.columnNames(), ", ") + " FROM " + t.name + " ORDER BY " + strings.Join(t.key, ", ")
}

func (t *movedTable) selectionAfter() string {
	params := make([]string, len(t.key))
	for i := range params {
		params[i] = fmt.Sprint("$", i+1)
	}
	return "SELECT " + strings.Join(t.columnNames(), ", ") + " FROM " + t.name +
		" WHERE (" + strings.Join(t.key, ", ") + ") > (" + strings.Join(params, ", ") + ") ORDER BY " + strings.Join(t.key, ", ")
}

// row reads a row of the source and returns it as PostgreSQL holds it.
func (t *movedTable) row(scan scan) ([]any, error) {
	raw, dest := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range raw {
		dest[i] = &raw[i]
	}
	if err := scan(dest...); err != nil {
		return nil, err
	}
	for i, c := range t.columns {
		v, err := c.inPostgres(raw[i])
		if err != nil {
			return nil, refusal("The column %s of a row of %s cannot be moved: %v.", c.name, t.name, err)
		}
		raw[i] = v
	}
	return raw, nil
}

// copying is a table whose rows are on their way.
type copying struct {
	*mover
	table *movedTable
	batch [][]any
	bytes int
	done  int64
}

func (c *copying) add(ctx context.Context, scan scan) error {
	row, err := c.table.row(scan)
	if err != nil {
		return err
	}
	c.batch = append(c.batch, row)
	for _, v := range row {
		if text, is := v.(string); is {
			c.bytes += len(text)
		}
	}
	if len(c.batch) < c.Move.batch && c.bytes < moveBytes {
		return nil
	}
	return c.flush(ctx)
}

func (c *copying) flush(ctx context.Context) error {
	if len(c.batch) == 0 {
		return nil
	}
	n, err := c.to.CopyFrom(ctx, pgx.Identifier{c.table.name}, c.table.columnNames(), pgx.CopyFromRows(c.batch))
	if err != nil {
		return fmt.Errorf("copy %s: %w", c.table.name, without(err))
	}
	if n != int64(len(c.batch)) {
		return errors.New("PostgreSQL took another number of rows than it was sent")
	}
	c.done += n
	c.batch, c.bytes = c.batch[:0], 0
	c.tell(c.table, false, c.done)
	return nil
}
