package pgbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// connecting is how long it may take until a connection listens.
	connecting = 5 * time.Second
	// silence is how long the listening connection is trusted without a question, and answering how long it has
	// for the answer: a dead one is noticed within both.
	silence   = 3 * time.Second
	answering = 2 * time.Second
	// probing is how long a probe may take from one connection to the other, before the next one is sent; there
	// are so many probes.
	probing = time.Second
	probes  = 5
)

// errDeaf means that the server takes notifications and ours do not come back.
var errDeaf = errors.New("our own notifications do not come back: LISTEN needs PostgreSQL itself, or a pooler in session mode")

// listen keeps a connection that listens until ctx ends.
func (b *Bus) listen(ctx context.Context) {
	wait := backoff{}
	var said outage
	for ctx.Err() == nil {
		err := b.attend(ctx, func() {
			b.cfg.Log.Info("notifications of the database are heard", "event", "pgbus.up")
			said = outage{}
			wait.reset()
		})
		b.setUp(false)
		if ctx.Err() != nil {
			return
		}
		if said.isNews(err) {
			b.cfg.Log.Warn("notifications of the database are not heard", "event", "pgbus.down", "error", err)
		}
		wait.pause(ctx)
	}
}

// outage is what was said about the bus being down: each new reason, up to a few.
type outage struct {
	last  string
	times int
}

func (o *outage) isNews(err error) bool {
	const few = 5
	if text := err.Error(); text != o.last && o.times < few {
		o.last = text
		o.times++
		return true
	}
	return false
}

// attend connects, listens, and hands on what comes until the connection fails.
func (b *Bus) attend(ctx context.Context, up func()) error {
	start, cancel := context.WithTimeout(ctx, connecting)
	defer cancel()
	conn, err := b.connect(start, "listen", "LISTEN "+Channel, b.notified)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	if err := b.hearProbe(ctx, conn); err != nil {
		return err
	}
	b.counts.connected.Add(1)
	b.setUp(true)
	up()
	for {
		if err := await(ctx, conn, silence, nil); err != nil {
			return err
		}
		if err := ask(ctx, conn); err != nil {
			return err
		}
	}
}

// await hands on notifications for a while, or until enough is closed.
func await(ctx context.Context, conn *pgx.Conn, span time.Duration, enough <-chan struct{}) error {
	window, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	for {
		err := conn.PgConn().WaitForNotification(window)
		select {
		case <-enough:
			return nil
		default:
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if window.Err() != nil && !conn.IsClosed() {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ask demands a word of the server.
func ask(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	return conn.Ping(ctx)
}

// hearProbe publishes probes until one is heard on this connection.
func (b *Bus) hearProbe(ctx context.Context, conn *pgx.Conn) error {
	heard := make(chan struct{})
	b.mu.Lock()
	b.probe = heard
	b.mu.Unlock()
	for range probes {
		b.out.put(letter{text: encodeProbe(b.sender, b.out.number.Add(1))})
		b.out.rouse()
		if err := await(ctx, conn, probing, heard); err != nil {
			return err
		}
		select {
		case <-heard:
			return nil
		default:
		}
	}
	if failure := b.failure.Load(); failure != nil {
		return fmt.Errorf("nothing can be published: %w", *failure)
	}
	return errDeaf
}

// notified takes a notification. It runs on the listening connection and never waits.
func (b *Bus) notified(_ *pgconn.PgConn, raw *pgconn.Notification) {
	n, how := decode(raw.Payload)
	switch {
	case how == foreign:
		b.counts.foreign.Add(1)
	case how == unknown:
		// A node of a newer version may have said something about anything.
		b.counts.unknown.Add(1)
		b.everyListener(func(l *listener) { l.miss(nil) })
	case n.sender == b.sender:
		if n.kind == kindProbe {
			b.probed()
		}
	case n.kind == kindEnvelope:
		b.everyListener(func(l *listener) { l.take(n.topic, n.envelope) })
	case n.kind == kindLost:
		b.everyListener(func(l *listener) { l.miss(n.topics) })
	}
}

func (b *Bus) probed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.probe != nil {
		close(b.probe)
		b.probe = nil
	}
}
