package pgbus

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// publishing is how long a statement may take: as long as one of the store's (C2.6).
	publishing = 3 * time.Second
	// idlePublisher is how long the publishing connection is kept without use.
	idlePublisher = time.Minute
	// lastWords is how long the end of Run waits for what is queued.
	lastWords = time.Second
)

// publisher is the connection that publishes, open or not.
type publisher struct {
	*Bus
	conn *pgx.Conn
}

// publish publishes until ctx ends.
func (b *Bus) publish(ctx context.Context) {
	p := &publisher{Bus: b}
	defer p.close()
	idle := time.NewTimer(idlePublisher)
	defer idle.Stop()
	wait := backoff{}
	// A statement under way is not cut off by the end of the node: its envelopes would be lost.
	steady := context.WithoutCancel(ctx)
	for {
		select {
		case <-ctx.Done():
			p.finish(steady)
			return
		case <-idle.C:
			p.close()
			continue
		case <-b.out.wake:
		}
		if p.drain(steady) {
			wait.reset()
		} else {
			wait.pause(ctx)
			b.out.rouse()
		}
		idle.Reset(idlePublisher)
	}
}

// drain publishes all there is; it reports false when something could not be.
func (p *publisher) drain(ctx context.Context) bool {
	for more := true; more; {
		var b batch
		if b, more = p.out.take(); b.empty() {
			return true
		}
		if err := p.send(ctx, b); err != nil {
			p.out.giveUp(b)
			p.counts.failed.Add(1)
			p.failure.Store(&err)
			p.close()
			return false
		}
	}
	return true
}

// finish publishes what is left when the node ends.
func (p *publisher) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	p.drain(ctx)
}

// send publishes a batch in one statement, which is one transaction.
func (p *publisher) send(ctx context.Context, b batch) (err error) {
	ctx, cancel := context.WithTimeout(ctx, publishing)
	defer cancel()
	if p.conn == nil {
		// Nobody has to wait for the disk: what a crash of the server takes with it, it takes from all nodes, which then
		// connect again and are told.
		if p.conn, err = p.connect(ctx, "publish", "SET synchronous_commit = off", nil); err != nil {
			return err
		}
	}
	texts := make([]string, 0, len(b.letters)+1)
	if b.lost {
		texts = encodeLost(p.sender, func() uint64 { return p.out.number.Add(1) }, b.topics)
	}
	for _, l := range b.letters {
		texts = append(texts, l.text)
	}
	if _, err = p.conn.Exec(ctx, "SELECT pg_notify('"+Channel+"', text) FROM unnest($1::text[]) AS text", texts); err != nil {
		return err
	}
	p.counts.statements.Add(1)
	p.failure.Store(nil)
	return nil
}

func (p *publisher) close() {
	if p.conn == nil {
		return
	}
	hangUp(p.conn)
	p.conn = nil
}
