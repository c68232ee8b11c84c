package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// blocksTheOther says of a participant p of c that c is direct and that they have blocked the other. It goes from the one
// person to the other and to the one row that there may be, however many people either has blocked.
const blocksTheOther = `CASE WHEN c.type = 'direct' THEN EXISTS (SELECT 1 FROM blocks b WHERE b.blocker_id = p.user_id AND b.blocked_id =
    (SELECT o.user_id FROM conversation_participants o WHERE o.conversation_id = c.id AND o.user_id <> p.user_id LIMIT 1)) ELSE false END`

// blockedAmong reports whether there is a block, either way, between u and one of the others.
func (s *Store) blockedAmong(ctx context.Context, x session, u chat.UserID, others []chat.UserID) (blocked bool, err error) {
	err = x.one(ctx, into(&blocked), s.fill(`SELECT EXISTS (SELECT 1 FROM blocks WHERE blocker_id = $1 AND blocked_id {in $2})
    OR EXISTS (SELECT 1 FROM blocks WHERE blocked_id = $1 AND blocker_id {in $2})`), string(u), list(s.dialect, others))
	return blocked, err
}

// SetBlock blocks other, or lifts that. Blocking ends a friendship and requests. CodeNotFound when other does not exist,
// CodeValidation when u has blocked too many.
func (s *Store) SetBlock(ctx context.Context, u, other chat.UserID, blocked bool) (chat.BlockChange, error) {
	var out chat.BlockChange
	change := func(x session) (err error) {
		out, err = s.setBlock(ctx, x, u, other, blocked)
		return err
	}
	err := s.db.write(ctx, change)
	if errors.Is(err, errDirectExists) {
		// It was opened at this very moment, and stays.
		err = s.db.write(ctx, change)
	}
	if err != nil {
		return chat.BlockChange{}, named(err)
	}
	return out, nil
}

func (s *Store) setBlock(ctx context.Context, x session, u, other chat.UserID, blocked bool) (out chat.BlockChange, err error) {
	direct, t, them, err := s.holdDirect(ctx, x, u, other)
	if err != nil {
		return out, err
	}
	out.Block.User = them
	if blocked {
		err = s.insertBlock(ctx, x, u, &out)
	} else {
		out.Changed, err = s.deleteBlock(ctx, x, u, other)
	}
	if err != nil || !out.Changed || t == nil {
		return out, err
	}
	theirs, _, err := s.blockSince(ctx, x, other, u)
	if err != nil || theirs {
		// Neither could write before, and neither can now.
		return out, err
	}
	out.Direct, err = s.redecide(ctx, x, direct, t)
	return out, err
}

// holdDirect locks the direct conversation of two people, if they have one, and then the people. errDirectExists when one
// was opened while it waited for them.
func (s *Store) holdDirect(ctx context.Context, x session, u, other chat.UserID) (direct chat.ConversationID, t *tail, them chat.User, err error) {
	direct, err = s.directOf(ctx, x, u, other)
	switch {
	case err == nil:
		if t, err = s.lockTail(ctx, x, direct); err != nil {
			return "", nil, chat.User{}, err
		}
	case !errors.Is(err, sql.ErrNoRows):
		return "", nil, chat.User{}, err
	}
	if _, them, err = s.holdPair(ctx, x, u, other); err != nil || t != nil {
		return direct, t, them, err
	}
	switch _, err = s.directOf(ctx, x, u, other); {
	case err == nil:
		err = errDirectExists
	case errors.Is(err, sql.ErrNoRows):
		err = nil
	}
	return "", nil, them, err
}

// redecide gives a conversation a rev without changing it: what was decided on it as it was is refused.
func (s *Store) redecide(ctx context.Context, x session, c chat.ConversationID, t *tail) (*chat.Conversation, error) {
	if _, err := x.exec(ctx, "UPDATE conversations SET roster_rev = $2 WHERE id = $1", string(c), t.nextRev()); err != nil {
		return nil, err
	}
	if err := s.moveTail(ctx, x, c, t); err != nil {
		return nil, err
	}
	after, err := s.conversation(ctx, x, c)
	return &after, err
}

// insertBlock blocks the person of a change, and ends what else there is between the two.
func (s *Store) insertBlock(ctx context.Context, x session, u chat.UserID, out *chat.BlockChange) error {
	other := out.Block.User.ID
	before, since, err := s.blockSince(ctx, x, u, other)
	if out.Block.Since = since; err != nil || before {
		return err
	}
	var blocks int
	if err := x.one(ctx, into(&blocks), "SELECT count(*) FROM blocks WHERE blocker_id = $1", string(u)); err != nil {
		return err
	}
	if blocks >= chat.MaxBlocks {
		return chat.Invalid("userId", "You have blocked %d people. Lift a block first.", chat.MaxBlocks)
	}
	out.Changed, out.Block.Since = true, s.now()
	if _, err := x.exec(ctx, "INSERT INTO blocks (blocker_id, blocked_id, created_at) VALUES ($1, $2, $3)",
		string(u), string(other), s.moment(out.Block.Since)); err != nil {
		return err
	}
	out.Unfriended, err = s.endFriendship(ctx, x, u, other)
	return err
}

func (s *Store) deleteBlock(ctx context.Context, x session, u, other chat.UserID) (was bool, err error) {
	lifted, err := x.exec(ctx, "DELETE FROM blocks WHERE blocker_id = $1 AND blocked_id = $2", string(u), string(other))
	return lifted > 0, err
}

func (s *Store) blockSince(ctx context.Context, x session, u, other chat.UserID) (blocks bool, since time.Time, err error) {
	err = x.one(ctx, into(at(&since)), "SELECT created_at FROM blocks WHERE blocker_id = $1 AND blocked_id = $2", string(u), string(other))
	if errors.Is(err, sql.ErrNoRows) {
		return false, time.Time{}, nil
	}
	return err == nil, since, err
}

// Blocks pages through whom a person has blocked.
func (s *Store) Blocks(ctx context.Context, u chat.UserID, after chat.PersonCursor, limit int) (blocks []chat.Block, hasMore bool, err error) {
	query := "SELECT " + userColumns("u") + `, b.created_at
FROM blocks b JOIN users u ON u.id = b.blocked_id
WHERE b.blocker_id = $1`
	args := []any{string(u), limit + 1}
	if after.User != "" {
		query += " AND (b.created_at, b.blocked_id) < ($3, $4)"
		args = append(args, s.moment(after.Since), string(after.User))
	}
	query += " ORDER BY b.created_at DESC, b.blocked_id DESC LIMIT $2"
	err = s.db.reader().each(ctx, func(row scan) error {
		var b chat.Block
		if err := row(append(userInto(&b.User), at(&b.Since))...); err != nil {
			return err
		}
		blocks = append(blocks, b)
		return nil
	}, query, args...)
	if err != nil {
		return nil, false, named(err)
	}
	if len(blocks) > limit {
		return blocks[:limit], true, nil
	}
	return blocks, false, nil
}
