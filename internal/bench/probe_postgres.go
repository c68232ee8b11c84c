package bench

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	insertOne = `INSERT INTO bench_probe (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $4, $5, 'text', $6, $7, $7)`
	insertMany = `INSERT INTO bench_probe (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
		SELECT id, conversation_id, sender_id, seq, seq, content, 'text', client_message_id, created_at, created_at
		FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[])
			AS r(id, conversation_id, sender_id, seq, content, client_message_id, created_at)`
)

// postgresProbe inserts into a table made like messages, in the same database.
type postgresProbe struct {
	url  string
	conn *pgx.Conn
	rows *rows
}

func newPostgresProbe(ctx context.Context, url string) (*postgresProbe, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	p := &postgresProbe{url: url, conn: conn, rows: newRows()}
	for _, statement := range []string{"DROP TABLE IF EXISTS bench_probe", "CREATE TABLE bench_probe (LIKE messages INCLUDING ALL)"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, errors.Join(err, conn.Close(ctx))
		}
	}
	return p, nil
}

func binary16(id string) [16]byte { return uuid.MustParse(id) }

func (p *postgresProbe) batch(ctx context.Context, n int, during time.Duration) (float64, error) {
	var (
		ids, talks, people = make([][16]byte, n), make([][16]byte, n), make([][16]byte, n)
		seqs               = make([]int64, n)
		contents, keys     = make([]string, n), make([]string, n)
		times              = make([]time.Time, n)
	)
	rate, err := repeat(during, func() error {
		for i := range n {
			r := p.rows.row()
			ids[i], talks[i], people[i] = binary16(r.id), binary16(r.talk), binary16(r.person)
			seqs[i], contents[i], keys[i], times[i] = r.seq, hundred, r.key, r.at
		}
		_, err := p.conn.Exec(ctx, insertMany, ids, talks, people, seqs, contents, keys, times)
		return err
	})
	return rate * float64(n), err
}

func insert(ctx context.Context, conn *pgx.Conn, r row) error {
	_, err := conn.Exec(ctx, insertOne, binary16(r.id), binary16(r.talk), binary16(r.person), r.seq, hundred, r.key, r.at)
	return err
}

func (p *postgresProbe) single(ctx context.Context, count int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, count)
	for range count {
		r := p.rows.row()
		began := time.Now()
		if err := insert(ctx, p.conn, r); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

func (p *postgresProbe) parallel(ctx context.Context, connections int, during time.Duration) (float64, error) {
	type worker struct {
		conn *pgx.Conn
		rows *rows
	}
	workers := make([]worker, connections)
	for i := range workers {
		conn, err := pgx.Connect(ctx, p.url)
		if err != nil {
			return 0, err
		}
		defer conn.Close(ctx)
		workers[i] = worker{conn, newRows()}
	}
	return together(connections, during, func(i int) error { return insert(ctx, workers[i].conn, workers[i].rows.row()) })
}

func (p *postgresProbe) close() error {
	ctx := context.Background()
	_, err := p.conn.Exec(ctx, "DROP TABLE IF EXISTS bench_probe")
	return errors.Join(err, p.conn.Close(ctx))
}
