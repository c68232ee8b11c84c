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
func (s *way) ShowReading(ctx context.Context, users []chat.UserID) (map[chat.UserID]bool, error) {
	return reading(s, ctx, "ask who lets others know", len(users), func(ctx context.Context) (map[chat.UserID]bool, error) { return s.Store.ShowReading(ctx, users) })
}
