package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/parley-chat/parley/internal/chat"
)

// EditMessage replaces the content and takes the next rev. CodeNotFound when the message is not in the
// conversation or is deleted, ErrStale when the roster has changed.
func (s *Store) EditMessage(ctx context.Context, e chat.Edit) (chat.Message, error) {
	if err := s.writable(); err != nil {
		return chat.Message{}, err
	}
	var m chat.Message
	err := s.decided(ctx, e.Conversation, e.RosterRev, func(x session, t *tail) error {
		err := x.one(ctx, into(messageInto(&m)...), s.fill(`UPDATE messages
SET content = $3, rev = $4, edited_at = {greatest}($5, updated_at), updated_at = {greatest}($5, updated_at)
WHERE conversation_id = $1 AND id = $2 AND deleted_at IS NULL
RETURNING `+messageColumns), string(e.Conversation), string(e.Message), e.Content, t.nextRev(), s.moment(s.now()))
		return found(err, "message")
	})
	return m, err
}

// DeleteMessage leaves a tombstone (content erased, seq kept) and takes the next rev (C1.5). Deleting what is
// deleted returns the tombstone with already = true and takes no rev.
func (s *Store) DeleteMessage(ctx context.Context, d chat.Deletion) (m chat.Message, already bool, err error) {
	err = s.decided(ctx, d.Conversation, d.RosterRev, func(x session, t *tail) error {
		already = false
		err := x.one(ctx, into(messageInto(&m)...),
			"SELECT "+messageColumns+" FROM messages WHERE conversation_id = $1 AND id = $2", string(d.Conversation), string(d.Message))
		if err != nil {
			return found(err, "message")
		}
		if m.Deleted() {
			already = true
			return nil
		}
		return x.one(ctx, into(messageInto(&m)...), s.fill(entomb), string(d.Conversation), string(d.Message), t.nextRev(), s.moment(s.now()))
	})
	return m, already, err
}

const entomb = `UPDATE messages
SET content = '', rev = $3, deleted_at = {greatest}($4, updated_at), updated_at = {greatest}($4, updated_at)
WHERE conversation_id = $1 AND id = $2
RETURNING ` + messageColumns

// decided runs a change of a conversation under its lock, if its roster is the one that the change was
// decided on, and writes back the numbers that it took.
func (s *Store) decided(ctx context.Context, c chat.ConversationID, rosterRev int64, change func(session, *tail) error) error {
	return named(s.db.write(ctx, func(x session) error {
		t, err := s.lockTail(ctx, x, c)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return chat.NotInConversation()
		case err != nil:
			return err
		case !t.endedAt.IsZero():
			return chat.NotInConversation()
		case t.rosterRev != rosterRev:
			return chat.ErrStale
		}
		if err := change(x, t); err != nil {
			return err
		}
		return s.moveTail(ctx, x, c, t)
	}))
}
