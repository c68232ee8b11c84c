package store

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// watchedFor is how long after its last activity a conversation's people are watched that nobody has open (C7.4).
const watchedFor = 30 * 24 * time.Hour

// selectWatching goes from viewers to whom they watch. What ranks somebody is the least of their reasons: 0 a friend, 1
// followed, 2 in a conversation that counts; a 3 only says that somebody named before is in some conversation together with
// the viewer. It is made of sets throughout: what it costs is as many steps as there are people in the conversations that
// count, and as there are conversations of friends and of those who are followed. SQLite takes the tables of a CROSS JOIN in
// the order in which they stand, and PostgreSQL in the best one.
const selectWatching = `WITH mine AS MATERIALIZED (
    SELECT p.user_id AS viewer, p.conversation_id, c.updated_at AS active
    FROM conversation_participants p CROSS JOIN conversations c
    WHERE c.id = p.conversation_id AND p.user_id {in $1} AND p.left_at IS NULL AND c.ended_at IS NULL
), called AS MATERIALIZED (
    ` + selectFriendsOf + `
    UNION ALL SELECT subscriber_id, target_id, 1 FROM presence_subscriptions WHERE subscriber_id {in $1}
), reason AS (
    SELECT viewer, person, reason, NULL AS active FROM called
    UNION ALL SELECT mine.viewer, p.user_id, 2, mine.active
    FROM mine CROSS JOIN conversation_participants p
    WHERE p.conversation_id = mine.conversation_id AND p.left_at IS NULL AND p.user_id <> mine.viewer
        AND (mine.active >= $3 OR (mine.viewer, mine.conversation_id) IN (SELECT one, other FROM {pairs $2}))
    UNION ALL SELECT called.viewer, called.person, 3, NULL
    FROM called CROSS JOIN conversation_participants p CROSS JOIN mine
    WHERE p.user_id = called.person AND p.left_at IS NULL AND mine.viewer = called.viewer AND mine.conversation_id = p.conversation_id
), watched AS (
    SELECT viewer, person, MIN(reason) AS reason, MAX(reason) >= 2 AS share, MAX(active) AS active
    FROM reason GROUP BY viewer, person
), ranked AS (
    SELECT w.viewer, w.person, w.reason, w.share, ` + privacyOf + `,
        ROW_NUMBER() OVER (PARTITION BY w.viewer ORDER BY w.reason, w.active DESC NULLS LAST, w.person) AS place
    FROM watched w CROSS JOIN users u WHERE u.id = w.person AND u.deleted_at IS NULL
)
SELECT viewer, person, reason = 0, share, (viewer, person) IN (` + selectBlockedWith + `), ` + privacyOf + `
FROM ranked WHERE place <= $4 ORDER BY viewer, place`

// selectFriendsOf are the friends of the people in $1.
const selectFriendsOf = `SELECT user_low AS viewer, user_high AS person, 0 AS reason FROM friendships WHERE user_low {in $1} AND accepted_at IS NOT NULL
    UNION ALL SELECT user_high, user_low, 0 FROM friendships WHERE user_high {in $1} AND accepted_at IS NOT NULL`

// selectBlockedWith are those whom the people in $1 have blocked, or who have blocked them.
const selectBlockedWith = `SELECT blocker_id, blocked_id FROM blocks WHERE blocker_id {in $1}
    UNION ALL SELECT blocked_id, blocker_id FROM blocks WHERE blocked_id {in $1}`

// Watching returns, in one query, whom each of these people watches, at most limit each: friends first, then whom they
// follow, then the others, those of the conversations that were active last foremost (C7.4).
func (s *Store) Watching(ctx context.Context, viewers map[chat.UserID][]chat.ConversationID, limit int) (map[chat.UserID][]chat.Watched, error) {
	out := make(map[chat.UserID][]chat.Watched, len(viewers))
	people, open := make([]chat.UserID, 0, len(viewers)), make([][2]string, 0, len(viewers))
	for viewer, conversations := range viewers {
		people = append(people, viewer)
		for _, c := range conversations {
			open = append(open, [2]string{string(viewer), string(c)})
		}
	}
	err := s.db.reader().each(ctx, func(row scan) error {
		var viewer chat.UserID
		w, err := scanWatched(row, &viewer)
		out[viewer] = append(out[viewer], w)
		return err
	}, s.fill(selectWatching), list(s.dialect, people), jsonText(open), s.moment(s.now().Add(-watchedFor)), limit)
	return out, named(err)
}

func scanWatched(row scan, first ...any) (w chat.Watched, err error) {
	r := &w.Relation
	err = row(append(append(first, &w.User, &r.Friends, &r.Share, &r.Blocked), privacyInto(&w)...)...)
	return w, err
}

// selectRelations is what the one person in $1 and those in $2 are to each other.
const selectRelations = `SELECT u.id,
    u.id IN (SELECT person FROM (` + selectFriendsOf + `) f),
    u.id IN (SELECT p.user_id FROM conversation_participants p CROSS JOIN conversation_participants m CROSS JOIN conversations c
        WHERE p.user_id {in $2} AND p.left_at IS NULL AND m.conversation_id = p.conversation_id AND m.user_id {in $1} AND m.left_at IS NULL
            AND c.id = p.conversation_id AND c.ended_at IS NULL),
    u.id IN (SELECT blocked_id FROM (` + selectBlockedWith + `) b), ` + privacyOf + `
FROM users u WHERE u.id {in $2} AND u.deleted_at IS NULL`

// Relations returns what u and each of the others who exist and were not erased are to each other, with their privacy and
// when they were seen last, in one query. u is not among them.
func (s *Store) Relations(ctx context.Context, u chat.UserID, others []chat.UserID) (map[chat.UserID]chat.Watched, error) {
	out := make(map[chat.UserID]chat.Watched, len(others))
	err := s.db.reader().each(ctx, func(row scan) error {
		w, err := scanWatched(row)
		if w.User != u {
			out[w.User] = w
		}
		return err
	}, s.fill(selectRelations), list(s.dialect, []chat.UserID{u}), list(s.dialect, someIDs(others)))
	return out, named(err)
}
