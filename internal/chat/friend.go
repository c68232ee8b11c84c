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

// Block is somebody whom a person has blocked.
type Block struct {
	User  User
	Since time.Time
}

// PersonCursor is a position in a list of people in order of Since, newest first (ties by user id, descending); zero for
// the beginning.
type PersonCursor struct {
	Since time.Time
	User  UserID
}

// FriendStore keeps friends and blocks. Erased people are on no list and cannot be befriended or blocked.
type FriendStore interface {
	// Friends pages through a person's friends and requests.
	Friends(ctx context.Context, u UserID, after PersonCursor, limit int) (friends []Friend, hasMore bool, err error)

	// Befriend asks other for friendship, and accepts it when other asked before. With accept it only accepts:
	// CodeNotFound when other did not ask. It returns how u stands to other then, and whether that changed. CodeNotFound
	// when other does not exist, or one has blocked the other.
	Befriend(ctx context.Context, u, other UserID, accept bool) (f Friend, changed bool, err error)

	// Unfriend ends a friendship, withdraws or declines a request. It reports whether there was one.
	Unfriend(ctx context.Context, u, other UserID) (changed bool, err error)

	// Blocks pages through whom a person has blocked.
	Blocks(ctx context.Context, u UserID, after PersonCursor, limit int) (blocks []Block, hasMore bool, err error)

	// SetBlock blocks other, or lifts that, and reports whether that changed anything. Blocking ends a friendship and
	// requests. When the two have a direct conversation and whether they may write there changed with it, that
	// conversation takes a rev and is returned (decided on a roster revision); else nil. CodeNotFound when other does not exist.
	SetBlock(ctx context.Context, u, other UserID, blocked bool) (changed bool, direct *Conversation, err error)

	// BlockedAmong returns those of the others who have blocked u or whom u has blocked, in one query.
	BlockedAmong(ctx context.Context, u UserID, others []UserID) ([]UserID, error)
}
