package chat

import (
	"context"
	"slices"
	"time"
)

// PresenceStore keeps what is known of people's presence beyond their connections.
type PresenceStore interface {
	// Watching returns, in one query, whom each of these people watches: their friends, who is in a conversation with them
	// that is among those given (they have it open) or had activity in the last 30 days, and whom they follow explicitly
	// (C7.4); never themselves, and nobody who was erased. Who is blocked is among them. At most limit each: friends first,
	// then explicit ones, then the others, those of the conversations that were active last foremost. Relation.Share asks for
	// any conversation.
	Watching(ctx context.Context, viewers map[UserID][]ConversationID, limit int) (map[UserID][]Watched, error)

	// Relations returns what u and each of the others who exist and were not erased are to each other, with their privacy
	// and when they were seen last, in one query. u is not among them.
	Relations(ctx context.Context, u UserID, others []UserID) (map[UserID]Watched, error)

	// Privacies returns the privacy of each of these people who exist and were not erased, in one query.
	Privacies(ctx context.Context, users []UserID) (map[UserID]Privacy, error)

	// SawLast notes when people were seen last, each only forward, but of nobody who is invisible (C7.6). It returns for each
	// who exists and was not erased their privacy and what is noted then, in two statements whatever their number.
	SawLast(ctx context.Context, seen map[UserID]time.Time) (map[UserID]Watched, error)

	// FollowPresence and UnfollowPresence keep whom a person follows explicitly (presence_subscriptions). Ids of nobody, and
	// their own, are passed over. At most MaxFollowed are kept: CodeValidation, and nothing is added, when it would be more.
	FollowPresence(ctx context.Context, u UserID, others []UserID) error
	UnfollowPresence(ctx context.Context, u UserID, others []UserID) error
	// FollowedPresence returns them, erased people left out, in order of username.
	FollowedPresence(ctx context.Context, u UserID) ([]User, error)
}

// MaxFollowed is how many people one may follow explicitly, and name in one frame.
const MaxFollowed = 1000

// MaxWatched is how many people somebody watches at most, for whatever reason.
const MaxWatched = 5000

// Watching returns whom each of these people watches, at most [MaxWatched] each, for the announcer.
func (s *Service) Watching(ctx context.Context, viewers map[UserID][]ConversationID) (map[UserID][]Watched, error) {
	return s.store.Watching(ctx, viewers, MaxWatched)
}

// Relations returns what u and each of the others are to each other, for the announcer.
func (s *Service) Relations(ctx context.Context, u UserID, others []UserID) (map[UserID]Watched, error) {
	return s.store.Relations(ctx, u, others)
}

// Presences returns those of these people who are there, for the announcer; who is missing is offline, if sure.
func (s *Service) Presences(ctx context.Context, users []UserID) (there map[UserID]Presence, sure bool, err error) {
	if s.cfg.Devices == nil {
		return nil, true, nil
	}
	return s.cfg.Devices.Presences(ctx, users)
}

// FollowPresence has the actor follow the presence of people explicitly, 1 to [MaxFollowed] of them. That shows nothing
// that they do not let the actor know.
func (s *Service) FollowPresence(ctx context.Context, actor UserID, others []UserID) error {
	return s.follow(ctx, actor, others, s.store.FollowPresence)
}

// UnfollowPresence ends that. Who is watched for another reason stays so.
func (s *Service) UnfollowPresence(ctx context.Context, actor UserID, others []UserID) error {
	return s.follow(ctx, actor, others, s.store.UnfollowPresence)
}

// FollowedPresence returns whom the actor follows explicitly, in order of username.
func (s *Service) FollowedPresence(ctx context.Context, actor UserID) ([]User, error) {
	return s.store.FollowedPresence(ctx, actor)
}

func (s *Service) follow(ctx context.Context, actor UserID, others []UserID, write func(context.Context, UserID, []UserID) error) error {
	others, err := checkFollowed(actor, others)
	if err != nil {
		return err
	}
	if err := write(ctx, actor, others); err != nil {
		return err
	}
	s.announcer.WatchingChanged(actor)
	return nil
}

// checkFollowed holds the rules for whom somebody names, and returns each once.
func checkFollowed(actor UserID, others []UserID) ([]UserID, error) {
	if len(others) == 0 || len(others) > MaxFollowed {
		return nil, Invalid("userIds", "Name 1 to %d people.", MaxFollowed)
	}
	others = slices.Clone(others)
	for _, u := range others {
		switch {
		case !ValidID(string(u)):
			return nil, Invalid("userIds", "This is not the id of a person.")
		case u == actor:
			return nil, Invalid("userIds", "Nobody follows themselves.")
		}
	}
	slices.Sort(others)
	return slices.Compact(others), nil
}
