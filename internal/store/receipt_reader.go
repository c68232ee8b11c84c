package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// letsKnow is what is asked of a participant p and their account u before anything of what they read is shown: they are
// in the conversation, and they let others know, there or everywhere (C6.6). Of who is invisible the steps are shown, and the
// messages of their own, but not the position, which moves on unseen (C7.1).
const letsKnow = "p.left_at IS NULL AND u.deleted_at IS NULL AND COALESCE(p.read_receipts_enabled, u.read_receipts_enabled)"

// ReadPositions returns how far everybody in the conversation has read who lets others know, by reading or by sending
// (C6.6); 0 for who has read nothing since they came.
//
// A step counts by its row. Programs before schema version 3 moved the position and wrote none, so that the position
// counts as well once it is one of reading; where somebody came in, it has no message.
func (s *Store) ReadPositions(ctx context.Context, c chat.ConversationID) (map[chat.UserID]int64, error) {
	out := make(map[chat.UserID]int64)
	err := s.db.reader().each(ctx, func(row scan) error {
		var u chat.UserID
		var known, step, own int64
		if err := row(&u, &known, &step, &own); err != nil {
			return err
		}
		out[u] = max(known, step, own)
		return nil
	}, `SELECT p.user_id, CASE WHEN p.last_read_message_id IS NULL OR u.presence_invisible THEN 0 ELSE p.last_read_seq END,
    COALESCE((SELECT max(r.seq) FROM read_receipts r WHERE r.conversation_id = p.conversation_id AND r.user_id = p.user_id), 0),
    `+newestOwn+`
FROM conversation_participants p JOIN users u ON u.id = p.user_id
WHERE p.conversation_id = $1 AND `+letsKnow, string(c))
	if err != nil {
		return nil, named(err)
	}
	return out, nil
}

// ReadCounts returns how many people in the conversation other than its sender have read each message and let others know
// (C6.1), in one statement.
func (s *Store) ReadCounts(ctx context.Context, c chat.ConversationID, of []chat.Counted) (map[chat.MessageID]int64, error) {
	positions, err := s.ReadPositions(ctx, c)
	if err != nil {
		return nil, err
	}
	reached := make([]int64, 0, len(positions))
	for _, seq := range positions {
		reached = append(reached, seq)
	}
	slices.Sort(reached)
	out := make(map[chat.MessageID]int64, len(of))
	for _, m := range of {
		before, _ := slices.BinarySearch(reached, m.Seq)
		n := int64(len(reached) - before)
		if positions[m.Sender] >= m.Seq {
			n--
		}
		out[m.Message] = n
	}
	return out, nil
}

// Readers pages through who is in the conversation, has read a message and lets others know, except its sender, in the
// order of their reading (ties by user id). Sending is reading (C6.5). CodeNotFound when the message is not in
// the conversation.
func (s *Store) Readers(ctx context.Context, c chat.ConversationID, m chat.MessageID, after chat.ReaderCursor, limit int) (readers []chat.Reader, hasMore bool, err error) {
	var seq int64
	var sender chat.UserID
	x := s.db.reader()
	err = x.one(ctx, into(&seq, &sender), "SELECT seq, sender_id FROM messages WHERE conversation_id = $1 AND id = $2", string(c), string(m))
	if err != nil {
		return nil, false, found(err, "message")
	}
	query, args := selectReaders, []any{string(c), seq, string(sender), limit + 1}
	if after.User != "" {
		query += " AND (f.read_at, f.user_id) > ($5, $6)"
		args = append(args, s.moment(after.ReadAt), string(after.User))
	}
	err = x.each(ctx, func(row scan) error {
		var r chat.Reader
		if err := row(append([]any{at(&r.ReadAt)}, userInto(&r.User)...)...); err != nil {
			return err
		}
		readers = append(readers, r)
		return nil
	}, s.fill(query+" ORDER BY f.read_at, f.user_id LIMIT $4"), args...)
	if err != nil {
		return nil, false, named(err)
	}
	if len(readers) > limit {
		return readers[:limit], true, nil
	}
	return readers, false, nil
}

// selectReaders finds when each person read the message at a seq: at their first step or their first own message at or
// past it. A position without a step is one of a program before schema version 3; its time may be from before
// they left and came back, when they may have let nobody know.
var selectReaders = `WITH f AS MATERIALIZED (
    SELECT p.user_id, (SELECT min(t.moment) FROM (
        SELECT COALESCE((SELECT r.read_at FROM read_receipts r WHERE r.conversation_id = p.conversation_id AND r.user_id = p.user_id AND r.seq >= $2 ORDER BY r.seq LIMIT 1),
            CASE WHEN p.last_read_message_id IS NOT NULL AND p.last_read_seq >= $2 AND NOT u.presence_invisible THEN {greatest}(p.last_read_at, p.joined_at) END) AS moment
        UNION ALL
        SELECT (SELECT CASE WHEN o.sender_id = p.user_id THEN o.created_at END FROM (
            SELECT m.sender_id, m.created_at FROM messages m
            WHERE m.conversation_id = p.conversation_id AND (m.sender_id, m.seq) >= (p.user_id, $2)
            ORDER BY m.sender_id, m.seq LIMIT 1) o)
    ) t) AS read_at
    FROM conversation_participants p JOIN users u ON u.id = p.user_id
    WHERE p.conversation_id = $1 AND p.user_id <> $3 AND ` + letsKnow + `
)
SELECT f.read_at, ` + userColumns("u") + `
FROM f JOIN users u ON u.id = f.user_id
WHERE f.read_at IS NOT NULL`

// selectReading reads how far people in some conversations have read and have what was sent. Of each there is the newest
// step, the position, and the newest message of their own.
var selectReading = `WITH r AS MATERIALIZED (
    SELECT p.conversation_id, p.user_id, p.delivered_seq, p.last_read_message_id, p.last_read_seq, {greatest}(p.last_read_at, p.joined_at) AS last_read_at,
        COALESCE(p.read_receipts_enabled, u.read_receipts_enabled) AS shows, u.presence_invisible AS invisible,
        (SELECT max(s.seq) FROM read_receipts s WHERE s.conversation_id = p.conversation_id AND s.user_id = p.user_id) AS step_seq,
        ` + newestOwn + ` AS own_seq
    FROM conversation_participants p JOIN users u ON u.id = p.user_id
    WHERE p.conversation_id {in $1} AND p.left_at IS NULL AND u.deleted_at IS NULL
)
SELECT r.conversation_id, r.user_id, r.shows, r.delivered_seq,
    CASE WHEN NOT r.invisible THEN r.last_read_message_id END, r.last_read_seq, r.last_read_at,
    s.message_id, COALESCE(s.seq, 0), s.read_at,
    own.id, COALESCE(own.seq, 0), own.created_at
FROM r
LEFT JOIN read_receipts s ON s.conversation_id = r.conversation_id AND s.user_id = r.user_id AND s.seq = r.step_seq
LEFT JOIN messages own ON own.conversation_id = r.conversation_id AND own.seq = r.own_seq`

// ShownPositions returns the positions of everybody in each conversation, in one query; what they read only where they let
// others know.
func (s *Store) ShownPositions(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID][]chat.Shown, error) {
	out := make(map[chat.ConversationID][]chat.Shown, len(cs))
	err := s.db.reader().each(ctx, func(row scan) error {
		var p chat.Shown
		var shows bool
		var known, step, own stepRow
		err := row(&p.Conversation, &p.User, &shows, &p.DeliveredSeq,
			text(&known.message), &known.seq, at(&known.at), text(&step.message), &step.seq, at(&step.at), text(&own.message), &own.seq, at(&own.at))
		if err != nil {
			return err
		}
		if known.message == "" {
			known.seq = 0
		}
		if shows {
			// Of the same place, the step knows the time best.
			furthest := slices.MaxFunc([]stepRow{step, known, own}, func(a, b stepRow) int { return cmp.Compare(a.seq, b.seq) })
			p.Message, p.Seq, p.At = furthest.message, furthest.seq, furthest.at
			p.DeliveredSeq = max(p.DeliveredSeq, p.Seq)
		}
		out[p.Conversation] = append(out[p.Conversation], p)
		return nil
	}, s.fill(selectReading), list(s.dialect, cs))
	return out, named(err)
}

// UnreadAfter returns how many messages that are not deleted lie past each seq, in one query that counts each tombstone once,
// and the seq of the last message.
func (s *Store) UnreadAfter(ctx context.Context, c chat.ConversationID, seqs []int64) (unread map[int64]int64, lastSeq int64, err error) {
	tombstones := make(map[int64]int64, len(seqs))
	err = s.db.reader().each(ctx, func(row scan) error {
		var seq, until int64
		err := row(&lastSeq, &seq, &until)
		tombstones[seq] += until
		return err
	}, s.fill(`SELECT c.last_seq, k.seq,
    (SELECT count(*) FROM messages d
        WHERE d.conversation_id = c.id AND d.seq > k.seq AND d.seq <= COALESCE(k.next, 9223372036854775807) AND d.deleted_at IS NOT NULL)
FROM conversations c CROSS JOIN (SELECT value AS seq, LEAD(value) OVER (ORDER BY value) AS next FROM {numbers $2}) k
WHERE c.id = $1`), string(c), s.numberList(seqs))
	if err != nil {
		return nil, 0, named(err)
	}
	unread = make(map[int64]int64, len(seqs))
	for seq, gone := range fromHereOn(tombstones) {
		unread[seq] = lastSeq - seq - gone
	}
	return unread, lastSeq, nil
}

// MessageSeqs returns the seq of each of those messages that is in the conversation, in one query.
func (s *Store) MessageSeqs(ctx context.Context, c chat.ConversationID, ids []chat.MessageID) (map[chat.MessageID]int64, error) {
	out := make(map[chat.MessageID]int64, len(ids))
	err := s.db.reader().each(ctx, func(row scan) error {
		var m chat.MessageID
		var seq int64
		if err := row(&m, &seq); err != nil {
			return err
		}
		out[m] = seq
		return nil
	}, s.fill("SELECT id, seq FROM messages WHERE conversation_id = $1 AND id {in $2}"), string(c), list(s.dialect, ids))
	return out, named(err)
}

// NewestMessages returns the last messages of a conversation without their text, newest first.
func (s *Store) NewestMessages(ctx context.Context, c chat.ConversationID, limit int) (newest []chat.Counted, err error) {
	err = s.db.reader().each(ctx, func(row scan) error {
		var m chat.Counted
		if err := row(&m.Message, &m.Seq, &m.Sender); err != nil {
			return err
		}
		newest = append(newest, m)
		return nil
	}, "SELECT id, seq, sender_id FROM messages WHERE conversation_id = $1 ORDER BY seq DESC LIMIT $2", string(c), limit)
	return newest, named(err)
}
