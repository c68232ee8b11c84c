package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// selectReadStates reads where people are and how much they have not read. Sending moves the sender's
// position (C6.5) without a write: the position is the later of what they read and what they sent last. So
// past it there is nothing of their own, and what is unread is all that follows except tombstones, of which
// there is an index.
//
// MATERIALIZED keeps the planners from asking for what was sent last again at each mention of it.
const selectReadStates = `WITH ` + readStateRows + `
SELECT r.conversation_id, r.user_id, {greatest}(r.last_read_seq, r.own_seq),
    c.last_seq - {greatest}(r.last_read_seq, r.own_seq) - (SELECT count(*) FROM messages d
        WHERE d.conversation_id = r.conversation_id AND d.seq > {greatest}(r.last_read_seq, r.own_seq) AND d.deleted_at IS NOT NULL),
    r.last_read_message_id, r.last_read_at, own.id, own.created_at, c.last_seq, r.hidden_seq >= c.last_seq
FROM r
JOIN conversations c ON c.id = r.conversation_id
LEFT JOIN messages own ON own.conversation_id = r.conversation_id AND own.seq = r.own_seq AND r.own_seq > r.last_read_seq`

const readStateRows = `r AS MATERIALIZED (
    SELECT p.conversation_id, p.user_id, p.last_read_message_id, p.last_read_seq, p.last_read_at, p.hidden_seq, ` + newestOwn + ` AS own_seq
    FROM conversation_participants p WHERE {where}
)`

// selectManyReadStates is the same for many people in one conversation. Each row has, instead of what is unread, the
// tombstones from its position to the next one's, so that however many people are asked for each tombstone is counted once.
const selectManyReadStates = `WITH ` + readStateRows + `, o AS MATERIALIZED (
    SELECT r.*, {greatest}(r.last_read_seq, r.own_seq) AS position,
        LEAD({greatest}(r.last_read_seq, r.own_seq)) OVER (ORDER BY {greatest}(r.last_read_seq, r.own_seq)) AS next
    FROM r
)
SELECT o.conversation_id, o.user_id, o.position,
    (SELECT count(*) FROM messages d
        WHERE d.conversation_id = o.conversation_id AND d.seq > o.position AND d.seq <= COALESCE(o.next, 9223372036854775807) AND d.deleted_at IS NOT NULL),
    o.last_read_message_id, o.last_read_at, own.id, own.created_at, c.last_seq, o.hidden_seq >= c.last_seq
FROM o
JOIN conversations c ON c.id = o.conversation_id
LEFT JOIN messages own ON own.conversation_id = o.conversation_id AND own.seq = o.own_seq AND o.own_seq > o.last_read_seq`

// newestOwn is the seq of the newest message that a participant p sent, 0 for none. It asks for the last message up to
// all of theirs in the order of idx_messages_own. Asked for the newest of this sender, PostgreSQL may go through the
// messages backwards until it meets one, which for who never says anything is all of them.
const newestOwn = `COALESCE((SELECT CASE WHEN o.sender_id = p.user_id THEN o.seq END FROM (
            SELECT m.sender_id, m.seq FROM messages m
            WHERE m.conversation_id = p.conversation_id AND (m.sender_id, m.seq) <= (p.user_id, 9223372036854775807)
            ORDER BY m.sender_id DESC, m.seq DESC LIMIT 1) o), 0)`

// readStates hands over the position of each participant that where selects.
func (s *Store) readStates(ctx context.Context, x session, where string, state func(chat.UserID, chat.ReadState), args ...any) error {
	return s.eachReadState(ctx, x, selectReadStates, where, state, args...)
}

func (s *Store) eachReadState(ctx context.Context, x session, query, where string, state func(chat.UserID, chat.ReadState), args ...any) error {
	return x.each(ctx, func(row scan) error {
		var u chat.UserID
		var r chat.ReadState
		var own chat.MessageID
		var sentAt time.Time
		err := row(&r.Conversation, &u, &r.LastReadSeq, &r.UnreadCount, text(&r.LastReadMessageID), at(&r.LastReadAt), text(&own), at(&sentAt), &r.LastSeq, &r.Hidden)
		if err != nil {
			return err
		}
		if own != "" {
			r.LastReadMessageID, r.LastReadAt = own, sentAt
		}
		state(u, r)
		return nil
	}, s.fill(strings.Replace(query, "{where}", where, 1)), args...)
}

func (s *Store) readState(ctx context.Context, x session, c chat.ConversationID, u chat.UserID) (out chat.ReadState, err error) {
	found := false
	err = s.readStates(ctx, x, "p.conversation_id = $1 AND p.user_id = $2 AND p.left_at IS NULL", func(_ chat.UserID, r chat.ReadState) {
		out, found = r, true
	}, string(c), string(u))
	if err == nil && !found {
		err = chat.NotInConversation()
	}
	return out, err
}

// AdvanceRead moves the person's read position forward to the message, writes the step, and returns where the
// position is then, with the exact unread count (C6.1, C6.5), and whether others may know that it moved. A message that is not
// past the position, or past what the person sent since, leaves it where it is. An empty message id only reads.
// CodeNotFound when the message is not in the conversation.
func (s *Store) AdvanceRead(ctx context.Context, c chat.ConversationID, u chat.UserID, m chat.MessageID, private bool) (state chat.ReadState, shown bool, err error) {
	if m == "" {
		state, err = s.readState(ctx, s.db.reader(), c, u)
		return state, false, named(err)
	}
	if err := s.writable(); err != nil {
		return chat.ReadState{}, false, err
	}
	err = s.db.write(ctx, func(x session) error {
		seq, position, err := s.stand(ctx, x, c, u, m)
		if err != nil {
			return err
		}
		if shown = seq > position; shown {
			step := takenStep{stepRow: stepRow{c, u, m, seq, s.now()}, private: private, taking: true}
			known, err := s.writeSteps(ctx, x, []takenStep{step})
			if err != nil {
				return err
			}
			shown = known > 0
		}
		state, err = s.readState(ctx, x, c, u)
		return err
	})
	if err != nil {
		return chat.ReadState{}, false, named(err)
	}
	return state, shown, nil
}

// stand locks the participant and says where the message is and where they are.
func (s *Store) stand(ctx context.Context, x session, c chat.ConversationID, u chat.UserID, m chat.MessageID) (seq, position int64, err error) {
	err = x.one(ctx, into(&seq, &position), s.fill(`SELECT COALESCE((SELECT m.seq FROM messages m WHERE m.conversation_id = $1 AND m.id = $3), 0),
    {greatest}(p.last_read_seq, `+newestOwn+`)
FROM conversation_participants p
WHERE p.conversation_id = $1 AND p.user_id = $2 AND p.left_at IS NULL {lock}`), string(c), string(u), string(m))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, 0, chat.NotInConversation()
	case err == nil && seq == 0:
		return 0, 0, chat.NotFound("message")
	}
	return seq, position, err
}

// ReadStates returns the read position in one conversation of each person named who is in it, in one statement.
func (s *Store) ReadStates(ctx context.Context, c chat.ConversationID, users []chat.UserID) (map[chat.UserID]chat.ReadState, error) {
	out := make(map[chat.UserID]chat.ReadState, len(users))
	tombstones := make(map[int64]int64)
	err := s.eachReadState(ctx, s.db.reader(), selectManyReadStates, "p.conversation_id = $1 AND p.user_id {in $2} AND p.left_at IS NULL", func(u chat.UserID, r chat.ReadState) {
		// Of those at one place, one has what follows it.
		tombstones[r.LastReadSeq] += r.UnreadCount
		out[u] = r
	}, string(c), list(s.dialect, users))
	if err != nil {
		return nil, named(err)
	}
	gone := fromHereOn(tombstones)
	for u, r := range out {
		r.UnreadCount = r.LastSeq - r.LastReadSeq - gone[r.LastReadSeq]
		out[u] = r
	}
	return out, nil
}

// fromHereOn adds to what each place has what all places behind it have.
func fromHereOn(between map[int64]int64) map[int64]int64 {
	out := make(map[int64]int64, len(between))
	var sum int64
	for _, at := range slices.Backward(slices.Sorted(maps.Keys(between))) {
		sum += between[at]
		out[at] = sum
	}
	return out
}
