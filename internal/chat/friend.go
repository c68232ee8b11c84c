package chat

import (
	"context"
	"time"
)

// Friendship is how one person stands to another.
type Friendship string

const (
	NotFriends Friendship = "none"
	// Outgoing is a request that the person made, Incoming one that waits for their answer.
	Outgoing Friendship = "outgoing"
	Incoming Friendship = "incoming"
	Friends  Friendship = "friends"
)

// Friend is somebody on a person's list of friends and requests.
type Friend struct {
	User       User
	Friendship Friendship // outgoing, incoming or friends
	Since      time.Time  // of the request, or of its being accepted
}

const (
	// MaxRequests is how many requests for friendship of one person may wait for an answer at once.
	MaxRequests = 1000
	// MaxBlocks is how many people one may block.
	MaxBlocks = 10_000
)

// PersonCursor is a position in a list of people in order of Since, newest first (ties by user id, descending); zero for
// the beginning.
type PersonCursor struct {
	Since time.Time
	User  UserID
}

// Friendly is how two people stand to each other after one of them did something about it.
type Friendly struct {
	Mine   Friend // how the one who did it stands to the other
	Theirs Friend // how the other stands to them
	// Changed says that it is another way than before.
	Changed bool
}

// Standing is what there is between a person and another, as the person sees it.
type Standing struct {
	Friend Friend
	Blocks bool           // the person has blocked the other
	Direct ConversationID // their direct conversation; "" for none
}

// FriendStore keeps friends and blocks. Erased people are on no list and cannot be befriended or blocked. Of two changes
// between the same two people the second begins when the first is through.
type FriendStore interface {
	// Friends pages through a person's friends and requests.
	Friends(ctx context.Context, u UserID, after PersonCursor, limit int) (friends []Friend, hasMore bool, err error)

	// Befriend asks other for friendship, and accepts it when other asked before. With accept it only accepts:
	// CodeNotFound when other did not ask. CodeNotFound too when other does not exist, or one has blocked the other;
	// CodeValidation when u has [MaxRequests] open.
	Befriend(ctx context.Context, u, other UserID, accept bool) (Friendly, error)

	// Unfriend ends a friendship, withdraws or declines a request. It reports whether there was one.
	Unfriend(ctx context.Context, u, other UserID) (changed bool, err error)

	// Blocks pages through whom a person has blocked.
	Blocks(ctx context.Context, u UserID, after PersonCursor, limit int) (blocks []Block, hasMore bool, err error)

	// SetBlock blocks other, or lifts that. Blocking ends a friendship and requests. CodeNotFound when other does not
	// exist, CodeValidation when u has blocked [MaxBlocks].
	SetBlock(ctx context.Context, u, other UserID, blocked bool) (BlockChange, error)

	// Standing returns how u stands to other, or CodeNotFound when other does not exist.
	Standing(ctx context.Context, u, other UserID) (Standing, error)
}

// Friends pages through the actor's friends and requests, newest first.
func (s *Service) Friends(ctx context.Context, actor UserID, after PersonCursor, limit int) ([]Friend, bool, error) {
	return s.store.Friends(ctx, actor, after, limit)
}

// Befriend asks somebody for friendship, or accepts it when they asked before. It returns how the actor stands to them
// then, and whether that is another way than before. Somebody with whom there is a block is answered as if they did not
// exist (CodeNotFound); at most [MaxRequests] may be open.
func (s *Service) Befriend(ctx context.Context, actor, other UserID) (f Friend, changed bool, err error) {
	if other == actor {
		return Friend{}, false, Invalid("userId", "You cannot befriend yourself.")
	}
	if !ValidID(string(other)) {
		return Friend{}, false, NotFound("person")
	}
	return s.befriend(ctx, actor, other, false)
}

// AcceptFriend accepts the friendship that somebody asked for. CodeNotFound when they did not.
func (s *Service) AcceptFriend(ctx context.Context, actor, other UserID) (Friend, error) {
	if other == actor || !ValidID(string(other)) {
		return Friend{}, NotFound("request")
	}
	f, _, err := s.befriend(ctx, actor, other, true)
	if err != nil && AsError(err).Code == CodeNotFound {
		err = NotFound("request")
	}
	return f, err
}

func (s *Service) befriend(ctx context.Context, actor, other UserID, accept bool) (Friend, bool, error) {
	f, err := s.store.Befriend(ctx, actor, other, accept)
	if err != nil {
		s.unsureOf(actor, other, err)
		return Friend{}, false, err
	}
	if f.Changed {
		s.announcer.FriendshipChanged(actor, f.Mine)
		s.announcer.FriendshipChanged(other, f.Theirs)
	}
	if f.Changed && f.Mine.Friendship == Friends {
		s.announcer.WatchingChanged(actor, other)
	}
	return f.Mine, f.Changed, nil
}

// Unfriend ends a friendship, withdraws a request or declines one. CodeNotFound when there is none.
func (s *Service) Unfriend(ctx context.Context, actor, other UserID) error {
	if !ValidID(string(other)) {
		return NotFound("friend")
	}
	changed, err := s.store.Unfriend(ctx, actor, other)
	switch {
	case err != nil:
		s.unsureOf(actor, other, err)
		return err
	case !changed:
		return NotFound("friend")
	}
	s.tellUnfriended(actor, other)
	s.announcer.WatchingChanged(actor, other)
	return nil
}

// everyFriend is everybody on the actor's list, those too who have not answered.
func (s *Service) everyFriend(ctx context.Context, actor UserID) (friends []UserID, err error) {
	var after PersonCursor
	for more := true; more; {
		var page []Friend
		if page, more, err = s.store.Friends(ctx, actor, after, 1000); err != nil {
			return nil, err
		}
		for _, f := range page {
			friends = append(friends, f.User.ID)
			after = PersonCursor{f.Since, f.User.ID}
		}
	}
	return friends, nil
}

// tellGone tells the friends of somebody who was erased, and whose requests and whom they asked.
func (s *Service) tellGone(u UserID, friends []UserID) {
	for _, f := range friends {
		s.announcer.FriendshipChanged(f, Friend{User: User{ID: u}, Friendship: NotFriends})
	}
	s.announcer.WatchingChanged(friends...)
}

func (s *Service) tellUnfriended(u, other UserID) {
	s.announcer.FriendshipChanged(u, Friend{User: User{ID: other}, Friendship: NotFriends})
	s.announcer.FriendshipChanged(other, Friend{User: User{ID: u}, Friendship: NotFriends})
}
