// Package store keeps everything in SQL, written by hand and in plain sight: SQLite in a data folder,
// or PostgreSQL. A statement has one text for both where it can ($1 works on both); dialect.go holds
// what differs, sqlite.go and postgres.go how each is opened and written to.
//
// [Store] satisfies chat.Store and auth.Store. Its methods are atomic steps named as verbs of the
// domain; nobody outside gets a transaction. Who may do what is decided elsewhere: here a write only
// checks, under the conversation's row lock, that the roster it was decided on is still the one.
//
// The lock order is: conversations in order of id, then people in order of id, then participants in order of conversation and
// person, then logins, then refresh tokens. Nothing takes a conversation's lock while it holds another row's, and who
// writes somebody's steps holds that participant. So two transactions never wait for each other,
// whatever their nodes do.
package store

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

var (
	_ chat.Store = (*Store)(nil)
	_ auth.Store = (*Store)(nil)
)

// Config says where the data is.
type Config struct {
	// DatabaseURL is a postgres:// URL; "" means SQLite in DataDir.
	DatabaseURL string
	// DirectURL leads to the same PostgreSQL past a pooler: migrations need a session of their own. "" when
	// DatabaseURL does.
	DirectURL string
	// ReplicaURL is the postgres:// URL of a hot standby of that database, which reads history where it is as
	// new; "" for none.
	ReplicaURL string
	// DataDir is the folder of parley.db. It is made if it is missing. One process at a time may use it.
	DataDir string
	// Beside opens the folder next to the process that has it, for commands that change accounts and must
	// leave conversations and the schema alone: what the other process remembers of those would be untrue.
	Beside bool
	// NodeID stands in the names of PostgreSQL's connections (pg_stat_activity.application_name); "" for commands.
	NodeID string
	// Locked is told each time that a migration gave a table up that others have in use, before it tries again, and for
	// how long it has been trying; nil for nobody.
	Locked func(waited time.Duration)
	// Record is told of what is done under traces that are recorded. Nil: nobody is, and it costs nothing.
	Record Record
	// MaxConns is the size of the pool; 0 is min(20, max(5, 2 × cores + 1)) (C8.9).
	MaxConns int
}

// Store keeps everything. Its methods may be called from any goroutine.
type Store struct {
	db database
	*dialect
	clock    func() time.Time
	replica  *replica // nil for none
	readOnly *atomic.Bool
	record   Record // nil for nobody
}

// database is one of the two ways to run statements and transactions.
type database interface {
	// reader runs single statements that only read.
	reader() session
	// snapshot runs reads that see one state of the data.
	snapshot(ctx context.Context, read func(session) error) error
	// examine is snapshot for statements that read whole tables and take long.
	examine(ctx context.Context, read func(session) error) error
	// write runs a transaction. It may run it again when it lost to another, so it must not leave traces.
	write(ctx context.Context, change func(session) error) error
	// appendLean appends a batch in the fewest statements. It fills in the numbers of every part whose
	// conversation is as it was when it was decided, and fails with errDuplicate, nothing written, when
	// a draft was stored before.
	appendLean(ctx context.Context, b *batch) error
	// migrating lends a connection for migrations, with what keeps two from migrating at once.
	migrating(ctx context.Context, work func(*sql.DB, goose.Dialect, ...goose.ProviderOption) error) error
	ping(ctx context.Context) error
	// guard is what is before the database while it is away; nil where it cannot be.
	guard() *gate
	usage() Pool
	close() error
}

// patience is how long one statement may take at most. The send path brings a shorter deadline of its own
// (C2.6), and PostgreSQL itself ends statements sooner.
const patience = 10 * time.Second

// Open opens the database and checks that this program can work with what is in it. It does not migrate:
// see [Store.Migrate].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Record != nil {
		s.db, s.record = recorded{s.db, cfg.Record}, cfg.Record
	}
	if cfg.DatabaseURL == "" {
		if err := expectNotMoved(cfg.DataDir); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := s.compatible(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.DatabaseURL == "" {
		db, err := openSQLite(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return &Store{db: db, dialect: sqliteDialect, clock: time.Now, readOnly: new(atomic.Bool)}, nil
	}
	db, err := openPostgres(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dialect: postgresDialect, clock: time.Now, readOnly: new(atomic.Bool)}
	if cfg.ReplicaURL != "" {
		if s.replica, err = openReplica(ctx, cfg, db); err != nil {
			return nil, errors.Join(err, db.close())
		}
	}
	return s, nil
}

// Kind is "sqlite" or "postgres".
func (s *Store) Kind() string { return s.kind }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return named(s.db.ping(ctx))
}

// Close waits for what is running and closes the database.
func (s *Store) Close() error {
	if s.replica == nil {
		return s.db.close()
	}
	return errors.Join(s.replica.db.close(), s.db.close())
}

// WithClock is the same database as a node sees it whose clock tells another time. Clocks of nodes differ by
// minutes, and nothing but the times that people read may depend on them (C1.4).
func (s *Store) WithClock(clock func() time.Time) *Store {
	other := *s
	other.clock = clock
	return &other
}

// now is the clock of this node at the resolution that is stored (C1.6).
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// notBefore is t, or floor where the clock has stepped back behind it.
func notBefore(t, floor time.Time) time.Time {
	if t.Before(floor) {
		return floor
	}
	return t
}
