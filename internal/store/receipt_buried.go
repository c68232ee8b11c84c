package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// BuryStep keeps a step that could not be written in five tries, with the reason, until it is replayed (C6.4). Burying
// it again keeps the later reason.
func (s *Store) BuryStep(ctx context.Context, st chat.Step, reason string) error {
	return named(s.db.write(ctx, func(x session) error {
		_, err := x.exec(ctx, `INSERT INTO buried_receipts (conversation_id, message_id, user_id, seq, read_at, private, tries, reason, buried_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (conversation_id, message_id, user_id) DO UPDATE SET tries = excluded.tries, reason = excluded.reason, buried_at = excluded.buried_at`,
			string(st.Conversation), string(st.Message), string(st.User), st.Seq, s.moment(st.At), st.Private, st.Tries, reason, s.moment(s.now()))
		return err
	}))
}

// BuriedSteps returns a page of them, at most limit, those that were buried first foremost, and how many there are in all.
// There are few or something is badly wrong, so all are looked at.
func (s *Store) BuriedSteps(ctx context.Context, after chat.Buried, limit int) (page []chat.Buried, all int, err error) {
	query, args := `SELECT conversation_id, message_id, user_id, seq, read_at, private, tries, reason, buried_at FROM buried_receipts`, []any{limit}
	if after.User != "" {
		query += " WHERE (buried_at, conversation_id, message_id, user_id) > ($2, $3, $4, $5)"
		args = append(args, s.moment(after.Since), string(after.Conversation), string(after.Message), string(after.User))
	}
	err = s.db.snapshot(ctx, func(x session) error {
		if err := x.one(ctx, into(&all), "SELECT count(*) FROM buried_receipts"); err != nil {
			return err
		}
		return x.each(ctx, func(row scan) error {
			var b chat.Buried
			if err := row(&b.Conversation, &b.Message, &b.User, &b.Seq, at(&b.At), &b.Private, &b.Tries, &b.Reason, at(&b.Since)); err != nil {
				return err
			}
			page = append(page, b)
			return nil
		}, query+" ORDER BY buried_at, conversation_id, message_id, user_id LIMIT $1", args...)
	})
	if err != nil {
		return nil, 0, named(err)
	}
	return page, all, nil
}

// Groundless returns those of the steps that rest on nothing, in their order: their message is not there, or their person
// was never in the conversation or is erased. [Store.WriteSteps] leaves them out.
func (s *Store) Groundless(ctx context.Context, steps []chat.Step) (groundless []chat.Step, err error) {
	taken := make([]takenStep, len(steps))
	rows, places := make([]stepRow, 0, len(steps)), make([]int, 0, len(steps))
	for i, st := range steps {
		if namesStep(st) {
			rows, places = append(rows, stepRow{st.Conversation, st.User, st.Message, st.Seq, st.At}), append(places, i)
		}
	}
	if len(rows) > 0 {
		found := make([]takenStep, len(rows))
		if err := s.readGrounds(ctx, s.db.reader(), rows, found); err != nil {
			return nil, named(err)
		}
		for i, st := range found {
			taken[places[i]] = st
		}
	}
	for i, st := range steps {
		if taken[i].ground == nil {
			groundless = append(groundless, st)
		}
	}
	return groundless, nil
}

// ExhumeSteps takes buried steps out.
func (s *Store) ExhumeSteps(ctx context.Context, steps []chat.Step) error {
	rows := make([]stepRow, len(steps))
	for i, st := range steps {
		rows[i] = stepRow{st.Conversation, st.User, st.Message, st.Seq, st.At}
	}
	if len(rows) == 0 {
		return nil
	}
	return named(s.db.write(ctx, func(x session) error {
		_, err := x.exec(ctx, s.fill(`DELETE FROM buried_receipts
WHERE (conversation_id, message_id, user_id) IN (SELECT k.conversation_id, k.message_id, k.user_id FROM {steps})`), s.stepRows(rows)...)
		return err
	}))
}
