package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// AppendMessages commits a batch. The lean way takes the numbers of all its conversations and inserts all
// its messages in the fewest statements, and trusts that no draft was stored before. A unique key says so
// when one was; then the batch goes the exact way (message_exact.go).
func (s *Store) AppendMessages(ctx context.Context, drafts []chat.Draft) (appended []chat.Appended, err error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	if s.record != nil {
		defer func(began time.Time) { s.recordAppend(drafts, began, err) }(time.Now())
	}
	if len(drafts) == 0 {
		return nil, nil
	}
	b, uniform := newBatch(drafts, s.now())
	if !uniform {
		return s.appendExact(ctx, drafts)
	}
	err = s.db.appendLean(ctx, b)
	if errors.Is(err, errDuplicate) {
		return s.appendExact(ctx, drafts)
	}
	if err != nil {
		return nil, named(err)
	}
	appended = b.results()
	if b.refused() {
		if err := s.explain(ctx, drafts, appended); err != nil {
			// Whatever kept it from being told, the others of the batch are stored.
			return nil, unsure(err)
		}
	}
	return appended, nil
}

// batch is drafts by conversation.
type batch struct {
	drafts []chat.Draft
	parts  []part // in order of conversation id, which is the order of locking
	part   []int  // of each draft, its place in parts
	place  []int  // of each draft, its place among those of its conversation, from 0
	now    time.Time
}

// part is what a batch has for one conversation. The store fills in the numbers when it took the part.
type part struct {
	conversation chat.ConversationID
	rosterRev    int64
	n            int64

	taken    bool
	firstSeq int64
	firstRev int64
	firstAt  time.Time
}

// newBatch sorts drafts by conversation. It is uniform when all drafts of a conversation were decided on one
// roster, as a committer's are.
func newBatch(drafts []chat.Draft, now time.Time) (b *batch, uniform bool) {
	b = &batch{drafts: drafts, part: make([]int, len(drafts)), place: make([]int, len(drafts)), now: now}
	known := make(map[chat.ConversationID]int, 32)
	for _, d := range drafts {
		if _, found := known[d.Conversation]; !found {
			known[d.Conversation] = len(b.parts)
			b.parts = append(b.parts, part{conversation: d.Conversation, rosterRev: d.RosterRev})
		}
	}
	slices.SortFunc(b.parts, func(x, y part) int { return strings.Compare(string(x.conversation), string(y.conversation)) })
	for i := range b.parts {
		known[b.parts[i].conversation] = i
	}
	uniform = true
	for i, d := range drafts {
		p := known[d.Conversation]
		b.part[i], b.place[i] = p, int(b.parts[p].n)
		b.parts[p].n++
		uniform = uniform && b.parts[p].rosterRev == d.RosterRev
	}
	return b, uniform
}

// stored is draft i as it was stored.
func (b *batch) stored(i int) chat.Message {
	d, p, k := &b.drafts[i], &b.parts[b.part[i]], int64(b.place[i])
	at := p.firstAt.Add(time.Duration(k) * time.Microsecond)
	return chat.Message{
		ID: d.ID, Conversation: d.Conversation, Sender: d.Sender, Seq: p.firstSeq + k, Rev: p.firstRev + k,
		Content: d.Content, ContentType: d.ContentType, ClientMessageID: d.ClientMessageID,
		CreatedAt: at, UpdatedAt: at,
	}
}

func (b *batch) refused() bool {
	return slices.ContainsFunc(b.parts, func(p part) bool { return !p.taken })
}

// results are the stored messages; where a conversation was not as it was decided, ErrStale.
func (b *batch) results() []chat.Appended {
	out := make([]chat.Appended, len(b.drafts))
	for i := range out {
		if b.parts[b.part[i]].taken {
			out[i].Message = b.stored(i)
		} else {
			out[i].Err = chat.ErrStale
		}
	}
	return out
}

const messageColumns = "id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at, edited_at, deleted_at"

func messageInto(m *chat.Message) []any {
	return []any{
		&m.ID, &m.Conversation, &m.Sender, &m.Seq, &m.Rev, &m.Content, &m.ContentType, &m.ClientMessageID,
		at(&m.CreatedAt), at(&m.UpdatedAt), at(&m.EditedAt), at(&m.DeletedAt),
	}
}

// Message returns one message, tombstones included, or CodeNotFound.
func (s *Store) Message(ctx context.Context, c chat.ConversationID, id chat.MessageID) (chat.Message, error) {
	var m chat.Message
	err := s.db.reader().one(ctx, into(messageInto(&m)...),
		"SELECT "+messageColumns+" FROM messages WHERE conversation_id = $1 AND id = $2", string(c), string(id))
	return m, found(err, "message")
}

// MessageByClientID returns what the sender stored under its clientMessageId, or CodeNotFound.
func (s *Store) MessageByClientID(ctx context.Context, c chat.ConversationID, sender chat.UserID, clientMessageID string) (chat.Message, error) {
	var m chat.Message
	err := s.db.reader().one(ctx, into(messageInto(&m)...),
		"SELECT "+messageColumns+" FROM messages WHERE conversation_id = $1 AND sender_id = $2 AND client_message_id = $3",
		string(c), string(sender), clientMessageID)
	return m, found(err, "message")
}
