package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// friendship is a row of friendships.
type friendship struct {
	requester chat.UserID
	since     time.Time // of the request, or of its being accepted
	accepted  bool
}

const friendshipColumns = "f.requester_id, COALESCE(f.accepted_at, f.created_at), f.accepted_at IS NOT NULL"

// seenBy is how u stands to the other of a friendship.
func (f friendship) seenBy(u chat.UserID) chat.Friendship {
	switch {
	case f.requester == "":
		return chat.NotFriends
	case f.accepted:
		return chat.Friends
	case f.requester == u:
		return chat.Outgoing
	}
	return chat.Incoming
}

func (f friendship) friend(u chat.UserID, other chat.User) chat.Friend {
	return chat.Friend{User: other, Friendship: f.seenBy(u), Since: f.since}
}

// holdPair locks two people, in order of id, and returns them. CodeNotFound unless both exist and none was erased.
func (s *Store) holdPair(ctx context.Context, x session, u, other chat.UserID) (me, them chat.User, err error) {
	found := 0
	err = x.each(ctx, func(row scan) error {
		var is chat.User
		if err := row(userInto(&is)...); err != nil {
			return err
		}
		if found++; is.ID == u {
			me = is
		} else {
			them = is
		}
		return nil
	}, s.fill("SELECT "+userColumns("u")+" FROM users u WHERE id {in $1} AND deleted_at IS NULL ORDER BY id {lock}"), list(s.dialect, []chat.UserID{u, other}))
	if err == nil && found < 2 {
		err = chat.NotFound("person")
	}
	return me, them, err
}

// friendshipOf is what there is between two people, of nobody's asking for none.
func (s *Store) friendshipOf(ctx context.Context, x session, u, other chat.UserID) (f friendship, err error) {
	low, high := pair(u, other)
	err = x.one(ctx, into(&f.requester, at(&f.since), &f.accepted),
		"SELECT "+friendshipColumns+" FROM friendships f WHERE user_low = $1 AND user_high = $2", string(low), string(high))
	if errors.Is(err, sql.ErrNoRows) {
		return friendship{}, nil
	}
	return f, err
}

// Befriend asks other for friendship, and accepts it when other asked before. With accept it only accepts: CodeNotFound
// when other did not ask. CodeNotFound too when other does not exist, or one has blocked the other; CodeValidation when u
// has asked too many who have not answered.
func (s *Store) Befriend(ctx context.Context, u, other chat.UserID, accept bool) (chat.Friendly, error) {
	if err := s.writable(); err != nil {
		return chat.Friendly{}, err
	}
	var out chat.Friendly
	err := s.db.write(ctx, func(x session) error {
		me, them, err := s.holdPair(ctx, x, u, other)
		if err != nil {
			return err
		}
		blocked, err := s.blockedAmong(ctx, x, u, []chat.UserID{other})
		if err == nil && blocked {
			err = chat.NotFound("person")
		}
		if err != nil {
			return err
		}
		f, err := s.friendshipOf(ctx, x, u, other)
		if err != nil {
			return err
		}
		before := f
		switch stands := f.seenBy(u); {
		case stands == chat.Incoming:
			f, err = s.acceptFriendship(ctx, x, u, other, f)
		case accept && stands != chat.Friends:
			err = chat.NotFound("request")
		case stands == chat.NotFriends:
			f, err = s.requestFriendship(ctx, x, u, other)
		}
		out = chat.Friendly{Mine: f.friend(u, them), Theirs: f.friend(other, me), Changed: f != before}
		return err
	})
	if err != nil {
		return chat.Friendly{}, named(err)
	}
	return out, nil
}

func (s *Store) requestFriendship(ctx context.Context, x session, u, other chat.UserID) (friendship, error) {
	var open int
	err := x.one(ctx, into(&open), "SELECT count(*) FROM friendships WHERE requester_id = $1 AND accepted_at IS NULL", string(u))
	if err != nil {
		return friendship{}, err
	}
	if open >= chat.MaxRequests {
		return friendship{}, chat.Invalid("userId", "You have asked %d people who have not answered. Withdraw a request first.", chat.MaxRequests)
	}
	low, high := pair(u, other)
	f := friendship{requester: u, since: s.now()}
	_, err = x.exec(ctx, "INSERT INTO friendships (user_low, user_high, requester_id, created_at) VALUES ($1, $2, $3, $4)",
		string(low), string(high), string(u), s.moment(f.since))
	return f, err
}

func (s *Store) acceptFriendship(ctx context.Context, x session, u, other chat.UserID, f friendship) (friendship, error) {
	low, high := pair(u, other)
	f.accepted, f.since = true, notBefore(s.now(), f.since)
	_, err := x.exec(ctx, "UPDATE friendships SET accepted_at = $3 WHERE user_low = $1 AND user_high = $2",
		string(low), string(high), s.moment(f.since))
	return f, err
}

// Unfriend ends a friendship, withdraws or declines a request. It reports whether there was one.
func (s *Store) Unfriend(ctx context.Context, u, other chat.UserID) (changed bool, err error) {
	err = s.db.write(ctx, func(x session) error {
		changed, err = s.endFriendship(ctx, x, u, other)
		return err
	})
	return changed && err == nil, named(err)
}

func (s *Store) endFriendship(ctx context.Context, x session, u, other chat.UserID) (was bool, err error) {
	low, high := pair(u, other)
	ended, err := x.exec(ctx, "DELETE FROM friendships WHERE user_low = $1 AND user_high = $2", string(low), string(high))
	return ended > 0, err
}

// selectFriends reads a page of the people on either side of a person, each in the order of its index, and sorts the two.
const selectFriends = `SELECT %[1]s, f.requester_id, f.since, f.accepted
FROM (SELECT * FROM (SELECT user_high AS other, requester_id, COALESCE(accepted_at, created_at) AS since, accepted_at IS NOT NULL AS accepted
          FROM friendships WHERE user_low = $1%[2]s ORDER BY COALESCE(accepted_at, created_at) DESC, user_high DESC LIMIT $2) l
      UNION ALL
      SELECT * FROM (SELECT user_low, requester_id, COALESCE(accepted_at, created_at), accepted_at IS NOT NULL
          FROM friendships WHERE user_high = $1%[3]s ORDER BY COALESCE(accepted_at, created_at) DESC, user_low DESC LIMIT $2) h) f
JOIN users u ON u.id = f.other
ORDER BY f.since DESC, f.other DESC LIMIT $2`

// Friends pages through a person's friends and requests.
func (s *Store) Friends(ctx context.Context, u chat.UserID, after chat.PersonCursor, limit int) (friends []chat.Friend, hasMore bool, err error) {
	args := []any{string(u), limit + 1}
	var low, high string
	if after.User != "" {
		low = " AND (COALESCE(accepted_at, created_at), user_high) < ($3, $4)"
		high = " AND (COALESCE(accepted_at, created_at), user_low) < ($3, $4)"
		args = append(args, s.moment(after.Since), string(after.User))
	}
	err = s.db.reader().each(ctx, func(row scan) error {
		var f friendship
		var other chat.User
		if err := row(append(userInto(&other), &f.requester, at(&f.since), &f.accepted)...); err != nil {
			return err
		}
		friends = append(friends, f.friend(u, other))
		return nil
	}, fmt.Sprintf(selectFriends, userColumns("u"), low, high), args...)
	if err != nil {
		return nil, false, named(err)
	}
	if len(friends) > limit {
		return friends[:limit], true, nil
	}
	return friends, false, nil
}

// Standing returns how u stands to other, in one statement, or CodeNotFound when other does not exist.
func (s *Store) Standing(ctx context.Context, u, other chat.UserID) (chat.Standing, error) {
	var out chat.Standing
	var f friendship
	var them chat.User
	low, high := pair(u, other)
	err := s.db.reader().one(ctx, into(append(userInto(&them), text(&f.requester), at(&f.since), &f.accepted, &out.Blocks, text(&out.Direct))...),
		"SELECT "+userColumns("u")+", "+friendshipColumns+`,
    EXISTS (SELECT 1 FROM blocks b WHERE b.blocker_id = $1 AND b.blocked_id = u.id), d.conversation_id
FROM users u
LEFT JOIN friendships f ON f.user_low = $3 AND f.user_high = $4
LEFT JOIN direct_conversations d ON d.user_low = $3 AND d.user_high = $4
WHERE u.id = $2`, string(u), string(other), string(low), string(high))
	out.Friend = f.friend(u, them)
	return out, found(err, "person")
}
