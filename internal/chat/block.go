package chat

import "time"

// Block is somebody whom a person has blocked.
type Block struct {
	User  User
	Since time.Time
}

// BlockChange is what blocking somebody, or lifting that, has changed.
type BlockChange struct {
	Block      Block // as it is then; of a lifted one only the User
	Changed    bool
	Unfriended bool // a friendship or a request ended with it
	// Direct is the direct conversation of the two, without anything personal, when whether they may write there changed
	// with it: then it has taken a rev, on which writes are decided (ADR-010). Else nil.
	Direct *Conversation
}
