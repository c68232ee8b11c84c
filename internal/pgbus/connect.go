package pgbus

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connect opens a connection that tells an operator what it is for (pg_stat_activity.application_name), and
// runs a first statement on it. Settings go by statement, because PgBouncer refuses most of them at the start.
func (b *Bus) connect(ctx context.Context, purpose, first string, notified func(*pgconn.PgConn, *pgconn.Notification)) (*pgx.Conn, error) {
	config := b.server.Copy()
	config.RuntimeParams["application_name"] = "parley " + purpose + " " + b.cfg.NodeID
	config.OnNotification = notified
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, first); err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

// hangUp closes a connection without waiting for a server that may not be there.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = conn.Close(ctx)
}

// A connection that failed is tried again after firstPause, and after twice as long each time up to lastPause.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

type backoff struct{ next time.Duration }

func (w *backoff) reset() { w.next = 0 }

// pause waits, for half to all of the time that is next, so that nodes do not come back all at once.
func (w *backoff) pause(ctx context.Context) {
	w.next = min(max(2*w.next, firstPause), lastPause)
	timer := time.NewTimer(w.next/2 + rand.N(w.next/2))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
