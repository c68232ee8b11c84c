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
	// gate is before each statement outside of transactions; nil inside, and where there is none.
	gate *gate
	// life ends what is under way inside a transaction; nil outside.
	life context.Context
	// done is told of each statement outside of transactions; nil inside, and where nobody wants to know.
	done func(ctx context.Context, op Operation, began time.Time, err error)
}

// asked asks the database, as far as it may be asked and for as long as it may take.
func (x session) asked(ctx context.Context, ask func(context.Context) error) (err error) {
	if x.done != nil {
		defer func(began time.Time) { x.done(ctx, OpRead, began, err) }(time.Now())
	}
	if x.patience != 0 {
		bounded, cancel := context.WithTimeout(ctx, x.patience)
		defer cancel()
		ctx = bounded
		if x.life != nil {
			defer context.AfterFunc(x.life, cancel)()
		}
	}
	return x.gate.pass(ctx, ask)
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
	return x.asked(ctx, func(ctx context.Context) error {
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
	})
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
func (x session) exec(ctx context.Context, query string, args ...any) (touched int64, err error) {
	err = x.asked(ctx, func(ctx context.Context) error {
		result, err := x.run.ExecContext(ctx, query, args...)
		if err == nil {
			touched, err = result.RowsAffected()
		}
		return err
	})
	return touched, err
}

// into is the row function that only scans.
func into(dest ...any) func(scan) error {
	return func(s scan) error { return s(dest...) }
}
