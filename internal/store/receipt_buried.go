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

// BuriedSteps returns the oldest, at most limit, and how many there are. There are few or something is badly wrong, so
// all are looked at.
func (s *Store) BuriedSteps(ctx context.Context, limit int) (steps []chat.Step, all int, err error) {
	err = s.db.snapshot(ctx, func(x session) error {
		if err := x.one(ctx, into(&all), "SELECT count(*) FROM buried_receipts"); err != nil {
			return err
		}
		return x.each(ctx, func(row scan) error {
			var st chat.Step
			if err := row(&st.Conversation, &st.Message, &st.User, &st.Seq, at(&st.At), &st.Private, &st.Tries); err != nil {
				return err
			}
			steps = append(steps, st)
			return nil
		}, `SELECT conversation_id, message_id, user_id, seq, read_at, private, tries FROM buried_receipts
ORDER BY buried_at, conversation_id, message_id, user_id LIMIT $1`, limit)
	})
	if err != nil {
		return nil, 0, named(err)
	}
	return steps, all, nil
}

// ExhumeSteps takes them out after they were written.
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
