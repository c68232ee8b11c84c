package chat

import "context"

const (
	// MaxCatchUp is the most changes that a subscribe sends before the client pages over REST (C3.3).
	MaxCatchUp = 1000
	// MaxSubscribe is the most conversations in one subscribe (C3.3).
	MaxSubscribe = 500
)

// Changes returns what the actor lacks of a conversation past afterRev (C3.3).
func (s *Service) Changes(ctx context.Context, actor UserID, c ConversationID, afterRev int64, limit int) (changes Changes, err error) {
	err = s.reading(ctx, c, actor, func() (err error) {
		changes, err = s.store.Changes(ctx, c, afterRev, limit)
		return err
	})
	if err != nil {
		return Changes{}, err
	}
	return changes, nil
}

// Heads returns where each conversation stands.
func (s *Service) Heads(ctx context.Context, cs []ConversationID) (map[ConversationID]Head, error) {
	return s.store.Heads(ctx, cs)
}

// Interests returns every conversation of each person named, for the announcer.
func (s *Service) Interests(ctx context.Context, users []UserID) (map[UserID][]Interest, error) {
	// What they read and nobody has written yet would look as if it had never been.
	_ = s.writeWaiting(ctx, users...)
	return s.store.Interests(ctx, users)
}

// ChangesSince is Changes for the announcer, which asks for nobody and hands out by the roster.
func (s *Service) ChangesSince(ctx context.Context, c ConversationID, afterRev int64, limit int) (Changes, error) {
	return s.store.Changes(ctx, c, afterRev, limit)
}
