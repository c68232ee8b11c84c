package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// leanPostgres appends a batch in one statement: it locks the conversations in order of id, so that two
// nodes cannot deadlock, moves those whose roster is the one decided on, and inserts their messages. What
// was moved comes back; all numbers follow from it.
//
// The subquery that locks depends on its conversation, so that it is run for one after the other in their order,
// by the primary key.
const leanPostgres = `WITH locked AS (
    SELECT p.* FROM (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS p (id, roster_rev, n) ORDER BY id) p
    CROSS JOIN LATERAL (SELECT FROM conversations c WHERE c.id = p.id FOR NO KEY UPDATE) c
), moved AS (
    UPDATE conversations c SET last_seq = last_seq + n, last_rev = last_rev + n,
        last_message_at = GREATEST($4, last_message_at + interval '1 microsecond') + (n - 1) * interval '1 microsecond',
        updated_at = GREATEST($4, last_message_at + interval '1 microsecond', updated_at) + (n - 1) * interval '1 microsecond'
    FROM locked l
    WHERE c.id = l.id AND c.roster_rev = l.roster_rev AND c.ended_at IS NULL
    RETURNING c.id, last_seq - n + 1 AS first_seq, last_rev - n + 1 AS first_rev, last_message_at - (n - 1) * interval '1 microsecond' AS first_at
), added AS (
    INSERT INTO messages (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
    SELECT d.id, m.id, d.sender_id, m.first_seq + d.place, m.first_rev + d.place, d.content, d.content_type, d.client_message_id,
        m.first_at + d.place * interval '1 microsecond', m.first_at + d.place * interval '1 microsecond'
    FROM unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::bigint[], $9::text[], $10::text[], $11::text[])
        AS d (conversation_id, id, sender_id, place, content, content_type, client_message_id)
    JOIN moved m ON m.id = d.conversation_id
)
SELECT id, first_seq, first_rev, first_at FROM moved`

// leanPostgresOne is the same for a batch of one, without the arrays.
const leanPostgresOne = `WITH moved AS (
    UPDATE conversations SET last_seq = last_seq + 1, last_rev = last_rev + 1,
        last_message_at = GREATEST($3, last_message_at + interval '1 microsecond'),
        updated_at = GREATEST($3, last_message_at + interval '1 microsecond', updated_at)
    WHERE id = $1 AND roster_rev = $2 AND ended_at IS NULL
    RETURNING id, last_seq, last_rev, last_message_at
)
INSERT INTO messages (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
SELECT $4, id, $5, last_seq, last_rev, $6, $7, $8, last_message_at, last_message_at FROM moved
RETURNING seq, rev, created_at`

func (db *postgresDB) appendLean(ctx context.Context, b *batch) error {
	return db.gate.pass(ctx, func(ctx context.Context) error {
		var err error
		if len(b.drafts) == 1 {
			err = db.appendLeanOne(ctx, b)
		} else {
			err = db.appendLeanMany(ctx, b)
		}
		switch {
		case duplicate(err):
			return errDuplicate
		case err != nil:
			// The statement is its own transaction, so an answer that is missing is that of a commit.
			return unknown(err)
		}
		return nil
	})
}

func (db *postgresDB) appendLeanOne(ctx context.Context, b *batch) error {
	d, p := &b.drafts[0], &b.parts[0]
	rows, err := db.pool.Query(ctx, leanPostgresOne, uuidOf(d.Conversation), d.RosterRev, b.now,
		uuidOf(d.ID), uuidOf(d.Sender), d.Content, d.ContentType, d.ClientMessageID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&p.firstSeq, &p.firstRev, at(&p.firstAt)); err != nil {
			return err
		}
		p.taken = true
	}
	return rows.Err()
}

func (db *postgresDB) appendLeanMany(ctx context.Context, b *batch) error {
	rows, err := db.pool.Query(ctx, leanPostgres, b.arrays()...)
	if err != nil {
		return err
	}
	defer rows.Close()
	byID := make(map[pgtype.UUID]*part, len(b.parts))
	for i := range b.parts {
		byID[uuidOf(b.parts[i].conversation)] = &b.parts[i]
	}
	var id pgtype.UUID
	var seq, rev int64
	var first time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &seq, &rev, &first}, func() error {
		p := byID[id]
		p.firstSeq, p.firstRev, p.firstAt, p.taken = seq, rev, first.UTC(), true
		return nil
	})
	return err
}

// arrays are the arguments of leanPostgres.
func (b *batch) arrays() []any {
	ids, revs, ns := make([]pgtype.UUID, len(b.parts)), make([]int64, len(b.parts)), make([]int64, len(b.parts))
	for i := range b.parts {
		p := &b.parts[i]
		ids[i], revs[i], ns[i] = uuidOf(p.conversation), p.rosterRev, p.n
	}
	n := len(b.drafts)
	conversations, messages, senders := make([]pgtype.UUID, n), make([]pgtype.UUID, n), make([]pgtype.UUID, n)
	places := make([]int64, n)
	contents, types, clientIDs := make([]string, n), make([]string, n), make([]string, n)
	for i := range b.drafts {
		d := &b.drafts[i]
		conversations[i], messages[i], senders[i] = ids[b.part[i]], uuidOf(d.ID), uuidOf(d.Sender)
		places[i] = int64(b.place[i])
		contents[i], types[i], clientIDs[i] = d.Content, d.ContentType, d.ClientMessageID
	}
	return []any{ids, revs, ns, b.now, conversations, messages, senders, places, contents, types, clientIDs}
}

// uuidOf is an id in sixteen bytes. Ids are made by the server, so one that is no UUID names nothing; it
// becomes NULL, which no row equals.
func uuidOf[S ~string](id S) pgtype.UUID {
	var u pgtype.UUID
	if err := u.Scan(string(id)); err != nil {
		return pgtype.UUID{}
	}
	return u
}

const leanSQLiteMove = `UPDATE conversations SET last_seq = last_seq + $3, last_rev = last_rev + $3,
    last_message_at = MAX($4, COALESCE(last_message_at + 1, 0)) + $3 - 1,
    updated_at = MAX($4, COALESCE(last_message_at + 1, 0), updated_at) + $3 - 1
WHERE id = $1 AND roster_rev = $2 AND ended_at IS NULL
RETURNING last_seq - $3 + 1, last_rev - $3 + 1, last_message_at - $3 + 1`

// appendLean is the same in one transaction of SQLite, which has no data-changing WITH: a statement a
// conversation and a statement a message, each prepared.
func (db *sqliteDB) appendLean(ctx context.Context, b *batch) error {
	return db.write(ctx, func(x session) error {
		for i := range b.parts {
			p := &b.parts[i]
			p.taken = false
			err := x.each(ctx, func(row scan) error {
				p.taken = true
				return row(&p.firstSeq, &p.firstRev, at(&p.firstAt))
			}, leanSQLiteMove, string(p.conversation), p.rosterRev, p.n, b.now.UnixMicro())
			if err != nil {
				return err
			}
		}
		for i := range b.drafts {
			if !b.parts[b.part[i]].taken {
				continue
			}
			m := b.stored(i)
			if _, err := x.exec(ctx, insertMessage, sqliteDialect.messageArgs(&m)...); err != nil {
				if duplicate(err) {
					return errDuplicate
				}
				return err
			}
		}
		return nil
	})
}
