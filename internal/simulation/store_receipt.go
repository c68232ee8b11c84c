package simulation

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// AdvanceRead satisfies chat.Store.
func (s *way) AdvanceRead(ctx context.Context, c chat.ConversationID, u chat.UserID, m chat.MessageID, private bool) (chat.ReadState, bool, error) {
	advance := func(ctx context.Context) (pair[chat.ReadState, bool], error) {
		return paired(s.Store.AdvanceRead(ctx, c, u, m, private))
	}
	if m == "" {
		return apart(reading(s, ctx, "read a position", c, advance))
	}
	return apart(writing(s, ctx, "advance", []chat.ConversationID{c}, advance))
}

// ReadStates satisfies chat.Store.
func (s *way) ReadStates(ctx context.Context, c chat.ConversationID, users []chat.UserID) (map[chat.UserID]chat.ReadState, error) {
	return reading(s, ctx, "read positions", c, func(ctx context.Context) (map[chat.UserID]chat.ReadState, error) {
		return s.Store.ReadStates(ctx, c, users)
	})
}

// done is a write that answers nothing.
func done(err error) (struct{}, error) { return struct{}{}, err }

// WriteSteps satisfies chat.Store.
func (s *way) WriteSteps(ctx context.Context, steps []chat.Step) error {
	if len(steps) == 0 {
		return nil
	}
	cs := make([]chat.ConversationID, len(steps))
	for i := range steps {
		cs[i] = steps[i].Conversation
	}
	_, err := writing(s, ctx, "write steps", cs, func(ctx context.Context) (struct{}, error) { return done(s.Store.WriteSteps(ctx, steps)) })
	return err
}

// AdvanceDelivered satisfies chat.Store.
func (s *way) AdvanceDelivered(ctx context.Context, steps []chat.DeliveredStep) error {
	if len(steps) == 0 {
		return nil
	}
	cs := make([]chat.ConversationID, len(steps))
	for i := range steps {
		cs[i] = steps[i].Conversation
	}
	_, err := writing(s, ctx, "note deliveries", cs, func(ctx context.Context) (struct{}, error) { return done(s.Store.AdvanceDelivered(ctx, steps)) })
	return err
}

// UpdateMe satisfies chat.Store.
func (s *way) UpdateMe(ctx context.Context, u chat.UserID, e chat.ProfileEdit, there bool) (chat.ProfileChange, error) {
	return writing(s, ctx, "change an account", []chat.ConversationID{chat.ConversationID(u)}, func(ctx context.Context) (chat.ProfileChange, error) {
		return s.Store.UpdateMe(ctx, u, e, there)
	})
}

// SetVisibility satisfies chat.Store.
func (s *way) SetVisibility(ctx context.Context, asked []chat.Visibility) (map[chat.UserID]chat.PrivacyChange, error) {
	us := make([]chat.ConversationID, len(asked))
	for i := range asked {
		us[i] = chat.ConversationID(asked[i].User)
	}
	return writing(s, ctx, "change who is seen", us, func(ctx context.Context) (map[chat.UserID]chat.PrivacyChange, error) {
		return s.Store.SetVisibility(ctx, asked)
	})
}

// ReadPositions satisfies chat.Store.
func (s *way) ReadPositions(ctx context.Context, c chat.ConversationID) (map[chat.UserID]int64, error) {
	return reading(s, ctx, "read everybody's position", c, func(ctx context.Context) (map[chat.UserID]int64, error) { return s.Store.ReadPositions(ctx, c) })
}

// ReadCounts satisfies chat.Store.
func (s *way) ReadCounts(ctx context.Context, c chat.ConversationID, of []chat.Counted) (map[chat.MessageID]int64, error) {
	return reading(s, ctx, "count readers", c, func(ctx context.Context) (map[chat.MessageID]int64, error) { return s.Store.ReadCounts(ctx, c, of) })
}

// Readers satisfies chat.Store.
func (s *way) Readers(ctx context.Context, c chat.ConversationID, m chat.MessageID, after chat.ReaderCursor, limit int) ([]chat.Reader, bool, error) {
	return apart(reading(s, ctx, "list readers", c, func(ctx context.Context) (pair[[]chat.Reader, bool], error) {
		return paired(s.Store.Readers(ctx, c, m, after, limit))
	}))
}

// ShowReading satisfies chat.Store.
func (s *way) ShowReading(ctx context.Context, c chat.ConversationID, users []chat.UserID) (map[chat.UserID]chat.Showing, error) {
	return reading(s, ctx, "ask who lets others know", len(users), func(ctx context.Context) (map[chat.UserID]chat.Showing, error) {
		return s.Store.ShowReading(ctx, c, users)
	})
}

// ShownPositions satisfies chat.Store.
func (s *way) ShownPositions(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID][]chat.Shown, error) {
	return reading(s, ctx, "read who has read what", len(cs), func(ctx context.Context) (map[chat.ConversationID][]chat.Shown, error) {
		return s.Store.ShownPositions(ctx, cs)
	})
}

// UnreadAfter satisfies chat.Store.
func (s *way) UnreadAfter(ctx context.Context, c chat.ConversationID, seqs []int64) (map[int64]int64, int64, error) {
	return apart(reading(s, ctx, "count unread", c, func(ctx context.Context) (pair[map[int64]int64, int64], error) {
		return paired(s.Store.UnreadAfter(ctx, c, seqs))
	}))
}

// MessageSeqs satisfies chat.Store.
func (s *way) MessageSeqs(ctx context.Context, c chat.ConversationID, ids []chat.MessageID) (map[chat.MessageID]int64, error) {
	return reading(s, ctx, "look messages up", c, func(ctx context.Context) (map[chat.MessageID]int64, error) {
		return s.Store.MessageSeqs(ctx, c, ids)
	})
}

// NewestMessages satisfies chat.Store.
func (s *way) NewestMessages(ctx context.Context, c chat.ConversationID, limit int) ([]chat.Counted, error) {
	return reading(s, ctx, "read the newest", c, func(ctx context.Context) ([]chat.Counted, error) { return s.Store.NewestMessages(ctx, c, limit) })
}
