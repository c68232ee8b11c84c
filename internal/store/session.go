package store

import (
	"context"
	"database/sql"
	"time"
)

// session runs statements, inside a transaction or outside.
type session struct {
	run runner
	// patience bounds a statement, so that a database that went silent cannot hold a caller for ever; 0
	// where it lives in this process and cannot.
	patience time.Duration
}

func (x session) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if x.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, x.patience)
}

// runner is what *sql.DB, *sql.Tx and our prepared statements have in common.
type runner interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// scan reads one row into its destinations.
type scan func(dest ...any) error

// each hands every row of the answer to row.
func (x session) each(ctx context.Context, row func(scan) error, query string, args ...any) error {
	ctx, cancel := x.bounded(ctx)
	defer cancel()
	rows, err := x.run.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads the first row, or sql.ErrNoRows.
func (x session) one(ctx context.Context, row func(scan) error, query string, args ...any) error {
	found := false
	err := x.each(ctx, func(s scan) error {
		if found {
			return nil
		}
		found = true
		return row(s)
	}, query, args...)
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// exec runs a statement and returns how many rows it touched.
func (x session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := x.bounded(ctx)
	defer cancel()
	result, err := x.run.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// into is the row function that only scans.
func into(dest ...any) func(scan) error {
	return func(s scan) error { return s(dest...) }
}
