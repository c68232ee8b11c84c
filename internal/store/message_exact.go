package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/parley-chat/parley/internal/chat"
)

// draftKey names a draft for good, within its conversation (C2.3).
type draftKey struct {
	conversation chat.ConversationID
	sender       chat.UserID
	clientID     string
}

func keyOf(d *chat.Draft) draftKey { return draftKey{d.Conversation, d.Sender, d.ClientMessageID} }

// appendExact looks every draft up before it stores it, in one transaction that holds the locks of all its
// conversations.
func (s *Store) appendExact(ctx context.Context, drafts []chat.Draft) ([]chat.Appended, error) {
	b, _ := newBatch(drafts, s.now())
	var out []chat.Appended
	err := s.db.write(ctx, func(x session) error {
		out = make([]chat.Appended, len(drafts))
		tails := make(map[chat.ConversationID]*tail, len(b.parts))
		for _, p := range b.parts {
			t, err := s.lockTail(ctx, x, p.conversation)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			tails[p.conversation] = t
		}
		known, err := s.storedDrafts(ctx, x, drafts)
		if err != nil {
			return err
		}
		for i := range drafts {
			if err := s.appendOne(ctx, x, &drafts[i], tails[drafts[i].Conversation], known, &out[i]); err != nil {
				return err
			}
		}
		for _, p := range b.parts {
			if err := s.moveTail(ctx, x, p.conversation, tails[p.conversation]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, named(err)
	}
	return out, nil
}

// appendOne stores one draft at the tail, or says why not. Two equal drafts of a batch meet in known.
func (s *Store) appendOne(ctx context.Context, x session, d *chat.Draft, t *tail, known map[draftKey]chat.Message, out *chat.Appended) error {
	if m, stored := known[keyOf(d)]; stored {
		*out = chat.Appended{Message: m, Duplicate: true}
		return nil
	}
	switch {
	case t == nil || !t.endedAt.IsZero():
		out.Err = chat.NotInConversation()
		return nil
	case t.rosterRev != d.RosterRev:
		out.Err = chat.ErrStale
		return nil
	}
	seq, rev, at := t.next(s.now())
	m := chat.Message{
		ID: d.ID, Conversation: d.Conversation, Sender: d.Sender, Seq: seq, Rev: rev, Content: d.Content,
		ContentType: d.ContentType, ClientMessageID: d.ClientMessageID, CreatedAt: at, UpdatedAt: at,
	}
	if _, err := x.exec(ctx, insertMessage, s.messageArgs(&m)...); err != nil {
		return err
	}
	known[keyOf(d)] = m
	out.Message = m
	return nil
}

const insertMessage = `INSERT INTO messages (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`

func (d *dialect) messageArgs(m *chat.Message) []any {
	return []any{string(m.ID), string(m.Conversation), string(m.Sender), m.Seq, m.Rev, m.Content, m.ContentType, m.ClientMessageID, d.moment(m.CreatedAt)}
}

// storedDrafts finds which drafts are stored already.
func (s *Store) storedDrafts(ctx context.Context, x session, drafts []chat.Draft) (map[draftKey]chat.Message, error) {
	wanted := make(map[draftKey]bool, len(drafts))
	var keys []draftKey
	for i := range drafts {
		if key := keyOf(&drafts[i]); !wanted[key] {
			wanted[key] = true
			keys = append(keys, key)
		}
	}
	out := make(map[draftKey]chat.Message, len(drafts))
	err := x.each(ctx, func(row scan) error {
		var m chat.Message
		if err := row(messageInto(&m)...); err != nil {
			return err
		}
		out[draftKey{m.Conversation, m.Sender, m.ClientMessageID}] = m
		return nil
	}, s.draftsByKey, s.draftKeys(keys)...)
	return out, err
}

// explain finds out why the lean statement left drafts out: they were stored before, the conversation does
// not exist any more, or, as their results say already, its roster has changed.
func (s *Store) explain(ctx context.Context, drafts []chat.Draft, appended []chat.Appended) error {
	var left []chat.Draft
	var conversations []chat.ConversationID
	for i := range drafts {
		if appended[i].Err != nil {
			left = append(left, drafts[i])
			conversations = append(conversations, drafts[i].Conversation)
		}
	}
	x := s.db.reader()
	known, err := s.storedDrafts(ctx, x, left)
	if err != nil {
		return err
	}
	live := make(map[chat.ConversationID]bool)
	err = x.each(ctx, func(row scan) error {
		var c chat.ConversationID
		if err := row(&c); err != nil {
			return err
		}
		live[c] = true
		return nil
	}, s.fill("SELECT id FROM conversations WHERE id {in $1} AND ended_at IS NULL"), list(s.dialect, conversations))
	if err != nil {
		return err
	}
	for i := range drafts {
		if appended[i].Err == nil {
			continue
		}
		if m, stored := known[keyOf(&drafts[i])]; stored {
			appended[i] = chat.Appended{Message: m, Duplicate: true}
		} else if !live[drafts[i].Conversation] {
			appended[i].Err = chat.NotInConversation()
		}
	}
	return nil
}
