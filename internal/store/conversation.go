package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

var errDirectExists = errors.New("these two have a direct conversation")

// CreateConversation stores a conversation at rev 1 with its participants, the creator first in order of
// joining. For a direct one between two people who have one, it returns that one with created = false; if the
// creator had hidden it, it is shown again. CodeNotFound when a participant does not exist or was erased, or there is a
// block between a participant and the creator.
func (s *Store) CreateConversation(ctx context.Context, n chat.NewConversation) (conversation chat.Conversation, created bool, err error) {
	if err := s.writable(); err != nil {
		return chat.Conversation{}, false, err
	}
	if n.Type == chat.Direct {
		conversation, err = s.directConversation(ctx, n)
		if !errors.Is(err, sql.ErrNoRows) {
			return conversation, false, named(err)
		}
	}
	err = s.db.write(ctx, func(x session) error {
		if err := s.insertConversation(ctx, x, n); err != nil {
			return err
		}
		var err error
		conversation, err = s.conversationFor(ctx, x, n.ID, n.Creator)
		return err
	})
	if errors.Is(err, errDirectExists) {
		conversation, err = s.directConversation(ctx, n)
		return conversation, false, named(err)
	}
	return conversation, err == nil, named(err)
}

func (s *Store) insertConversation(ctx context.Context, x session, n chat.NewConversation) error {
	at, role, owner := s.now(), chat.RoleMember, chat.UserID("")
	if n.Type == chat.Group {
		role, owner = chat.RoleOwner, n.Creator
	}
	if err := s.expectPeople(ctx, x, n.Creator, n.Participants); err != nil {
		return err
	}
	_, err := x.exec(ctx, "INSERT INTO conversations (id, type, title, owner_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
		string(n.ID), string(n.Type), n.Title, orNull(owner), s.moment(at))
	if err != nil {
		return err
	}
	if n.Type == chat.Direct {
		low, high := pair(n.Participants[0], n.Participants[1])
		inserted, err := x.exec(ctx, "INSERT INTO direct_conversations (user_low, user_high, conversation_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
			string(low), string(high), string(n.ID))
		if err != nil {
			return err
		}
		if inserted == 0 {
			return errDirectExists
		}
	}
	var others []chat.UserID
	for _, u := range n.Participants {
		if u != n.Creator {
			others = append(others, u)
		}
	}
	if err := s.seat(ctx, x, seating{n.ID, []chat.UserID{n.Creator}, role, 1, at, 0}); err != nil {
		return err
	}
	return s.seat(ctx, x, seating{n.ID, others, chat.RoleMember, 1, at.Add(time.Microsecond), 0})
}

// pair is two people in the order of the key of what there is between them.
func pair(one, other chat.UserID) (low, high chat.UserID) {
	return min(one, other), max(one, other)
}

// directOf is the direct conversation of two people, or sql.ErrNoRows.
func (s *Store) directOf(ctx context.Context, x session, one, other chat.UserID) (id chat.ConversationID, err error) {
	low, high := pair(one, other)
	err = x.one(ctx, into(&id), "SELECT conversation_id FROM direct_conversations WHERE user_low = $1 AND user_high = $2", string(low), string(high))
	return id, err
}

// directConversation finds the direct conversation of two people and shows it to the creator again, or
// answers sql.ErrNoRows.
func (s *Store) directConversation(ctx context.Context, n chat.NewConversation) (chat.Conversation, error) {
	id, err := s.directOf(ctx, s.db.reader(), n.Participants[0], n.Participants[1])
	if err != nil {
		return chat.Conversation{}, err
	}
	var conversation chat.Conversation
	err = s.db.write(ctx, func(x session) error {
		_, err := x.exec(ctx, "UPDATE conversation_participants SET hidden_seq = -1 WHERE conversation_id = $1 AND user_id = $2 AND hidden_seq >= 0",
			string(id), string(n.Creator))
		if err != nil {
			return err
		}
		conversation, err = s.conversationFor(ctx, x, id, n.Creator)
		return err
	})
	return conversation, named(err)
}

// ReviseConversation applies one change to a conversation or to who is in it and takes one rev for all of it.
// It returns the state after it, without anything personal. ErrStale when RosterRev is not the
// conversation's; CodeNotFound when an added person does not exist or was erased, or there is a block between them and By;
// CodeNotInConversation when
// the conversation does not exist or has ended. Who comes back after having left keeps their read position.
func (s *Store) ReviseConversation(ctx context.Context, r chat.Revision) (chat.Conversation, error) {
	if len(r.Add) > 0 || r.Title != nil {
		if err := s.writable(); err != nil {
			return chat.Conversation{}, err
		}
	}
	var after chat.Conversation
	err := s.decided(ctx, r.Conversation, r.RosterRev, func(x session, t *tail) error {
		at, rev := notBefore(s.now(), t.updatedAt), t.nextRev()
		t.updatedAt = at
		if err := s.revisePeople(ctx, x, r, t, at); err != nil {
			return err
		}
		if err := s.reviseItself(ctx, x, r, rev, at); err != nil {
			return err
		}
		if err := s.moveTail(ctx, x, r.Conversation, t); err != nil {
			return err
		}
		var err error
		after, err = s.conversation(ctx, x, r.Conversation)
		return err
	})
	return after, err
}

func (s *Store) reviseItself(ctx context.Context, x session, r chat.Revision, rev int64, at time.Time) error {
	if _, err := x.exec(ctx, "UPDATE conversations SET roster_rev = $2 WHERE id = $1", string(r.Conversation), rev); err != nil {
		return err
	}
	if r.Title != nil {
		if _, err := x.exec(ctx, "UPDATE conversations SET title = $2 WHERE id = $1", string(r.Conversation), *r.Title); err != nil {
			return err
		}
	}
	if r.End {
		if _, err := x.exec(ctx, "UPDATE conversations SET ended_at = $2 WHERE id = $1", string(r.Conversation), s.moment(at)); err != nil {
			return err
		}
	}
	return nil
}

// HideConversation takes a conversation off one person's list until its next message, and returns the seq of the
// last one. CodeNotInConversation when the person is not in it.
func (s *Store) HideConversation(ctx context.Context, c chat.ConversationID, u chat.UserID) (seq int64, err error) {
	err = s.db.write(ctx, func(x session) error {
		err := x.one(ctx, into(&seq), `UPDATE conversation_participants
SET hidden_seq = (SELECT last_seq FROM conversations WHERE id = $1)
WHERE conversation_id = $1 AND user_id = $2 AND left_at IS NULL
RETURNING hidden_seq`, string(c), string(u))
		if errors.Is(err, sql.ErrNoRows) {
			return chat.NotInConversation()
		}
		return err
	})
	return seq, named(err)
}

// Conversation returns it as viewer sees it, with the first 20 participants in order of joining, or
// CodeNotFound when it does not exist, has ended, or viewer is not in it. With viewer "" nothing personal is
// set and membership is not asked.
func (s *Store) Conversation(ctx context.Context, c chat.ConversationID, viewer chat.UserID) (chat.Conversation, error) {
	var conversation chat.Conversation
	err := s.db.snapshot(ctx, func(x session) error {
		var err error
		if viewer == "" {
			conversation, err = s.conversation(ctx, x, c)
		} else {
			conversation, err = s.conversationFor(ctx, x, c, viewer)
		}
		if err == nil && !conversation.EndedAt.IsZero() {
			return chat.NotFound("conversation")
		}
		return err
	})
	if err != nil {
		return chat.Conversation{}, named(err)
	}
	return conversation, nil
}
