package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

const selectConversations = `SELECT c.id, c.type, c.title, c.owner_id, c.last_seq, c.last_rev, c.roster_rev, c.created_at, c.updated_at, c.ended_at,
    (SELECT count(*) FROM conversation_participants n WHERE n.conversation_id = c.id AND n.left_at IS NULL),
    m.id, m.sender_id, COALESCE(m.seq, 0), COALESCE(m.rev, 0), m.content, m.content_type, m.client_message_id,
    m.created_at, m.updated_at, m.edited_at, m.deleted_at
FROM conversations c
LEFT JOIN messages m ON m.conversation_id = c.id AND m.seq = c.last_seq
WHERE c.id {in $1}`

func scanConversation(row scan) (*chat.Conversation, error) {
	c, m := new(chat.Conversation), new(chat.Message)
	err := row(&c.ID, &c.Type, &c.Title, text(&c.OwnerID), &c.LastSeq, &c.LastRev, &c.RosterRev, at(&c.CreatedAt), at(&c.UpdatedAt), at(&c.EndedAt),
		&c.ParticipantCount,
		text(&m.ID), text(&m.Sender), &m.Seq, &m.Rev, text(&m.Content), text(&m.ContentType), text(&m.ClientMessageID),
		at(&m.CreatedAt), at(&m.UpdatedAt), at(&m.EditedAt), at(&m.DeletedAt))
	if m.ID != "" {
		m.Conversation = c.ID
		c.LastMessage = m
	}
	return c, err
}

// view reads conversations as all their participants see them, ended ones too: two statements for
// however many.
func (s *Store) view(ctx context.Context, x session, ids []chat.ConversationID) (map[chat.ConversationID]*chat.Conversation, error) {
	out := make(map[chat.ConversationID]*chat.Conversation, len(ids))
	err := x.each(ctx, func(row scan) error {
		c, err := scanConversation(row)
		out[c.ID] = c
		return err
	}, s.fill(selectConversations), list(s.dialect, ids))
	if err != nil {
		return nil, err
	}
	err = x.each(ctx, func(row scan) error {
		var id chat.ConversationID
		var p chat.Participant
		if err := row(append([]any{&id, &p.Role, at(&p.JoinedAt)}, userInto(&p.User)...)...); err != nil {
			return err
		}
		if c, known := out[id]; known {
			c.Participants = append(c.Participants, p)
		}
		return nil
	}, s.firstParticipants, list(s.dialect, ids))
	if err != nil {
		return nil, err
	}
	return out, nil
}

// viewFor is view with what belongs to one viewer, without the conversations that viewer is not in: a third statement.
func (s *Store) viewFor(ctx context.Context, x session, ids []chat.ConversationID, viewer chat.UserID) (map[chat.ConversationID]*chat.Conversation, error) {
	out, err := s.view(ctx, x, ids)
	if err != nil {
		return nil, err
	}
	mine := make(map[chat.ConversationID]*chat.Conversation, len(out))
	err = s.readStates(ctx, x, "p.user_id = $1 AND p.conversation_id {in $2} AND p.left_at IS NULL", func(_ chat.UserID, r chat.ReadState) {
		if c, known := out[r.Conversation]; known {
			c.Viewer, c.UnreadCount, c.LastReadMessageID, c.LastReadSeq = viewer, r.UnreadCount, r.LastReadMessageID, r.LastReadSeq
			mine[c.ID] = c
		}
	}, string(viewer), list(s.dialect, ids))
	return mine, err
}

func (s *Store) conversation(ctx context.Context, x session, c chat.ConversationID) (chat.Conversation, error) {
	views, err := s.view(ctx, x, []chat.ConversationID{c})
	return only(views[c], err)
}

func (s *Store) conversationFor(ctx context.Context, x session, c chat.ConversationID, viewer chat.UserID) (chat.Conversation, error) {
	views, err := s.viewFor(ctx, x, []chat.ConversationID{c}, viewer)
	return only(views[c], err)
}

func only(c *chat.Conversation, err error) (chat.Conversation, error) {
	switch {
	case err != nil:
		return chat.Conversation{}, err
	case c == nil:
		return chat.Conversation{}, chat.NotFound("conversation")
	}
	return *c, nil
}

// Conversations lists what is on viewer's list, newest activity first (ties by id, descending): what the
// viewer is in, has not ended, and has a message since the viewer hid it.
func (s *Store) Conversations(ctx context.Context, q chat.ListQuery) (conversations []chat.Conversation, hasMore bool, err error) {
	query := `SELECT c.id
FROM conversation_participants p JOIN conversations c ON c.id = p.conversation_id
WHERE p.user_id = $1 AND p.left_at IS NULL AND c.ended_at IS NULL AND p.hidden_seq < c.last_seq`
	args := []any{string(q.Viewer), q.Limit + 1, q.Offset}
	if q.AfterID != "" {
		query += " AND (c.updated_at, c.id) < ($4, $5)"
		args = append(args, s.moment(q.After), string(q.AfterID))
	}
	query += " ORDER BY c.updated_at DESC, c.id DESC LIMIT $2 OFFSET $3"
	err = s.db.snapshot(ctx, func(x session) error {
		ids, err := ids[chat.ConversationID](ctx, x, query, args...)
		if err != nil {
			return err
		}
		if hasMore = len(ids) > q.Limit; hasMore {
			ids = ids[:q.Limit]
		}
		views, err := s.viewFor(ctx, x, ids, q.Viewer)
		if err != nil {
			return err
		}
		conversations = make([]chat.Conversation, 0, len(ids))
		for _, id := range ids {
			conversations = append(conversations, *views[id])
		}
		return nil
	})
	return conversations, hasMore, named(err)
}

// ids reads a column of ids.
func ids[S ~string](ctx context.Context, x session, query string, args ...any) ([]S, error) {
	var out []S
	err := x.each(ctx, func(row scan) error {
		var id S
		if err := row(&id); err != nil {
			return err
		}
		out = append(out, id)
		return nil
	}, query, args...)
	return out, err
}
