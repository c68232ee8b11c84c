package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// replicaPatience is how long a read on the replica may take, connecting included, before the primary is
	// asked instead.
	replicaPatience = 250 * time.Millisecond
	// replicaPause is how long a replica that failed is left alone.
	replicaPause = 5 * time.Second
)

// replica is a hot standby of the primary that reads history and changes. It is asked for one conversation at a
// time and answers only when that conversation is there exactly as it is on the primary (ADR-019): so nobody
// reads something older than what was confirmed, however far the replica is behind as a whole.
type replica struct {
	db *postgresDB
	// pause is replicaPause.
	pause time.Duration
	// pausedUntil is when it may be asked again, in nanoseconds since 1970; 0 while it is well.
	pausedUntil atomic.Int64

	served, behind, failed, passed atomic.Int64
	lastError                      atomic.Pointer[string]
}

// ReplicaReads counts what became of reads that a replica may answer.
type ReplicaReads struct {
	// Configured says that there is a replica at all.
	Configured bool
	// Well says that its last answer was one.
	Well bool
	// Served were answered by it; the others by the primary: Behind because the conversation was not there as it
	// was on the primary, Failed because it did not answer in time, Passed because it had failed shortly before.
	Served, Behind, Failed, Passed int64
	// LastError is why it failed last, without secrets; "" when it never did.
	LastError string
}

// ReplicaReads returns the counts since the start.
func (s *Store) ReplicaReads() ReplicaReads {
	r := s.replica
	if r == nil {
		return ReplicaReads{}
	}
	out := ReplicaReads{
		Configured: true, Well: r.pausedUntil.Load() == 0,
		Served: r.served.Load(), Behind: r.behind.Load(), Failed: r.failed.Load(), Passed: r.passed.Load(),
	}
	if said := r.lastError.Load(); said != nil {
		out.LastError = *said
	}
	return out
}

var (
	errBehind   = errors.New("the conversation is not there as it is on the primary")
	errPromoted = errors.New("it is no standby any more")
	errDiverged = errors.New("it holds another history than the primary")
	// errForeign refuses a server that is not a standby of the primary.
	errForeign = errors.New("it is not a standby of the database that DATABASE_URL names")
)

// origin names a database: a standby has its primary's.
type origin struct {
	system   string // of the cluster, made by initdb
	database uint32 // its OID
}

func originOf(ctx context.Context, conn *pgx.Conn) (o origin, standby bool, err error) {
	err = conn.QueryRow(ctx, `SELECT (SELECT system_identifier::text FROM pg_control_system()), oid, pg_is_in_recovery()
FROM pg_database WHERE datname = current_database()`).Scan(&o.system, &o.database, &standby)
	return o, standby, err
}

// openReplica refuses what cannot be a replica of the primary. One that does not answer is no reason not to start:
// the primary answers for it until it does.
func openReplica(ctx context.Context, cfg Config, primary *postgresDB) (*replica, error) {
	config, err := pgxpool.ParseConfig(cfg.ReplicaURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_REPLICA_URL is not a PostgreSQL URL of the form postgres://user:password@host:port/database")
	}
	own, err := primary.origin(ctx)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(poolSize(cfg.MaxConns))
	config.ConnConfig.ConnectTimeout = time.Second
	for name, value := range postgresSettings {
		config.ConnConfig.RuntimeParams[name] = value
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		there, standby, err := originOf(ctx, conn)
		if err == nil && (!standby || there != own) {
			return errForeign
		}
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	r := &replica{db: &postgresDB{pool: pool, db: stdlib.OpenDBFromPool(pool)}, pause: replicaPause}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	switch err := pool.Ping(ctx); {
	case errors.Is(err, errForeign):
		return nil, errors.Join(refusal("The server that DATABASE_REPLICA_URL names cannot be used: %v. Name one of its standbys, or none.", errForeign), r.db.close())
	case err != nil:
		r.rest(err)
	}
	return r, nil
}

func (db *postgresDB) origin(ctx context.Context) (own origin, err error) {
	err = db.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		own, _, err = originOf(ctx, conn.Conn())
		return err
	})
	return own, err
}

// standing is where a conversation stands. Two databases at the same one hold the same of it.
type standing struct {
	rev, rosterRev int64
	updatedAt      time.Time
}

func standingOf(ctx context.Context, x session, c chat.ConversationID) (s standing, standby bool, err error) {
	err = x.one(ctx, into(&s.rev, &s.rosterRev, at(&s.updatedAt), &standby),
		"SELECT last_rev, roster_rev, updated_at, pg_is_in_recovery() FROM conversations WHERE id = $1", string(c))
	return s, standby, err
}

// onReplica runs a read of one conversation on the replica and reports whether that answered it. It did not, and
// the primary is to be asked, when there is no replica, when it is not well, or when the conversation is not there
// as it is on the primary at this moment, which costs the primary one look at a key. fits may say from where the
// conversation stands that the replica is not to be asked.
func (s *Store) onReplica(ctx context.Context, c chat.ConversationID, fits func(standing) bool, read func(context.Context, session) error) bool {
	if s.replica == nil || !s.replica.turn() {
		return false
	}
	want, _, err := standingOf(ctx, s.db.reader(), c)
	if err != nil || !fits(want) {
		s.replica.leave()
		return false
	}
	return s.replica.serve(ctx, c, want, read)
}

// turn reports whether the replica may be asked. After a pause one caller tries; the others do without until that
// one has had its answer.
func (r *replica) turn() bool {
	until := r.pausedUntil.Load()
	if until == 0 {
		return true
	}
	now := time.Now()
	if now.UnixNano() >= until && r.pausedUntil.CompareAndSwap(until, now.Add(2*replicaPatience).UnixNano()) {
		return true
	}
	r.passed.Add(1)
	return false
}

// leave gives back a turn that was not used.
func (r *replica) leave() {
	if r.pausedUntil.Load() != 0 {
		r.pausedUntil.Store(time.Now().UnixNano())
	}
}

func (r *replica) serve(ctx context.Context, c chat.ConversationID, want standing, read func(context.Context, session) error) bool {
	bounded, cancel := context.WithTimeout(ctx, replicaPatience)
	defer cancel()
	err := r.db.snapshot(bounded, func(x session) error {
		have, standby, err := standingOf(bounded, x, c)
		switch {
		case errors.Is(err, sql.ErrNoRows) || err == nil && have.rev != want.rev:
			return errBehind
		case err != nil:
			return err
		case !standby:
			return errPromoted
		case !have.updatedAt.Equal(want.updatedAt):
			return errDiverged
		}
		return read(bounded, x)
	})
	var refused *pgconn.PgError
	switch {
	case err == nil:
		r.served.Add(1)
	case errors.Is(err, errBehind), errors.As(err, &refused) && refused.Code == "40001":
		// 40001: what the replica applies just then took the read's rows away. It is well.
		r.behind.Add(1)
	case ctx.Err() != nil:
		// The caller has gone.
		r.leave()
		return false
	default:
		r.rest(err)
		return false
	}
	r.pausedUntil.Store(0)
	return err == nil
}

// rest leaves a replica that failed alone for a while.
func (r *replica) rest(err error) {
	r.failed.Add(1)
	said := err.Error()
	r.lastError.Store(&said)
	r.pausedUntil.Store(time.Now().Add(r.pause).UnixNano())
}
