package protocol

import "github.com/parley-chat/parley/internal/chat"

// Friend is somebody on a person's list of friends and requests (C9).
type Friend struct {
	User   User   `json:"user"`
	Status string `json:"status" enum:"outgoing,incoming,friends" doc:"outgoing is a request that the person made, incoming one that waits for their answer."`
	Since  Time   `json:"since" format:"date-time" doc:"Of the request, or of its being accepted."`
}

// Block is somebody whom a person has blocked (C9).
type Block struct {
	User  User `json:"user"`
	Since Time `json:"since" format:"date-time"`
}

// FriendOf is the wire shape of a friend or request.
func FriendOf(f chat.Friend) Friend {
	return Friend{UserOf(f.User), string(f.Friendship), FormatTime(f.Since)}
}

// BlockOf is the wire shape of a block.
func BlockOf(b chat.Block) Block { return Block{UserOf(b.User), FormatTime(b.Since)} }
