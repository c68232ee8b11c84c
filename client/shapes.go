package client

import "time"

// User is what everyone may know of a person.
type User struct {
	ID          string    `json:"id"`
	Username    string    `json:"username"`
	DisplayName string    `json:"displayName"`
	CreatedAt   time.Time `json:"createdAt"`
}

// Me is the own account.
type Me struct {
	User
	Email               *string `json:"email"`
	ReadReceiptsEnabled bool    `json:"readReceiptsEnabled"`
	PresenceEnabled     bool    `json:"presenceEnabled"`
	PresenceSharing     string  `json:"presenceSharing"`   // everyone, friends or nobody
	PresenceInvisible   bool    `json:"presenceInvisible"` // looks offline to all others
}

// Message is a stored message. A tombstone has DeletedAt set and no content.
type Message struct {
	ID              string     `json:"id"`
	ConversationID  string     `json:"conversationId"`
	SenderID        string     `json:"senderId"`
	Seq             int64      `json:"seq"` // its place in the conversation: 1, 2, 3 … without gaps
	Rev             int64      `json:"rev"` // the conversation's revision at its last change
	Content         string     `json:"content"`
	ContentType     string     `json:"contentType"`
	ClientMessageID string     `json:"clientMessageId"`
	CreatedAt       time.Time  `json:"createdAt"`
	UpdatedAt       time.Time  `json:"updatedAt"`
	EditedAt        *time.Time `json:"editedAt"`
	DeletedAt       *time.Time `json:"deletedAt"`
}

// Participant is one person in a conversation.
type Participant struct {
	User     User      `json:"user"`
	Role     string    `json:"role"` // owner, admin or member
	JoinedAt time.Time `json:"joinedAt"`
}

// Conversation is a conversation. In events that everyone gets, what belongs to one viewer is nil.
type Conversation struct {
	ID                string        `json:"id"`
	Type              string        `json:"type"` // direct or group
	Title             *string       `json:"title"`
	OwnerID           *string       `json:"ownerId"`
	Participants      []Participant `json:"participants"` // the first 20 in order of joining
	ParticipantCount  int           `json:"participantCount"`
	LastMessage       *Message      `json:"lastMessage"`
	LastSeq           int64         `json:"lastSeq"`
	LastRev           int64         `json:"lastRev"`
	UnreadCount       *int64        `json:"unreadCount"`
	MentionCount      *int64        `json:"mentionCount"`
	LastReadMessageID *string       `json:"lastReadMessageId"`
	LastReadSeq       *int64        `json:"lastReadSeq"`
	CreatedAt         time.Time     `json:"createdAt"`
	UpdatedAt         time.Time     `json:"updatedAt"`
}

// ReadState is the own read position in a conversation.
type ReadState struct {
	ConversationID    string     `json:"conversationId"`
	UnreadCount       int64      `json:"unreadCount"`
	LastReadMessageID *string    `json:"lastReadMessageId"`
	LastReadSeq       int64      `json:"lastReadSeq"` // where that message stands; 0 without one
	LastReadAt        *time.Time `json:"lastReadAt"`
}
