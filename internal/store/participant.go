package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// seating is people who come into a conversation together.
type seating struct {
	conversation chat.ConversationID
	people       []chat.UserID
	role         chat.Role
	rev          int64
	at           time.Time
	// lastSeq is where somebody who was never in it starts to read: what was said before is not unread.
	lastSeq int64
}

// seat lets people in. Who was in it before keeps the read position of then.
func (s *Store) seat(ctx context.Context, x session, in seating) error {
	if len(in.people) == 0 {
		return nil
	}
	_, err := x.exec(ctx, s.fill(`INSERT INTO conversation_participants (conversation_id, user_id, role, rev, joined_at, last_read_seq)
SELECT $1, id, $2, $3, $4, $5 FROM users WHERE id {in $6}
ON CONFLICT (conversation_id, user_id) DO UPDATE
SET role = excluded.role, rev = excluded.rev, joined_at = excluded.joined_at, left_at = NULL, hidden_seq = -1
WHERE conversation_participants.left_at IS NOT NULL`),
		string(in.conversation), string(in.role), in.rev, s.moment(in.at), in.lastSeq, list(s.dialect, in.people))
	return err
}

// expectPeople answers CodeNotFound unless all of them exist, none was erased, and there is no block between one of them
// and by, if that is somebody. It keeps it so until the transaction ends: who blocks holds both people.
func (s *Store) expectPeople(ctx context.Context, x session, by chat.UserID, people []chat.UserID) error {
	found, err := ids[chat.UserID](ctx, x, s.fill("SELECT id FROM users WHERE id {in $1} AND deleted_at IS NULL ORDER BY id {share}"), list(s.dialect, people))
	if err != nil {
		return err
	}
	if len(found) < len(people) {
		return chat.NotFound("person")
	}
	if by == "" {
		return nil
	}
	blocked, err := s.blockedAmong(ctx, x, by, people)
	if err == nil && blocked {
		err = chat.NotFound("person")
	}
	return err
}

// holdPeople locks everybody that a revision is about: the people first, then their rows in the conversation in order of
// person, since steps are written without the conversation's lock.
func (s *Store) holdPeople(ctx context.Context, x session, r chat.Revision) error {
	everybody := slices.Concat(r.Add, r.Remove, slices.Collect(maps.Keys(r.Roles)))
	if s.forUpdate == "" || len(everybody) == 0 {
		return nil
	}
	if _, err := x.exec(ctx, s.fill("SELECT FROM users WHERE id {in $1} ORDER BY id {share}"), list(s.dialect, everybody)); err != nil {
		return err
	}
	slices.Sort(everybody)
	rows := make([]stepRow, len(everybody))
	for i, u := range everybody {
		rows[i] = stepRow{conversation: r.Conversation, user: u}
	}
	return s.lockSeats(ctx, x, rows)
}

// revisePeople does the part of a revision that is about who is in the conversation and in which role.
func (s *Store) revisePeople(ctx context.Context, x session, r chat.Revision, t *tail, at time.Time) error {
	if err := s.holdPeople(ctx, x, r); err != nil {
		return err
	}
	if len(r.Add) > 0 {
		if err := s.expectPeople(ctx, x, r.By, r.Add); err != nil {
			return err
		}
		if err := s.seat(ctx, x, seating{r.Conversation, r.Add, chat.RoleMember, t.rev, at, t.seq}); err != nil {
			return err
		}
	}
	if len(r.Remove) > 0 {
		_, err := x.exec(ctx, s.fill(`UPDATE conversation_participants SET left_at = $3, rev = $4
WHERE conversation_id = $1 AND user_id {in $2} AND left_at IS NULL`),
			string(r.Conversation), list(s.dialect, r.Remove), s.moment(at), t.rev)
		if err != nil {
			return err
		}
	}
	for u, role := range r.Roles {
		if err := s.changeRole(ctx, x, r.Conversation, u, role, t.rev); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) changeRole(ctx context.Context, x session, c chat.ConversationID, u chat.UserID, role chat.Role, rev int64) error {
	changed, err := x.exec(ctx, `UPDATE conversation_participants SET role = $3, rev = $4
WHERE conversation_id = $1 AND user_id = $2 AND left_at IS NULL`, string(c), string(u), string(role), rev)
	if err != nil || changed == 0 || role != chat.RoleOwner {
		return err
	}
	_, err = x.exec(ctx, "UPDATE conversations SET owner_id = $2 WHERE id = $1", string(c), string(u))
	return err
}

// Participants pages through who is in a conversation, in order of joining (ties by user id).
func (s *Store) Participants(ctx context.Context, c chat.ConversationID, after chat.ParticipantCursor, limit int) (participants []chat.Participant, hasMore bool, err error) {
	query := "SELECT p.role, p.joined_at, " + userColumns("u") + `
FROM conversation_participants p JOIN users u ON u.id = p.user_id
WHERE p.conversation_id = $1 AND p.left_at IS NULL`
	args := []any{string(c), limit + 1}
	if after.User != "" {
		query += " AND (p.joined_at, p.user_id) > ($3, $4)"
		args = append(args, s.moment(after.JoinedAt), string(after.User))
	}
	query += " ORDER BY p.joined_at, p.user_id LIMIT $2"
	err = s.db.reader().each(ctx, func(row scan) error {
		var p chat.Participant
		if err := row(append([]any{&p.Role, at(&p.JoinedAt)}, userInto(&p.User)...)...); err != nil {
			return err
		}
		participants = append(participants, p)
		return nil
	}, query, args...)
	if err != nil {
		return nil, false, named(err)
	}
	if len(participants) > limit {
		return participants[:limit], true, nil
	}
	return participants, false, nil
}

// Roster returns everyone in a conversation that has not ended, or CodeNotFound. It is one statement, so
// the people, a block between them and the rev belong together.
func (s *Store) Roster(ctx context.Context, c chat.ConversationID) (chat.Roster, error) {
	r := chat.Roster{Conversation: c, Roles: make(map[chat.UserID]chat.Role)}
	exists := false
	err := s.db.reader().each(ctx, func(row scan) error {
		exists = true
		var u chat.UserID
		var role chat.Role
		var blocks bool
		if err := row(&r.Type, &r.Rev, text(&u), text(&role), &blocks); err != nil {
			return err
		}
		r.Blocked = r.Blocked || blocks
		if u != "" {
			r.Roles[u] = role
		}
		return nil
	}, `SELECT c.type, c.roster_rev, p.user_id, p.role, `+blocksTheOther+`
FROM conversations c LEFT JOIN conversation_participants p ON p.conversation_id = c.id AND p.left_at IS NULL
WHERE c.id = $1 AND c.ended_at IS NULL`, string(c))
	if err != nil {
		return chat.Roster{}, named(err)
	}
	if !exists {
		return chat.Roster{}, chat.NotFound("conversation")
	}
	return r, nil
}

// ConversationIDs returns all conversations that the person is in.
func (s *Store) ConversationIDs(ctx context.Context, u chat.UserID) ([]chat.ConversationID, error) {
	out, err := ids[chat.ConversationID](ctx, s.db.reader(), `SELECT c.id
FROM conversation_participants p JOIN conversations c ON c.id = p.conversation_id
WHERE p.user_id = $1 AND p.left_at IS NULL AND c.ended_at IS NULL`, string(u))
	return out, named(err)
}
