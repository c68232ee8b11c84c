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
