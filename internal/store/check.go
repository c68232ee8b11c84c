package store

import (
	"context"
	"fmt"
	"time"
)

// Finding is something in the data that must not be.
type Finding struct {
	// Rule is the promise that is broken, for people.
	Rule string
	// Count is how many rows break it.
	Count int64
	// Example is the id of one of them, to start looking; "" when there is none to name.
	Example string
}

func (f Finding) String() string {
	if f.Example == "" {
		return fmt.Sprintf("%s (%d)", f.Rule, f.Count)
	}
	return fmt.Sprintf("%s (%d, for example %s)", f.Rule, f.Count, f.Example)
}

// checks are statements that find nothing in sound data: how many rows break the rule, and one of them. The
// first two stand for the foreign keys that messages does not declare.
var checks = []struct{ rule, query string }{
	{"A message belongs to a conversation that exists.", `SELECT count(*), min(CAST(m.id AS text)) FROM messages m
LEFT JOIN conversations c ON c.id = m.conversation_id WHERE c.id IS NULL`},
	{"A message's sender is or was a participant.", `SELECT count(*), min(CAST(m.id AS text)) FROM messages m
LEFT JOIN conversation_participants p ON p.conversation_id = m.conversation_id AND p.user_id = m.sender_id WHERE p.user_id IS NULL`},
	{"The messages of a conversation are numbered 1, 2, 3 … up to its last seq.", `SELECT count(*), min(CAST(c.id AS text)) FROM conversations c
LEFT JOIN (SELECT conversation_id, count(*) AS n, min(seq) AS low, max(seq) AS high FROM messages GROUP BY conversation_id) m ON m.conversation_id = c.id
WHERE COALESCE(m.n, 0) <> c.last_seq OR COALESCE(m.low, 1) <> 1 OR COALESCE(m.high, 0) <> c.last_seq`},
	{"No message and no participant is at a rev past its conversation's.", `SELECT count(*), min(CAST(c.id AS text)) FROM conversations c
WHERE c.roster_rev > c.last_rev
OR EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id AND m.rev > c.last_rev)
OR EXISTS (SELECT 1 FROM conversation_participants p WHERE p.conversation_id = c.id AND p.rev > c.roster_rev)`},
	{"The times of a conversation's messages rise with their seq.", `SELECT count(*), min(CAST(m.id AS text)) FROM messages m
JOIN messages n ON n.conversation_id = m.conversation_id AND n.seq = m.seq + 1 WHERE n.created_at <= m.created_at`},
	{"A deleted message holds no text.", `SELECT count(*), min(CAST(id AS text)) FROM messages WHERE deleted_at IS NOT NULL AND content <> ''`},
	{"No read or delivered position is past the last message.", `SELECT count(*), min(CAST(c.id AS text)) FROM conversation_participants p
JOIN conversations c ON c.id = p.conversation_id WHERE p.last_read_seq > c.last_seq OR p.delivered_seq > c.last_seq`},
	{"A step of reading is to a message of its conversation, at its seq.", `SELECT count(*), min(CAST(r.message_id AS text)) FROM read_receipts r
LEFT JOIN messages m ON m.conversation_id = r.conversation_id AND m.id = r.message_id WHERE m.seq IS NULL OR m.seq <> r.seq`},
	{"A step of reading is by somebody who is or was a participant, has not been erased, and has a position that far.", `SELECT count(*), min(CAST(r.message_id AS text)) FROM read_receipts r
LEFT JOIN conversation_participants p ON p.conversation_id = r.conversation_id AND p.user_id = r.user_id
LEFT JOIN users u ON u.id = r.user_id WHERE p.user_id IS NULL OR u.deleted_at IS NOT NULL OR p.last_read_seq < r.seq`},
	{"The times of somebody's steps do not go back.", `SELECT count(*), min(CAST(message_id AS text)) FROM (
    SELECT message_id, read_at, lag(read_at) OVER (PARTITION BY conversation_id, user_id ORDER BY seq) AS before FROM read_receipts) r WHERE read_at < before`},
	{"A direct conversation is between the two people it is filed under.", `SELECT count(*), min(CAST(c.id AS text)) FROM conversations c
LEFT JOIN direct_conversations d ON d.conversation_id = c.id
WHERE c.type = 'direct' AND (d.conversation_id IS NULL
    OR (SELECT count(*) FROM conversation_participants p WHERE p.conversation_id = c.id) <> 2
    OR (SELECT count(*) FROM conversation_participants p WHERE p.conversation_id = c.id AND p.user_id IN (d.user_low, d.user_high)) <> 2)`},
	{"A group that goes on has one owner, who is in it.", `SELECT count(*), min(CAST(c.id AS text)) FROM conversations c
WHERE c.type = 'group' AND c.ended_at IS NULL AND 1 <> (SELECT count(*) FROM conversation_participants p
    WHERE p.conversation_id = c.id AND p.left_at IS NULL AND p.role = 'owner' AND p.user_id = c.owner_id)`},
	{"An erased person has no e-mail, no password and no live login.", `SELECT count(*), min(CAST(u.id AS text)) FROM users u
WHERE u.deleted_at IS NOT NULL AND (u.email IS NOT NULL OR u.password_hash <> ''
    OR EXISTS (SELECT 1 FROM logins l WHERE l.user_id = u.id AND l.ended_at IS NULL))`},
	{"With a block between two people there is no friendship and no request.", `SELECT count(*), min(CAST(f.user_low AS text)) FROM friendships f
WHERE EXISTS (SELECT 1 FROM blocks b WHERE b.blocker_id = f.user_low AND b.blocked_id = f.user_high)
OR EXISTS (SELECT 1 FROM blocks b WHERE b.blocker_id = f.user_high AND b.blocked_id = f.user_low)`},
	{"An erased person is nobody's friend, and neither blocks nor is blocked.", `SELECT count(*), min(CAST(u.id AS text)) FROM users u
WHERE u.deleted_at IS NOT NULL AND (EXISTS (SELECT 1 FROM friendships f WHERE f.user_low = u.id)
    OR EXISTS (SELECT 1 FROM friendships f WHERE f.user_high = u.id)
    OR EXISTS (SELECT 1 FROM blocks b WHERE b.blocker_id = u.id) OR EXISTS (SELECT 1 FROM blocks b WHERE b.blocked_id = u.id))`},
}

// checkPatience is how long one check may take: it reads whole tables.
const checkPatience = 10 * time.Minute

// Check looks through all data for what must not be and returns what it found; nothing is changed. It reads
// every table, so it takes its time on a large database, beside a running server too.
func (s *Store) Check(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	err := s.db.examine(ctx, func(x session) error {
		findings = nil
		for _, check := range checks {
			f := Finding{Rule: check.rule}
			if err := x.one(ctx, into(&f.Count, text(&f.Example)), check.query); err != nil {
				return err
			}
			if f.Count > 0 {
				findings = append(findings, f)
			}
		}
		damage, err := s.damage(ctx, x)
		findings = append(findings, damage...)
		return err
	})
	if err != nil {
		return nil, named(err)
	}
	return findings, nil
}

// damage asks the database whether its own structures are whole, where it can tell from inside.
func (s *Store) damage(ctx context.Context, x session) ([]Finding, error) {
	if s.selfCheck == "" {
		return nil, nil
	}
	var findings []Finding
	err := x.each(ctx, func(row scan) error {
		var said string
		if err := row(&said); err != nil {
			return err
		}
		if said != "ok" {
			findings = append(findings, Finding{Rule: "The database file is whole: " + said, Count: 1})
		}
		return nil
	}, s.selfCheck)
	return findings, err
}
