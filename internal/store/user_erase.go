package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	erasedUsername    = "deleted"
	erasedDisplayName = "Deleted user"
	// entombAtOnce is how many messages become tombstones in one transaction, so that erasing somebody who
	// wrote much never holds a conversation's lock for long.
	entombAtOnce = 200
)

// erasedKey is what is kept of an erased person's username: enough to refuse the name to others, and no name.
// No username has a # in it.
func erasedKey(usernameKey string) string {
	sum := sha256.Sum256([]byte(usernameKey))
	return "#" + hex.EncodeToString(sum[:])
}

// EraseUser makes the account a deleted user: name, e-mail, password, logins, what they have read when, friendships, blocks
// and whose presence they follow are gone. With withMessages every message of theirs becomes a tombstone first, each taking a rev; the changed conversations are
// returned, also when it fails on the way. It is idempotent and may be repeated after a crash: only its last step is the erasure.
func (s *Store) EraseUser(ctx context.Context, id chat.UserID, withMessages bool) ([]chat.ConversationID, error) {
	var changed []chat.ConversationID
	if withMessages {
		written, err := ids[chat.ConversationID](ctx, s.db.reader(),
			"SELECT DISTINCT conversation_id FROM messages WHERE sender_id = $1 AND deleted_at IS NULL", string(id))
		if err != nil {
			return nil, named(err)
		}
		for _, c := range written {
			changed = append(changed, c)
			if err := s.entombAll(ctx, c, id); err != nil {
				return changed, named(err)
			}
		}
	}
	cs, err := s.everIn(ctx, id)
	if err != nil {
		return changed, named(err)
	}
	return changed, named(s.db.write(ctx, func(x session) error {
		if err := s.eraseAccount(ctx, x, id); err != nil {
			return err
		}
		return s.eraseReading(ctx, x, id, cs)
	}))
}

func (s *Store) entombAll(ctx context.Context, c chat.ConversationID, sender chat.UserID) error {
	for more := true; more; {
		err := s.db.write(ctx, func(x session) error {
			t, err := s.lockTail(ctx, x, c)
			if err != nil {
				return err
			}
			messages, err := ids[chat.MessageID](ctx, x,
				"SELECT id FROM messages WHERE conversation_id = $1 AND sender_id = $2 AND deleted_at IS NULL ORDER BY seq LIMIT $3",
				string(c), string(sender), entombAtOnce)
			if err != nil {
				return err
			}
			more = len(messages) == entombAtOnce
			for _, m := range messages {
				var tombstone chat.Message
				err := x.one(ctx, into(messageInto(&tombstone)...), s.fill(entomb), string(c), string(m), t.nextRev(), s.moment(s.now()))
				if err != nil {
					return err
				}
			}
			return s.moveTail(ctx, x, c, t)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) eraseAccount(ctx context.Context, x session, id chat.UserID) error {
	at := s.moment(s.now())
	var key string
	err := x.one(ctx, into(&key), s.fill("SELECT username_key FROM users WHERE id = $1 AND deleted_at IS NULL {lock}"), string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = x.exec(ctx, `UPDATE users SET username = $2, username_key = $3, display_name = $4, display_key = '', email = NULL,
    password_hash = '', last_seen_at = NULL, presence_enabled = true, presence_sharing = 'everyone', presence_invisible = false,
    presence_rev = presence_rev + 1, deleted_at = $5, updated_at = $5
WHERE id = $1`, string(id), erasedUsername, erasedKey(key), erasedDisplayName, at)
	if err != nil {
		return err
	}
	if _, err := x.exec(ctx, "UPDATE logins SET ended_at = COALESCE(ended_at, $2), user_agent = '' WHERE user_id = $1", string(id), at); err != nil {
		return err
	}
	if _, err := x.exec(ctx, "DELETE FROM refresh_tokens WHERE login_id IN (SELECT id FROM logins WHERE user_id = $1)", string(id)); err != nil {
		return err
	}
	return s.eraseRelations(ctx, x, id)
}

// eraseRelations takes a person, whose row is held, out of everybody's lists.
func (s *Store) eraseRelations(ctx context.Context, x session, id chat.UserID) error {
	for _, side := range []string{
		"friendships WHERE user_low", "friendships WHERE user_high", "blocks WHERE blocker_id", "blocks WHERE blocked_id",
		"presence_subscriptions WHERE subscriber_id", "presence_subscriptions WHERE target_id",
	} {
		if _, err := x.exec(ctx, "DELETE FROM "+side+" = $1", string(id)); err != nil {
			return err
		}
	}
	return nil
}
