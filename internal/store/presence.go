package store

import (
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// privacyOf are the columns of users with a person's privacy and when they were seen last, as privacyInto reads them.
const privacyOf = "presence_rev, presence_enabled, presence_sharing, presence_invisible, last_seen_at"

func privacyInto(w *chat.Watched) []any {
	return []any{&w.Privacy.Rev, &w.Privacy.Enabled, &w.Privacy.Sharing, &w.Privacy.Invisible, at(&w.SeenAt)}
}

// Privacies returns the privacy of each of these people who exist and were not erased, in one query.
func (s *Store) Privacies(ctx context.Context, users []chat.UserID) (map[chat.UserID]chat.Privacy, error) {
	seen, err := s.lastSeen(ctx, s.db.reader(), users, "")
	if err != nil {
		return nil, named(err)
	}
	out := make(map[chat.UserID]chat.Privacy, len(seen))
	for u, w := range seen {
		out[u] = w.Privacy
	}
	return out, nil
}

// lastSeen is what is noted of people themselves, who exist and were not erased; the query may end with more.
func (s *Store) lastSeen(ctx context.Context, x session, users []chat.UserID, more string) (map[chat.UserID]chat.Watched, error) {
	out := make(map[chat.UserID]chat.Watched, len(users))
	err := x.each(ctx, func(row scan) error {
		var w chat.Watched
		if err := row(append([]any{&w.User}, privacyInto(&w)...)...); err != nil {
			return err
		}
		out[w.User] = w
		return nil
	}, s.fill("SELECT u.id, "+privacyOf+" FROM users u WHERE u.id {in $1} AND u.deleted_at IS NULL"+more), list(s.dialect, users))
	return out, err
}

// SawLast notes when people were seen last, each only forward, but of nobody who is invisible (C7.6). It returns what is
// noted then of each who exists and was not erased. It is two statements; the people are locked in order of their ids.
func (s *Store) SawLast(ctx context.Context, seen map[chat.UserID]time.Time) (noted map[chat.UserID]chat.Watched, err error) {
	users, moments := make([]chat.UserID, 0, len(seen)), make([]int64, 0, len(seen))
	for u, at := range seen {
		if chat.ValidID(string(u)) {
			users, moments = append(users, u), append(moments, at.UnixMicro())
		}
	}
	if len(users) == 0 {
		return map[chat.UserID]chat.Watched{}, nil
	}
	err = s.db.write(ctx, func(x session) (err error) {
		if _, err = x.exec(ctx, s.fill(sawLast), s.moments(users, moments)...); err != nil {
			return err
		}
		noted, err = s.lastSeen(ctx, x, users, "")
		return err
	})
	return noted, named(err)
}

const sawLast = `WITH k AS MATERIALIZED (
    SELECT u.id, s.moment FROM {seen} JOIN users u ON u.id = s.id
    WHERE u.deleted_at IS NULL AND NOT u.presence_invisible AND (u.last_seen_at IS NULL OR u.last_seen_at < s.moment)
    ORDER BY u.id {lock}
)
UPDATE users AS u SET last_seen_at = k.moment FROM k
WHERE u.id = k.id AND NOT u.presence_invisible AND u.deleted_at IS NULL AND (u.last_seen_at IS NULL OR u.last_seen_at < k.moment)`

// FollowPresence adds to whom a person follows explicitly. Ids of nobody, and their own, are passed over. It is
// CodeValidation, and nothing is added, when more than chat.MaxFollowed would be kept.
func (s *Store) FollowPresence(ctx context.Context, u chat.UserID, others []chat.UserID) error {
	if err := s.writable(); err != nil {
		return err
	}
	others = someIDs(others)
	if len(others) == 0 {
		return nil
	}
	return named(s.db.write(ctx, func(x session) error {
		// Two frames of one person may come at once, and the sum of both is bounded.
		if err := x.one(ctx, into(new(string)), s.fill("SELECT id FROM users WHERE id = $1 AND deleted_at IS NULL {lock}"), string(u)); err != nil {
			return found(err, "person")
		}
		added, err := x.exec(ctx, s.fill(`INSERT INTO presence_subscriptions (subscriber_id, target_id, created_at)
SELECT $1, id, $2 FROM users WHERE id {in $3} AND deleted_at IS NULL AND id <> $1
ON CONFLICT (subscriber_id, target_id) DO NOTHING`), string(u), s.moment(s.now()), list(s.dialect, others))
		if err != nil || added == 0 {
			return err
		}
		var kept int
		if err := x.one(ctx, into(&kept), "SELECT count(*) FROM presence_subscriptions WHERE subscriber_id = $1", string(u)); err != nil {
			return err
		}
		if kept > chat.MaxFollowed {
			return chat.Invalid("userIds", "One may follow at most %d people.", chat.MaxFollowed)
		}
		return nil
	}))
}

// UnfollowPresence takes away from whom a person follows explicitly.
func (s *Store) UnfollowPresence(ctx context.Context, u chat.UserID, others []chat.UserID) error {
	others = someIDs(others)
	if len(others) == 0 {
		return nil
	}
	return named(s.db.write(ctx, func(x session) error {
		_, err := x.exec(ctx, s.fill("DELETE FROM presence_subscriptions WHERE subscriber_id = $1 AND target_id {in $2}"), string(u), list(s.dialect, others))
		return err
	}))
}

// FollowedPresence returns whom a person follows explicitly, erased people left out, in order of username.
func (s *Store) FollowedPresence(ctx context.Context, u chat.UserID) ([]chat.User, error) {
	return s.users(ctx, "SELECT "+userColumns("u")+` FROM presence_subscriptions f JOIN users u ON u.id = f.target_id
WHERE f.subscriber_id = $1 AND u.deleted_at IS NULL ORDER BY u.username_key`, string(u))
}

// someIDs are those that may be ids of somebody. PostgreSQL would refuse all for one that is none.
func someIDs(users []chat.UserID) []chat.UserID {
	return slices.DeleteFunc(slices.Clone(users), func(u chat.UserID) bool { return !chat.ValidID(string(u)) })
}
