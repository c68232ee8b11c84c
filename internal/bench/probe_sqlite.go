package bench

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/parley-chat/parley/internal/store"
)

const insertSQLite = `INSERT INTO messages (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
	VALUES (?1, ?2, ?3, ?4, ?4, ?5, 'text', ?6, ?7, ?7)`

// sqliteProbe inserts into the messages table of a database of its own, in the same folder's file
// system, opened as Parley opens its: WAL of 32 MiB, synchronous=FULL, 32 MiB of cache.
type sqliteProbe struct {
	dir  string
	db   *sql.DB
	stmt *sql.Stmt
	rows *rows
}

func newSQLiteProbe(ctx context.Context, beside string) (*sqliteProbe, error) {
	dir, err := os.MkdirTemp(beside, "probe-")
	if err != nil {
		return nil, err
	}
	p := &sqliteProbe{dir: dir, rows: newRows()}
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

func (p *sqliteProbe) open(ctx context.Context) error {
	s, err := store.Open(ctx, store.Config{DataDir: p.dir})
	if err != nil {
		return err
	}
	if err := errors.Join(s.Migrate(ctx), s.Close()); err != nil {
		return err
	}
	p.db, err = sql.Open("sqlite", "file:"+filepath.Join(p.dir, "parley.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-32768)&_pragma=wal_autocheckpoint(8192)")
	if err != nil {
		return err
	}
	p.db.SetMaxOpenConns(1)
	p.stmt, err = p.db.PrepareContext(ctx, insertSQLite)
	return err
}

func (p *sqliteProbe) insert(ctx context.Context, n int) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	stmt := tx.StmtContext(ctx, p.stmt)
	for range n {
		r := p.rows.row()
		if _, err := stmt.ExecContext(ctx, r.id, r.talk, r.person, r.seq, hundred, r.key, r.at.UnixMicro()); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (p *sqliteProbe) batch(ctx context.Context, n int, during time.Duration) (float64, error) {
	rate, err := repeat(during, func() error { return p.insert(ctx, n) })
	return rate * float64(n), err
}

func (p *sqliteProbe) single(ctx context.Context, count int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, count)
	for range count {
		began := time.Now()
		if err := p.insert(ctx, 1); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// parallel is no faster than one after the other: SQLite has one writer.
func (p *sqliteProbe) parallel(ctx context.Context, connections int, during time.Duration) (float64, error) {
	var mu sync.Mutex
	return together(connections, during, func(int) error {
		mu.Lock()
		defer mu.Unlock()
		return p.insert(ctx, 1)
	})
}

func (p *sqliteProbe) close() error {
	return errors.Join(p.db.Close(), os.RemoveAll(p.dir))
}
