package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parley-chat/parley/internal/breaker"
	"github.com/parley-chat/parley/internal/chat"
)

const (
	// probeRest is the time between two questions to a PostgreSQL that is away whether it is back.
	probeRest = 250 * time.Millisecond
	// probeEvery is the time between two signs of life of one that is there.
	probeEvery = time.Second
	// probeWithin is how long one may take: who answers later confirms no message within 3 s (C2.6).
	probeWithin = 2500 * time.Millisecond
	// awayRetry is when whoever was refused had better ask again.
	awayRetry = time.Second
)

// gate lets requests through to PostgreSQL while it answers. Whether it does is found out by a connection of the gate's own:
// a request that fails only has it look. So nothing that concerns one request shuts the gate: a refusal, a lock, a statement
// that takes long, a connection that somebody ended. A nil gate is always open.
type gate struct {
	*breaker.Breaker
	config *pgx.ConnConfig
	conn   *pgx.Conn // the watch's alone; nil until it is needed
}

func newGate(pool *pgxpool.Pool, nodeID string) *gate {
	config := pool.Config().ConnConfig
	if nodeID != "" {
		config.RuntimeParams["application_name"] = "parley probe " + nodeID
	}
	g := &gate{Breaker: breaker.New(breaker.Config{Part: "database", Rest: probeRest}), config: config}
	g.OnChange(func(c breaker.Change) {
		if c.Opened {
			// Connections that a network swallowed look open, and would cost the first requests afterwards all their time.
			pool.Reset()
		}
	})
	return g
}

// pass asks PostgreSQL, or refuses at once while it is away. What is under way when it is found away is called off.
func (g *gate) pass(ctx context.Context, ask func(context.Context) error) error {
	if g == nil {
		return ask(ctx)
	}
	within, cancel, open := g.Within(ctx)
	if !open {
		return away(breaker.ErrOpen)
	}
	defer cancel()
	err := ask(within)
	if err == nil {
		return nil
	}
	if silent(err) && !errors.Is(ctx.Err(), context.Canceled) {
		g.Doubt()
	}
	var named *chat.Error
	if ctx.Err() == nil && context.Cause(within) == breaker.ErrOpen && !errors.As(err, &named) {
		return away(err)
	}
	return err
}

// away is what is answered of a request that was not made, or called off before it could have changed anything.
func away(err error) error {
	return &chat.Error{
		Code: chat.CodeDBConnectionLost, Message: saidLost, RetryAfter: awayRetry, Outcome: chat.OutcomeRejected, Err: err,
	}
}

// await waits until PostgreSQL is not known to be away.
func (g *gate) await(ctx context.Context) error {
	if g == nil {
		return nil
	}
	return g.Wait(ctx)
}

// watch looks after PostgreSQL until ctx ends. Without it the gate stays open.
func (g *gate) watch(ctx context.Context) {
	g.Watch(ctx, breaker.Watch{Every: probeEvery, Within: probeWithin, Probe: g.probe})
	g.hangUp()
}

// probe asks for a sign of life over its connection, or over a new one when that is dead.
func (g *gate) probe(ctx context.Context) error {
	if g.conn != nil {
		if _, err := g.conn.Exec(ctx, "SELECT 1"); err == nil || !silent(err) {
			return nil
		}
		g.hangUp()
	}
	conn, err := pgx.ConnectConfig(ctx, g.config)
	if err != nil {
		if silent(err) {
			return err
		}
		return nil
	}
	g.conn = conn
	_, err = conn.Exec(ctx, "SELECT 1")
	if err != nil && silent(err) {
		g.hangUp()
		return err
	}
	return nil
}

func (g *gate) hangUp() {
	if g.conn == nil {
		return
	}
	// It says goodbye to a server that may not listen.
	ctx, cancel := context.WithTimeout(context.Background(), probeRest)
	defer cancel()
	_ = g.conn.Close(ctx)
	g.conn = nil
}

// silent reports that an error is none that a server which serves has said.
func silent(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		// It, or the pooler before it, says that it goes, is not there yet, or cannot be reached.
		return refused.Code == "57P01" || refused.Code == "57P02" || refused.Code == "57P03" || strings.HasPrefix(refused.Code, "08")
	}
	return errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) || connectionLost(err)
}

// Await returns nil as soon as the database is not known to be away, or why ctx ended before. SQLite never is.
func (s *Store) Await(ctx context.Context) error { return s.db.guard().await(ctx) }

// Away reports whether the database is known to be away.
func (s *Store) Away() bool {
	g := s.db.guard()
	return g != nil && g.State() != breaker.Closed
}

// Watch looks after a database that is another process until ctx ends: while it is away, requests are refused at once. Until
// Watch runs, and on SQLite, none is.
func (s *Store) Watch(ctx context.Context) error {
	if g := s.db.guard(); g != nil {
		g.watch(ctx)
	}
	return nil
}

// Breakers are those before the databases that are other processes.
func (s *Store) Breakers() []*breaker.Breaker {
	if g := s.db.guard(); g != nil {
		return []*breaker.Breaker{g.Breaker}
	}
	return nil
}
