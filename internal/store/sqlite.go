package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteDB is one file with one writer and several readers, which never wait for each other (WAL).
type sqliteDB struct {
	path    string
	lock    *os.File
	writers *sql.DB // a pool of one
	readers *sql.DB
	read    *readStatements

	// turn holds one token: whoever has it may use writer.
	turn   chan struct{}
	writer *writeStatements
}

// writerPragmas: with synchronous=FULL a commit is on the disk when it returns (C2.1); with secure_delete
// deleted text is overwritten (C1.5). The log is taken into the database every 32 MiB: by SQLite's own 4 MiB
// a busy node would do so at every other commit, which halves what it can store.
var writerPragmas = []string{
	"busy_timeout(2000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)", "cache_size(-32768)",
	"wal_autocheckpoint(8192)",
}

var readerPragmas = []string{"busy_timeout(2000)", "query_only(1)", "cache_size(-8192)"}

func openSQLite(ctx context.Context, cfg Config) (*sqliteDB, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("no data folder is named")
	}
	path, err := filepath.Abs(filepath.Join(cfg.DataDir, "parley.db"))
	if err != nil {
		return nil, err
	}
	var lock *os.File
	if !cfg.Beside {
		if lock, err = lockFolder(cfg.DataDir); err != nil {
			return nil, err
		}
	}
	db := &sqliteDB{path: path, lock: lock, turn: make(chan struct{}, 1)}
	db.turn <- struct{}{}
	if err := db.open(ctx, poolSize(cfg.MaxConns)); err != nil {
		return nil, errors.Join(fmt.Errorf("the database %s cannot be opened: %w", path, err), db.close())
	}
	return db, nil
}

func (db *sqliteDB) open(ctx context.Context, readers int) (err error) {
	// The file is made here, because SQLite would make it readable for others.
	f, err := os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if db.writers, err = sql.Open("sqlite", dsn(db.path, writerPragmas)); err != nil {
		return err
	}
	db.writers.SetMaxOpenConns(1)
	conn, err := db.writers.Conn(ctx)
	if err != nil {
		return err
	}
	db.writer = &writeStatements{conn: conn, prepared: make(map[string]*sql.Stmt)}
	if db.readers, err = sql.Open("sqlite", dsn(db.path, readerPragmas)); err != nil {
		return err
	}
	db.readers.SetMaxOpenConns(readers)
	db.readers.SetMaxIdleConns(readers)
	db.read = &readStatements{db: db.readers}
	return db.readers.PingContext(ctx)
}

func dsn(path string, pragmas []string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return u.String()
}

// poolSize is how many connections there may be (C8.9).
func poolSize(configured int) int {
	if configured > 0 {
		return configured
	}
	return min(20, max(5, 2*runtime.NumCPU()+1))
}

func (db *sqliteDB) guard() *gate { return nil }

func (db *sqliteDB) reader() session { return session{run: db.read} }

func (db *sqliteDB) snapshot(ctx context.Context, read func(session) error) error {
	tx, err := db.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	x := &snapshotStatements{tx: tx, read: db.read}
	err = read(session{run: x})
	_ = tx.Rollback()
	x.prepare(ctx)
	return err
}

func (db *sqliteDB) examine(ctx context.Context, read func(session) error) error {
	return db.snapshot(ctx, read)
}

func (db *sqliteDB) write(ctx context.Context, change func(session) error) error {
	select {
	case <-db.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { db.turn <- struct{}{} }()
	return db.transact(ctx, change)
}

// hold runs work in a transaction that reads, and keeps everybody else from writing until it ends.
func (db *sqliteDB) hold(ctx context.Context, work func(session) error) error {
	select {
	case <-db.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { db.turn <- struct{}{} }()
	x := session{run: db.writer}
	whole := context.WithoutCancel(ctx)
	if _, err := x.exec(whole, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := work(x)
	_, ended := x.exec(whole, "ROLLBACK")
	return errors.Join(err, ended)
}

// transact runs a transaction for whoever has the turn. Neither its beginning nor its commit is cancelled once
// it is under way: the driver answers a call whose context ended with that, also when SQLite has done it, and a
// transaction that nobody knows to be open would keep every later one from beginning.
func (db *sqliteDB) transact(ctx context.Context, change func(session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x := session{run: db.writer}
	whole := context.WithoutCancel(ctx)
	if _, err := x.exec(whole, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := change(x)
	if err == nil {
		if _, err = x.exec(whole, "COMMIT"); err == nil {
			return nil
		}
		err = unknown(err)
	}
	// SQLite may have rolled back by itself (a full disk); then this has nothing to do.
	_, _ = x.exec(whole, "ROLLBACK")
	return err
}

func (db *sqliteDB) ping(ctx context.Context) error {
	var one int
	return db.reader().one(ctx, into(&one), "SELECT 1")
}

func (db *sqliteDB) close() error {
	var errs []error
	if db.writer != nil {
		select {
		case <-db.turn:
		case <-time.After(patience):
		}
		errs = append(errs, db.writer.close())
	}
	for _, pool := range []*sql.DB{db.readers, db.writers} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	return errors.Join(errs...)
}

// writeStatements runs statements on the writer's connection, each prepared once.
type writeStatements struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

func (w *writeStatements) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, known := w.prepared[query]; known {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	w.prepared[query] = stmt
	return stmt, nil
}

func (w *writeStatements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := w.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (w *writeStatements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := w.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (w *writeStatements) close() error {
	var errs []error
	for _, stmt := range w.prepared {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

// readStatements runs statements on any reader, each prepared once a connection.
type readStatements struct {
	db       *sql.DB
	prepared sync.Map // text → *sql.Stmt
}

func (r *readStatements) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, known := r.prepared.Load(query); known {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	kept, known := r.prepared.LoadOrStore(query, stmt)
	if known {
		_ = stmt.Close()
	}
	return kept.(*sql.Stmt), nil
}

func (r *readStatements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := r.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (r *readStatements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := r.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// snapshotStatements runs statements in a transaction on a reader. What is not prepared yet is prepared after it: while
// it has a connection it must not wait for another.
type snapshotStatements struct {
	tx   *sql.Tx
	read *readStatements
	new  []string
}

func (s *snapshotStatements) prepared(ctx context.Context, query string) *sql.Stmt {
	if stmt, known := s.read.prepared.Load(query); known {
		return s.tx.StmtContext(ctx, stmt.(*sql.Stmt))
	}
	s.new = append(s.new, query)
	return nil
}

func (s *snapshotStatements) prepare(ctx context.Context) {
	for _, query := range s.new {
		// An error shows when the statement is run.
		_, _ = s.read.prepare(ctx, query)
	}
}

func (s *snapshotStatements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := s.prepared(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return s.tx.QueryContext(ctx, query, args...)
}

func (s *snapshotStatements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := s.prepared(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return s.tx.ExecContext(ctx, query, args...)
}
