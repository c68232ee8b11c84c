// Package tally counts what a PostgreSQL and a Redis are asked while something is done, by what they count themselves. Both
// count everybody, so nobody else may use them meanwhile. The benchmark and the crash test measure with it.
package tally

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/redis/rueidis"
)

// Library is what PostgreSQL has to load at its start.
const Library = "pg_stat_statements"

// Counters count from two connections of their own, which count nothing themselves.
type Counters struct {
	conn  *pgx.Conn
	redis rueidis.Client
}

// Asked is how often they were asked.
type Asked struct {
	Statements int64 // of SQL, without those that only begin and end transactions
	Commands   int64 // of Redis, as clients send them
	Scripted   int64 // of Redis, inside of scripts
}

// Open connects. The database must have loaded pg_stat_statements at its start ([Library]), and its user may create the
// extension.
func Open(ctx context.Context, databaseURL, redisURL string) (*Counters, error) {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS "+Library); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	option, err := rueidis.ParseURL(redisURL)
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	option.DisableCache = true
	redis, err := rueidis.NewClient(option)
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return &Counters{conn, redis}, nil
}

// Close ends both connections.
func (c *Counters) Close(ctx context.Context) {
	c.redis.Close()
	_ = c.conn.Close(ctx)
}

// Over counts what is asked while something is done.
func (c *Counters) Over(ctx context.Context, do func() error) (Asked, error) {
	before, err := c.now(ctx)
	if err != nil {
		return Asked{}, err
	}
	if err := do(); err != nil {
		return Asked{}, err
	}
	after, err := c.now(ctx)
	return Asked{after.Statements - before.Statements, after.Commands - before.Commands, after.Scripted - before.Scripted}, err
}

// outside are the commands that a client sends to have others run inside a script, or to be told something: the rest of
// what Redis counts while nobody else uses it runs inside scripts.
var outside = map[string]bool{
	"evalsha": true, "eval": true, "publish": true, "spublish": true, "subscribe": true, "ssubscribe": true, "unsubscribe": true,
	"sunsubscribe": true, "ping": true, "info": true, "hello": true, "client|setinfo": true, "client|id": true, "pubsub|numsub": true,
}

func (c *Counters) now(ctx context.Context) (out Asked, err error) {
	// What this connection asks, and what only begins and ends transactions, is not counted.
	err = c.conn.QueryRow(ctx, `SELECT COALESCE(sum(calls), 0) FROM pg_stat_statements
WHERE query NOT LIKE '%pg_stat_statements%' AND upper(query) NOT IN ('BEGIN', 'COMMIT', 'ROLLBACK') AND upper(query) NOT LIKE 'BEGIN %'`).Scan(&out.Statements)
	if err != nil {
		return Asked{}, err
	}
	text, err := c.redis.Do(ctx, c.redis.B().Info().Section("commandstats").Build()).ToString()
	if err != nil {
		return Asked{}, err
	}
	for line := range strings.Lines(text) {
		name, rest, is := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !is {
			continue
		}
		digits, _, _ := strings.Cut(rest, ",")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return Asked{}, err
		}
		if outside[name] {
			out.Commands += n
		} else {
			out.Scripted += n
		}
	}
	return out, nil
}
