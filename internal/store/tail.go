package store

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// tail is the end of a conversation, held under its row lock: where the next numbers come from (C1.2, C1.3).
type tail struct {
	seq, rev      int64
	rosterRev     int64
	lastMessageAt time.Time
	updatedAt     time.Time
	endedAt       time.Time
	kind          chat.ConversationType
	moved         bool
}

// lockTail locks a conversation, ended ones too, or answers sql.ErrNoRows.
func (s *Store) lockTail(ctx context.Context, x session, c chat.ConversationID) (*tail, error) {
	t := new(tail)
	err := x.one(ctx, into(&t.seq, &t.rev, &t.rosterRev, at(&t.lastMessageAt), at(&t.updatedAt), at(&t.endedAt), &t.kind),
		s.fill(`SELECT last_seq, last_rev, roster_rev, last_message_at, updated_at, ended_at, type
FROM conversations WHERE id = $1 {lock}`), string(c))
	if err != nil {
		return nil, err
	}
	return t, nil
}

// next takes the numbers of one more message. Its time is later than that of the message before, whatever
// the clock does (C1.4).
func (t *tail) next(now time.Time) (seq, rev int64, at time.Time) {
	at = notBefore(now, t.lastMessageAt.Add(time.Microsecond))
	t.seq++
	t.lastMessageAt, t.updatedAt = at, notBefore(at, t.updatedAt)
	return t.seq, t.nextRev(), at
}

// nextRev takes the rev of one more change.
func (t *tail) nextRev() int64 {
	t.rev++
	t.moved = true
	return t.rev
}

// moveTail writes back what was taken.
func (s *Store) moveTail(ctx context.Context, x session, c chat.ConversationID, t *tail) error {
	if t == nil || !t.moved {
		return nil
	}
	_, err := x.exec(ctx, "UPDATE conversations SET last_seq = $2, last_rev = $3, last_message_at = $4, updated_at = $5 WHERE id = $1",
		string(c), t.seq, t.rev, s.momentOrNull(t.lastMessageAt), s.moment(t.updatedAt))
	t.moved = false
	return err
}
