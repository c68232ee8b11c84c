package faults

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/pgbus"
)

var postgresKinds = []*Kind{
	{
		Name: "database-cut", About: "no connection to PostgreSQL, for one node or for all", Shapes: onPostgres,
		Shortest: 200 * time.Millisecond, Longest: 5 * time.Second, claims: linesOf("→PostgreSQL"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			return weather(toPostgres(s, p), proxy.Weather{Refuse: true}, p), nil
		},
	},
	{
		Name: "database-half-open", About: "connections to PostgreSQL stay open and carry nothing, in one direction or both", Shapes: onPostgres,
		Shortest: 500 * time.Millisecond, Longest: 10 * time.Second, claims: linesOf("→PostgreSQL"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			return weather(toPostgres(s, p), held(p), p), nil
		},
	},
	{
		Name: "database-delayed", About: "every answer of PostgreSQL takes up to a third of a second longer", Shapes: onPostgres,
		Shortest: time.Second, Longest: 8 * time.Second, claims: linesOf("→PostgreSQL"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			return weather(toPostgres(s, p), delayed(p, 200*time.Millisecond), p), nil
		},
	},
	{
		Name: "postgres-restart", About: "PostgreSQL is shut down and started again", Shapes: onPostgres,
		Shortest: 50 * time.Millisecond, Longest: 4 * time.Second, claims: only("PostgreSQL"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			s.Cluster.Postgres.Stop()
			return func(context.Context) error { return s.Cluster.Postgres.Restart() }, nil
		},
	},
	{
		Name: "postgres-crash", About: "PostgreSQL crashes, recovers and is back", Shapes: onPostgres,
		Shortest: 50 * time.Millisecond, Longest: 2 * time.Second, claims: only("PostgreSQL"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			s.Cluster.Postgres.Crash()
			return func(context.Context) error { return s.Cluster.Postgres.Restart() }, nil
		},
	},
	{
		Name: "postgres-backends", About: "an administrator ends every connection to the database", Shapes: onPostgres,
		claims: only("PostgreSQL"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			err := s.Cluster.Postgres.Administer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", s.Cluster.Database)
			return nothing, err
		},
	},
	{
		Name: "database-garbage", About: "foreign garbage is notified on our channel", Shapes: onPostgres, claims: only("PostgreSQL"),
		inject: func(ctx context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			return nothing, notifyGarbage(ctx, s)
		},
	},
	{
		Name: "row-lock", About: "somebody holds the row of the busiest conversation", Shapes: onPostgres,
		Shortest: 500 * time.Millisecond, Longest: 6 * time.Second, claims: only("PostgreSQL"),
		inject: func(ctx context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			return lock(ctx, s, "SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE", s.Conversations()[0])
		},
	},
	{
		Name: "table-lock", About: "somebody holds a table as ALTER TABLE does", Shapes: onPostgres,
		Shortest: 500 * time.Millisecond, Longest: 6 * time.Second, claims: only("PostgreSQL"),
		inject: func(ctx context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			table := []string{"messages", "conversations", "conversation_participants", "users"}[p.Dice%4]
			return lock(ctx, s, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
		},
	},
}

func toPostgres(s *Site, p Planned) []*proxy.Proxy {
	return lines(s, p, func(node int) *proxy.Proxy { return s.Cluster.Nodes[node].Database })
}

// notifyGarbage sends what PostgreSQL takes for a notification: up to 8,000 bytes of valid text.
func notifyGarbage(ctx context.Context, s *Site) error {
	conn, err := pgx.Connect(ctx, s.Cluster.DatabaseURL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	send := func(text string) error {
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			return nil
		}
		_, err := conn.Exec(ctx, "SELECT pg_notify($1, $2)", pgbus.Channel, text[:min(len(text), 7900)])
		return err
	}
	for _, text := range garbage {
		if err := send(text); err != nil {
			return err
		}
	}
	return litter(s, func(channel, text string) error { return send(channel + " " + text) })
}

// lock takes a lock in a transaction of its own and returns what gives it back.
func lock(ctx context.Context, s *Site, statement string, args ...any) (func(context.Context) error, error) {
	conn, err := pgx.Connect(ctx, s.Cluster.DatabaseURL())
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "BEGIN")
	if err == nil {
		_, err = conn.Exec(ctx, statement, args...)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn.Close, nil
}
