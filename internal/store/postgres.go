package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresDB is a pool. The send path speaks pgx to it; everything else goes through database/sql over
// the same connections, as it does on SQLite.
type postgresDB struct {
	pool   *pgxpool.Pool
	db     *sql.DB
	gate   *gate
	direct *pgx.ConnConfig // how to get a session of one's own
	locked func(waited time.Duration)
}

// postgresSettings are set on every connection of the pool. Commits are on disk when they return (C2.1),
// and nothing waits for longer than a send may (C2.6).
var postgresSettings = map[string]string{
	"application_name":                    "parley",
	"timezone":                            "UTC",
	"synchronous_commit":                  "on",
	"lock_timeout":                        "1000",
	"statement_timeout":                   "3000",
	"idle_in_transaction_session_timeout": "5000",
}

func openPostgres(ctx context.Context, cfg Config) (*postgresDB, error) {
	config, err := pgxpool.ParseConfig(cfg.DatabaseURL)
	if err != nil {
		// The URL holds a password, and pgx masks it only in some of its errors.
		return nil, fmt.Errorf("DATABASE_URL is not a PostgreSQL URL of the form postgres://user:password@host:port/database")
	}
	config.MaxConns = int32(poolSize(cfg.MaxConns))
	for name, value := range postgresSettings {
		config.ConnConfig.RuntimeParams[name] = value
	}
	if cfg.NodeID != "" {
		config.ConnConfig.RuntimeParams["application_name"] = "parley pool " + cfg.NodeID
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("PostgreSQL at %s:%d does not answer: %w", config.ConnConfig.Host, config.ConnConfig.Port, err)
	}
	db := &postgresDB{pool: pool, db: stdlib.OpenDBFromPool(pool), gate: newGate(pool, cfg.NodeID), direct: config.ConnConfig, locked: cfg.Locked}
	if cfg.DirectURL != "" {
		if db.direct, err = directConfig(cfg.DirectURL); err != nil {
			return nil, errors.Join(err, db.close())
		}
	}
	if err := db.suits(ctx); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// directConfig is how to connect to the server itself, with the settings of the pool.
func directConfig(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// The URL holds a password.
		return nil, errors.New("PARLEY_DATABASE_DIRECT_URL is not a PostgreSQL URL of the form postgres://user:password@host:port/database")
	}
	maps.Copy(config.RuntimeParams, postgresSettings)
	return config, nil
}

func (db *postgresDB) guard() *gate { return db.gate }

func (db *postgresDB) reader() session { return session{run: db.db, patience: patience, gate: db.gate} }

// oneState are transactions that only read and see one state of the data.
var oneState = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}

func (db *postgresDB) snapshot(ctx context.Context, read func(session) error) error {
	return db.gate.pass(ctx, func(ctx context.Context) error {
		tx, err := db.begin(ctx, oneState)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		return read(session{run: tx, patience: patience, life: ctx})
	})
}

func (db *postgresDB) examine(ctx context.Context, read func(session) error) error {
	return db.gate.pass(ctx, func(ctx context.Context) error {
		tx, err := db.begin(ctx, oneState)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		x := session{run: tx, patience: checkPatience, life: ctx}
		if _, err := x.exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}
		return read(x)
	})
}

// tries is how often a transaction runs that PostgreSQL rolls back in favour of another.
const tries = 5

func (db *postgresDB) write(ctx context.Context, change func(session) error) error {
	for try := 1; ; try++ {
		err := db.gate.pass(ctx, func(ctx context.Context) error { return db.transact(ctx, change) })
		if try == tries || !lostToAnother(err) {
			return err
		}
	}
}

func (db *postgresDB) transact(ctx context.Context, change func(session) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := db.begin(ctx, nil)
	if err != nil {
		return err
	}
	if err := change(session{run: tx, patience: patience, life: ctx}); err != nil {
		_ = tx.Rollback()
		return err
	}
	// A commit has no context of its own, and the database may have gone silent.
	defer time.AfterFunc(patience, cancel).Stop()
	if err := tx.Commit(); err != nil {
		return unknown(err)
	}
	return nil
}

// begin waits for a connection and begins a transaction, no longer than a statement may take. The transaction ends with ctx.
func (db *postgresDB) begin(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error) {
	ctx, cancel := context.WithCancel(ctx)
	late := time.AfterFunc(patience, cancel)
	tx, err := db.db.BeginTx(ctx, options)
	if !late.Stop() {
		if err == nil {
			_ = tx.Rollback()
		}
		// Nobody went away: it was silent, and the gate is to hear of it.
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return tx, nil
}

func (db *postgresDB) ping(ctx context.Context) error { return db.gate.pass(ctx, db.pool.Ping) }

func (db *postgresDB) close() error {
	err := db.db.Close()
	db.pool.Close()
	return err
}
