package chat

import (
	"context"
	"time"
)

// PresenceStore keeps what is known of people's presence beyond their connections.
type PresenceStore interface {
	// Watching returns, in one query, whom each of these people watches: their friends, who is in a conversation with them
	// that is among those given (they have it open) or had activity in the last 30 days, and whom they follow explicitly
	// (C7.4); never themselves, and nobody who was erased. At most limit each: friends first, then explicit ones, then the others, those of the
	// conversations that were active last foremost. Relation.Share asks for any conversation.
	Watching(ctx context.Context, viewers map[UserID][]ConversationID, limit int) (map[UserID][]Watched, error)

	// Relations returns what u and each of the others who exists are to each other, with their privacy and when they were
	// seen last, in one query.
	Relations(ctx context.Context, u UserID, others []UserID) (map[UserID]Watched, error)

	// Privacies returns the privacy of each of these people who exist and were not erased, in one query.
	Privacies(ctx context.Context, users []UserID) (map[UserID]Privacy, error)

	// SawLast notes when people were seen last, each only forward, but of nobody who is invisible (C7.6). It returns for each
	// who exists their privacy and what is noted then, in one statement or two whatever their number.
	SawLast(ctx context.Context, seen map[UserID]time.Time) (map[UserID]Watched, error)

	// FollowPresence and UnfollowPresence keep whom a person follows explicitly (presence_subscriptions). Ids of nobody are
	// passed over. At most MaxFollowed are kept: CodeValidation when it would be more.
	FollowPresence(ctx context.Context, u UserID, others []UserID) error
	UnfollowPresence(ctx context.Context, u UserID, others []UserID) error
}

// MaxFollowed is how many people one may follow explicitly, and name in one frame.
const MaxFollowed = 1000
