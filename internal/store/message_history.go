package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// anyStanding lets the replica read whatever has changed.
func anyStanding(standing) bool { return true }

// Messages returns a page of history, tombstones included: newest first for older, oldest first for newer.
// The position is (created_at, id), which in a conversation is the order of seq (C1.4), and the index
// idx_messages_conversation_created is in that order: nothing is sorted.
func (s *Store) Messages(ctx context.Context, q chat.HistoryQuery) (messages []chat.Message, hasMore bool, err error) {
	read := func(ctx context.Context, x session) (err error) {
		messages, err = s.page(ctx, x, q)
		return err
	}
	if !s.onReplica(ctx, q.Conversation, anyStanding, read) {
		if err := read(ctx, s.db.reader()); err != nil {
			return nil, false, named(err)
		}
	}
	if len(messages) > q.Limit {
		return messages[:q.Limit], true, nil
	}
	return messages, false, nil
}

// page is a page of history and one message more, if there is one.
func (s *Store) page(ctx context.Context, x session, q chat.HistoryQuery) ([]chat.Message, error) {
	query := "SELECT " + messageColumns + " FROM messages WHERE conversation_id = $1"
	args := []any{string(q.Conversation), q.Limit + 1}
	positioned := q.ID != "" || !q.CreatedAt.IsZero()
	if positioned {
		args = append(args, s.moment(q.CreatedAt), string(q.ID))
	}
	switch {
	case q.Newer && positioned:
		query += " AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $2"
	case q.Newer:
		query += " ORDER BY created_at, id LIMIT $2"
	case positioned:
		query += " AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $2"
	default:
		query += " ORDER BY created_at DESC, id DESC LIMIT $2"
	}
	return s.messages(ctx, x, q.Limit+1, query, args...)
}

// messages reads at most limit messages.
func (s *Store) messages(ctx context.Context, x session, limit int, query string, args ...any) ([]chat.Message, error) {
	out := make([]chat.Message, 0, min(limit, 101))
	err := x.each(ctx, func(row scan) error {
		var m chat.Message
		if err := row(messageInto(&m)...); err != nil {
			return err
		}
		out = append(out, m)
		return nil
	}, query, args...)
	return out, err
}
