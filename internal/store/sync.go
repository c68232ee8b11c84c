package store

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// Changes returns, in rev order and from one snapshot, what changed past afterRev: at most limit changes. The
// messages that changed are found by their rev; the conversation and its participants are one change more.
// Conversations that have ended are included, so that a node can learn that they have.
func (s *Store) Changes(ctx context.Context, c chat.ConversationID, afterRev int64, limit int) (chat.Changes, error) {
	var out chat.Changes
	read := func(ctx context.Context, x session) (err error) {
		out, err = s.changes(ctx, x, c, afterRev, limit)
		return err
	}
	// Of what belongs to the roster, people's names change without a rev.
	messagesOnly := func(on standing) bool { return on.rosterRev <= afterRev }
	if s.onReplica(ctx, c, messagesOnly, read) {
		return out, nil
	}
	if err := s.db.snapshot(ctx, func(x session) error { return read(ctx, x) }); err != nil {
		return chat.Changes{}, named(err)
	}
	return out, nil
}

func (s *Store) changes(ctx context.Context, x session, c chat.ConversationID, afterRev int64, limit int) (out chat.Changes, err error) {
	err = x.one(ctx, into(&out.Head.LastSeq, &out.Head.LastRev, &out.Head.RosterRev),
		"SELECT last_seq, last_rev, roster_rev FROM conversations WHERE id = $1", string(c))
	if err != nil {
		return chat.Changes{}, found(err, "conversation")
	}
	messages, err := s.messages(ctx, x, limit+1,
		"SELECT "+messageColumns+" FROM messages WHERE conversation_id = $1 AND rev > $2 ORDER BY rev LIMIT $3",
		string(c), afterRev, limit+1)
	if err != nil {
		return chat.Changes{}, err
	}
	changes := make([]chat.Change, 0, len(messages)+1)
	for i := range messages {
		changes = append(changes, changeOf(&messages[i]))
	}
	if rosterRev := out.Head.RosterRev; rosterRev > afterRev {
		after := func(ch chat.Change, rev int64) int { return int(ch.Rev - rev) }
		place, _ := slices.BinarySearchFunc(changes, rosterRev, after)
		changes = slices.Insert(changes, place, chat.Change{Conversation: c, Rev: rosterRev, Kind: chat.ConversationRevised})
	}
	if len(changes) > limit {
		changes, out.HasMore = changes[:limit], true
	}
	out.Changes = changes
	return out, s.addState(ctx, x, changes)
}

// changeOf is the step that a message stands for, as it is now.
func changeOf(m *chat.Message) chat.Change {
	kind := chat.MessageAdded
	switch {
	case m.Deleted():
		kind = chat.MessageDeleted
	case !m.EditedAt.IsZero():
		kind = chat.MessageEdited
	}
	return chat.Change{Conversation: m.Conversation, Rev: m.Rev, Kind: kind, Message: m}
}

// addState reads the conversation into the change that stands for it, if it is among them.
func (s *Store) addState(ctx context.Context, x session, changes []chat.Change) error {
	for i := range changes {
		if changes[i].Kind != chat.ConversationRevised {
			continue
		}
		state, err := s.conversation(ctx, x, changes[i].Conversation)
		if err != nil {
			return err
		}
		changes[i].State = &state
	}
	return nil
}

// Interests returns every conversation that each person named is in and that has not ended, in one query.
func (s *Store) Interests(ctx context.Context, users []chat.UserID) (map[chat.UserID][]chat.Interest, error) {
	out := make(map[chat.UserID][]chat.Interest, len(users))
	err := s.db.reader().each(ctx, func(row scan) error {
		var u chat.UserID
		var i chat.Interest
		if err := row(&u, &i.Conversation, &i.LastSeq, &i.LastRev, &i.RosterRev, at(&i.UpdatedAt), &i.ReadSeq, &i.HiddenSeq); err != nil {
			return err
		}
		out[u] = append(out[u], i)
		return nil
	}, s.interests, list(s.dialect, users))
	return out, named(err)
}

// Heads returns where each stands: the last seq and rev of each conversation that exists, in one query.
func (s *Store) Heads(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID]chat.Head, error) {
	out := make(map[chat.ConversationID]chat.Head, len(cs))
	err := s.db.reader().each(ctx, func(row scan) error {
		var c chat.ConversationID
		var head chat.Head
		if err := row(&c, &head.LastSeq, &head.LastRev, &head.RosterRev); err != nil {
			return err
		}
		out[c] = head
		return nil
	}, s.fill("SELECT id, last_seq, last_rev, roster_rev FROM conversations WHERE id {in $1}"), list(s.dialect, cs))
	return out, named(err)
}
