package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// ShowReading says of each person named who is in the conversation what they let others know of their reading.
func (s *Store) ShowReading(ctx context.Context, c chat.ConversationID, users []chat.UserID) (map[chat.UserID]chat.Showing, error) {
	out := make(map[chat.UserID]chat.Showing, len(users))
	err := s.db.reader().each(ctx, func(row scan) error {
		var u chat.UserID
		var shows chat.Showing
		var invisible bool
		if err := row(&u, &shows.Sending, &invisible); err != nil {
			return err
		}
		shows.Reading = shows.Sending && !invisible
		out[u] = shows
		return nil
	}, s.fill(`SELECT p.user_id, `+letsKnow+`, u.presence_invisible
FROM conversation_participants p JOIN users u ON u.id = p.user_id
WHERE p.conversation_id = $1 AND p.user_id {in $2}`), string(c), list(s.dialect, users))
	if err != nil {
		return nil, named(err)
	}
	return out, nil
}

// Which participants p of a user u come into view, or go out of it.
const (
	// receiptsAgain are those where they had said nothing else than what they say everywhere.
	receiptsAgain = "p.read_receipts_enabled IS NULL AND u.read_receipts_enabled"
	// visibleAgain are those where they let others know.
	visibleAgain = "COALESCE(p.read_receipts_enabled, u.read_receipts_enabled)"
)

// comesIntoView writes what people have read who let others know from now on: one step for each conversation that they
// are in and have read further in than anybody was told. It returns these.
func (s *Store) comesIntoView(ctx context.Context, x session, which string, users ...chat.UserID) (map[chat.UserID][]chat.ConversationID, error) {
	return s.stepsTo(ctx, x, `{greatest}($2, COALESCE(
    (SELECT r.read_at FROM read_receipts r WHERE r.conversation_id = p.conversation_id AND r.user_id = p.user_id ORDER BY r.seq DESC LIMIT 1), $2))`,
		which, users)
}

// goesOutOfView writes what is shown of people who are invisible from now on and have no step: the position that a program
// before schema version 3 has moved. The position moves on unseen, and the steps stay.
func (s *Store) goesOutOfView(ctx context.Context, x session, users ...chat.UserID) error {
	_, err := s.stepsTo(ctx, x, "COALESCE({greatest}(p.last_read_at, p.joined_at), $2)", visibleAgain, users)
	return err
}

// stepsTo writes a step with a time for each conversation that somebody is in and has no step of as far as they have read,
// and returns these.
func (s *Store) stepsTo(ctx context.Context, x session, moment, which string, users []chat.UserID) (map[chat.UserID][]chat.ConversationID, error) {
	of := list(s.dialect, users)
	if s.forUpdate != "" {
		_, err := x.exec(ctx, s.fill("SELECT FROM conversation_participants WHERE user_id {in $1} AND left_at IS NULL ORDER BY conversation_id, user_id {lock}"), of)
		if err != nil {
			return nil, err
		}
	}
	written := make(map[chat.UserID][]chat.ConversationID)
	err := x.each(ctx, func(row scan) error {
		var u chat.UserID
		var c chat.ConversationID
		if err := row(&u, &c); err != nil {
			return err
		}
		written[u] = append(written[u], c)
		return nil
	}, s.fill(`INSERT INTO read_receipts (conversation_id, message_id, user_id, seq, read_at)
SELECT p.conversation_id, p.last_read_message_id, p.user_id, p.last_read_seq, `+moment+`
FROM conversation_participants p JOIN users u ON u.id = p.user_id
WHERE p.user_id {in $1} AND p.left_at IS NULL AND p.last_read_message_id IS NOT NULL AND `+which+`
AND NOT EXISTS (SELECT 1 FROM read_receipts r WHERE r.conversation_id = p.conversation_id AND r.user_id = p.user_id AND r.seq >= p.last_read_seq)
ON CONFLICT (conversation_id, message_id, user_id) DO NOTHING
RETURNING user_id, conversation_id`), of, s.moment(s.now()))
	return written, err
}

// eraseReading takes away what is known of an erased person's reading in those conversations.
func (s *Store) eraseReading(ctx context.Context, x session, u chat.UserID, cs []chat.ConversationID) error {
	rows := make([]stepRow, len(cs))
	for i, c := range cs {
		rows[i] = stepRow{conversation: c, user: u}
	}
	if err := s.lockSeats(ctx, x, rows); err != nil {
		return err
	}
	for _, statement := range []string{
		"UPDATE conversation_participants SET last_read_message_id = NULL, last_read_at = NULL, delivered_seq = 0 WHERE user_id = $1 AND conversation_id {in $2}",
		"DELETE FROM read_receipts WHERE user_id = $1 AND conversation_id {in $2}",
		"DELETE FROM buried_receipts WHERE user_id = $1 AND conversation_id {in $2}",
	} {
		if _, err := x.exec(ctx, s.fill(statement), string(u), list(s.dialect, cs)); err != nil {
			return err
		}
	}
	return nil
}

// everIn are the conversations that somebody is or was in, in order of their ids. Of those who left there is no index: it
// reads all participants.
func (s *Store) everIn(ctx context.Context, u chat.UserID) (cs []chat.ConversationID, err error) {
	err = s.db.examine(ctx, func(x session) error {
		cs, err = ids[chat.ConversationID](ctx, x, "SELECT conversation_id FROM conversation_participants WHERE user_id = $1 ORDER BY conversation_id", string(u))
		return err
	})
	return cs, err
}
