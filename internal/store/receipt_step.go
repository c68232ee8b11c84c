package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// stepRow is a step as an argument of a statement. Its message may be "".
type stepRow struct {
	conversation chat.ConversationID
	user         chat.UserID
	message      chat.MessageID
	seq          int64
	at           time.Time
}

// seatKey names a participant.
type seatKey struct {
	conversation chat.ConversationID
	user         chat.UserID
}

func (r *stepRow) seat() seatKey { return seatKey{r.conversation, r.user} }

// compareSteps orders by participant, as participants are locked, and each one's steps by how far they lead.
func compareSteps(a, b stepRow) int {
	return cmp.Or(cmp.Compare(a.conversation, b.conversation), cmp.Compare(a.user, b.user), cmp.Compare(a.seq, b.seq), a.at.Compare(b.at))
}

// WriteSteps writes steps of any conversations in one transaction: positions move forward, also of those who have left
// meanwhile, and each step that tells something new has its row in read_receipts. It may be repeated, late and
// in any order. It is four statements on PostgreSQL and three on SQLite.
func (s *Store) WriteSteps(ctx context.Context, steps []chat.Step) error {
	if err := s.writable(); err != nil {
		return err
	}
	taken := make([]takenStep, 0, len(steps))
	for _, st := range steps {
		if namesStep(st) {
			row := stepRow{st.Conversation, st.User, st.Message, st.Seq, st.At.UTC().Truncate(time.Microsecond)}
			taken = append(taken, takenStep{stepRow: row, private: st.Private})
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return named(s.db.write(ctx, func(x session) error {
		_, err := s.writeSteps(ctx, x, taken)
		return err
	}))
}

// namesStep reports whether the ids of a step are some. What is no id names nothing, and PostgreSQL would refuse all for it.
func namesStep(st chat.Step) bool {
	return chat.ValidID(string(st.Conversation)) && chat.ValidID(string(st.User)) && chat.ValidID(string(st.Message))
}

// takenStep is a step with what it rests on.
type takenStep struct {
	stepRow
	private bool
	taking  bool    // it is taken in this transaction, and not written late
	ground  *ground // nil where there is nothing for it to rest on
}

// ground is what a step rests on: what the database holds of its message and its participant.
type ground struct {
	readSeq int64     // the participant's position
	shows   bool      // they let others know
	unseen  bool      // they are invisible
	before  time.Time // when they took the newest step before this one; zero for none
	after   time.Time // when they took the first step at or past it; zero for none
}

// writeSteps writes steps, and says how many of them others may know of and did not.
func (s *Store) writeSteps(ctx context.Context, x session, steps []takenStep) (known int, err error) {
	slices.SortFunc(steps, func(a, b takenStep) int { return compareSteps(a.stepRow, b.stepRow) })
	rows := make([]stepRow, len(steps))
	for i := range steps {
		rows[i] = steps[i].stepRow
	}
	if err := s.lockSeats(ctx, x, rows); err != nil {
		return 0, err
	}
	if err := s.readGrounds(ctx, x, rows, steps); err != nil {
		return 0, err
	}
	steps = slices.DeleteFunc(steps, func(st takenStep) bool { return st.ground == nil })
	// The seq is now the message's own, whatever was said.
	slices.SortFunc(steps, func(a, b takenStep) int { return compareSteps(a.stepRow, b.stepRow) })
	if err := s.movePositions(ctx, x, positionsOf(steps)); err != nil {
		return 0, err
	}
	news := newRows(steps, s.now())
	return len(news), s.insertSteps(ctx, x, news)
}

// lockSeats locks the participants of steps that are in order. SQLite has one writer.
func (s *Store) lockSeats(ctx context.Context, x session, rows []stepRow) error {
	if s.forUpdate == "" {
		return nil
	}
	// The subquery that locks depends on its step, so that it is run for one after the other.
	_, err := x.exec(ctx, s.fill(`SELECT FROM {steps} CROSS JOIN LATERAL (
    SELECT FROM conversation_participants p WHERE p.conversation_id = k.conversation_id AND p.user_id = k.user_id {lock}) p`), s.stepRows(rows)...)
	return err
}

// readGrounds finds what each step rests on. A step of a message that is not there, of somebody who was never in the
// conversation or who is erased rests on nothing.
func (s *Store) readGrounds(ctx context.Context, x session, rows []stepRow, steps []takenStep) error {
	return x.each(ctx, func(row scan) error {
		var place, seq int64
		g := new(ground)
		if err := row(&place, &seq, &g.readSeq, &g.shows, &g.unseen, at(&g.before), at(&g.after)); err != nil {
			return err
		}
		steps[place-1].seq, steps[place-1].ground = seq, g
		return nil
	}, s.fill(selectGrounds), s.stepRows(rows)...)
}

// selectGrounds asks by subqueries for one row each: what a planner makes of a join with rows that it has never seen would
// be another thing at every size.
const selectGrounds = `WITH g AS MATERIALIZED (
    SELECT k.place, k.conversation_id, k.user_id,
        (SELECT m.seq FROM messages m WHERE m.conversation_id = k.conversation_id AND m.id = k.message_id) AS seq,
        (SELECT p.last_read_seq FROM conversation_participants p WHERE p.conversation_id = k.conversation_id AND p.user_id = k.user_id) AS read_seq,
        (SELECT COALESCE(p.read_receipts_enabled, u.read_receipts_enabled) FROM conversation_participants p JOIN users u ON u.id = p.user_id
            WHERE p.conversation_id = k.conversation_id AND p.user_id = k.user_id AND u.deleted_at IS NULL) AS shows,
        (SELECT u.presence_invisible FROM users u WHERE u.id = k.user_id) AS unseen
    FROM {steps}
)
SELECT g.place, g.seq, g.read_seq, g.shows, g.unseen,
    (SELECT r.read_at FROM read_receipts r WHERE r.conversation_id = g.conversation_id AND r.user_id = g.user_id AND r.seq < g.seq ORDER BY r.seq DESC LIMIT 1),
    (SELECT r.read_at FROM read_receipts r WHERE r.conversation_id = g.conversation_id AND r.user_id = g.user_id AND r.seq >= g.seq ORDER BY r.seq LIMIT 1)
FROM g WHERE g.seq IS NOT NULL AND g.shows IS NOT NULL`

// positionsOf is the furthest step of each participant that leads past their position.
func positionsOf(steps []takenStep) []stepRow {
	var out []stepRow
	for i, st := range steps {
		furthest := i == len(steps)-1 || steps[i+1].seat() != st.seat()
		if furthest && st.seq > st.ground.readSeq {
			out = append(out, st.stepRow)
		}
	}
	return out
}

// newRows are the steps that others may know of and that tell them something: a step says nothing new when there
// is one at or past it that is not later. Its time is not before that of the step before it, whatever the clocks did. Who
// read with receipts off, or invisible, and lets others know by now has read it now. What somebody read while all could see it
// is known also if they are invisible by now.
func newRows(steps []takenStep, now time.Time) []stepRow {
	var out []stepRow
	for _, st := range steps {
		if !st.ground.shows || st.ground.unseen && (st.private || st.taking) {
			continue
		}
		row := st.stepRow
		if st.private {
			row.at = now
		}
		row.at = notBefore(row.at, st.ground.before)
		if n := len(out); n > 0 && out[n-1].seat() == row.seat() {
			if out[n-1].seq == row.seq {
				continue
			}
			row.at = notBefore(row.at, out[n-1].at)
		}
		if after := st.ground.after; after.IsZero() || row.at.Before(after) {
			out = append(out, row)
		}
	}
	return out
}

func (s *Store) movePositions(ctx context.Context, x session, rows []stepRow) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := x.exec(ctx, s.fill(`UPDATE conversation_participants AS p
SET last_read_message_id = k.message_id, last_read_seq = k.seq, last_read_at = {greatest}(k.moment, COALESCE(p.last_read_at, k.moment))
FROM {steps}
WHERE p.conversation_id = k.conversation_id AND p.user_id = k.user_id AND p.last_read_seq < k.seq`), s.stepRows(rows)...)
	return err
}

// insertSteps adds the rows. One that is there already is later, and becomes earlier.
func (s *Store) insertSteps(ctx context.Context, x session, rows []stepRow) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := x.exec(ctx, s.fill(`INSERT INTO read_receipts (conversation_id, message_id, user_id, seq, read_at)
SELECT k.conversation_id, k.message_id, k.user_id, k.seq, k.moment FROM {steps} WHERE true
ON CONFLICT (conversation_id, message_id, user_id) DO UPDATE SET read_at = excluded.read_at`), s.stepRows(rows)...)
	return err
}

// AdvanceDelivered moves how far people's devices have what was sent, each only forward and not past the last message,
// in one transaction: two statements on PostgreSQL and one on SQLite.
func (s *Store) AdvanceDelivered(ctx context.Context, steps []chat.DeliveredStep) error {
	if err := s.writable(); err != nil {
		return err
	}
	rows := make([]stepRow, 0, len(steps))
	for _, st := range steps {
		if chat.ValidID(string(st.Conversation)) && chat.ValidID(string(st.User)) {
			rows = append(rows, stepRow{conversation: st.Conversation, user: st.User, seq: st.Seq})
		}
	}
	slices.SortFunc(rows, compareSteps)
	rows = furthestOf(rows)
	if len(rows) == 0 {
		return nil
	}
	return named(s.db.write(ctx, func(x session) error {
		if err := s.lockSeats(ctx, x, rows); err != nil {
			return err
		}
		_, err := x.exec(ctx, s.fill(`UPDATE conversation_participants AS p
SET delivered_seq = CASE WHEN k.seq < c.last_seq THEN k.seq ELSE c.last_seq END
FROM {steps} JOIN conversations c ON c.id = k.conversation_id
WHERE p.conversation_id = k.conversation_id AND p.user_id = k.user_id AND p.left_at IS NULL AND p.delivered_seq < k.seq AND p.delivered_seq < c.last_seq`), s.stepRows(rows)...)
		return err
	}))
}

// furthestOf is the last of each participant's rows, which are in order.
func furthestOf(rows []stepRow) []stepRow {
	var out []stepRow
	for i, r := range rows {
		if i == len(rows)-1 || rows[i+1].seat() != r.seat() {
			out = append(out, r)
		}
	}
	return out
}
