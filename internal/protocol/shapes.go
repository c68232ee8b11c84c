// Package protocol is the wire: it turns what internal/chat says into JSON and back, and nothing else.
// Shapes are those of C9: camelCase, absent means unknown, null means none.
package protocol

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// timeLayout is RFC 3339 in UTC with microseconds (C1.6).
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Time is a moment on the wire.
type Time string

// FormatTime writes a moment as C1.6 asks.
func FormatTime(t time.Time) Time { return Time(t.UTC().Format(timeLayout)) }

// timeOrNull is for members that are null when there is no such moment.
func timeOrNull(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	s := FormatTime(t)
	return &s
}

func textOrNull[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	text := string(s)
	return &text
}

// User is what everyone may know of a person.
type User struct {
	ID          string `json:"id" format:"uuid"`
	Username    string `json:"username"`
	DisplayName string `json:"displayName"`
	CreatedAt   Time   `json:"createdAt" format:"date-time"`
}

// Me is a person's own account.
type Me struct {
	User
	Email               *string `json:"email" nullable:"true"`
	ReadReceiptsEnabled bool    `json:"readReceiptsEnabled"`
	PresenceEnabled     bool    `json:"presenceEnabled"`
	PresenceSharing     string  `json:"presenceSharing" enum:"everyone,friends,nobody"`
	PresenceInvisible   bool    `json:"presenceInvisible" doc:"To all others the person looks offline."`
}

// Message is a stored message; a tombstone has deletedAt and empty content.
type Message struct {
	ID              string `json:"id" format:"uuid"`
	ConversationID  string `json:"conversationId" format:"uuid"`
	SenderID        string `json:"senderId" format:"uuid"`
	Seq             int64  `json:"seq" minimum:"1" doc:"The message's place in its conversation: 1, 2, 3 … without gaps."`
	Rev             int64  `json:"rev" minimum:"1" doc:"The conversation's revision at the message's last change."`
	Content         string `json:"content"`
	ContentType     string `json:"contentType" enum:"text"`
	ClientMessageID string `json:"clientMessageId"`
	CreatedAt       Time   `json:"createdAt" format:"date-time"`
	UpdatedAt       Time   `json:"updatedAt" format:"date-time"`
	EditedAt        *Time  `json:"editedAt" format:"date-time" nullable:"true"`
	DeletedAt       *Time  `json:"deletedAt" format:"date-time" nullable:"true"`
}

// Participant is one person in a conversation.
type Participant struct {
	User     User   `json:"user"`
	Role     string `json:"role" enum:"owner,admin,member"`
	JoinedAt Time   `json:"joinedAt" format:"date-time"`
}

// Conversation is a conversation. In events that everyone gets, the members that belong to one viewer
// are absent.
type Conversation struct {
	ID                string        `json:"id" format:"uuid"`
	Type              string        `json:"type" enum:"direct,group"`
	Title             *string       `json:"title" nullable:"true"`
	OwnerID           *string       `json:"ownerId" format:"uuid" nullable:"true"`
	Participants      []Participant `json:"participants" nullable:"false" doc:"The first 20 in order of joining."`
	ParticipantCount  int           `json:"participantCount"`
	LastMessage       *Message      `json:"lastMessage" doc:"null before the first message"`
	LastSeq           int64         `json:"lastSeq"`
	LastRev           int64         `json:"lastRev"`
	UnreadCount       *int64        `json:"unreadCount,omitzero" nullable:"false"`
	MentionCount      *int64        `json:"mentionCount,omitzero" nullable:"false"`
	LastReadMessageID **string      `json:"lastReadMessageId,omitzero" format:"uuid" nullable:"true"`
	LastReadSeq       *int64        `json:"lastReadSeq,omitzero" nullable:"false"`
	CreatedAt         Time          `json:"createdAt" format:"date-time"`
	UpdatedAt         Time          `json:"updatedAt" format:"date-time"`
}

// ReadState is the answer to reading: receipt:synced and POST …/read.
type ReadState struct {
	ConversationID    string  `json:"conversationId" format:"uuid"`
	UnreadCount       int64   `json:"unreadCount"`
	LastReadMessageID *string `json:"lastReadMessageId" format:"uuid" nullable:"true"`
	LastReadSeq       int64   `json:"lastReadSeq"`
	LastReadAt        *Time   `json:"lastReadAt" format:"date-time" nullable:"true"`
}

// Reader is somebody who has read a message.
type Reader struct {
	User   User `json:"user"`
	ReadAt Time `json:"readAt" format:"date-time"`
}

// UserOf is the wire shape of a person. Who was erased has no name of their own any more.
func UserOf(u chat.User) User {
	return User{ID: string(u.ID), Username: u.Username, DisplayName: u.DisplayName, CreatedAt: FormatTime(u.CreatedAt)}
}

// MeOf is the wire shape of an own account.
func MeOf(m chat.Me) Me {
	return Me{
		User: UserOf(m.User), Email: textOrNull(m.Email), ReadReceiptsEnabled: m.ReadReceiptsEnabled,
		PresenceEnabled: m.PresenceEnabled, PresenceSharing: string(m.PresenceSharing), PresenceInvisible: m.PresenceInvisible,
	}
}

// MessageOf is the wire shape of a message.
func MessageOf(m chat.Message) Message {
	return Message{
		ID: string(m.ID), ConversationID: string(m.Conversation), SenderID: string(m.Sender), Seq: m.Seq, Rev: m.Rev,
		Content: m.Content, ContentType: m.ContentType, ClientMessageID: m.ClientMessageID,
		CreatedAt: FormatTime(m.CreatedAt), UpdatedAt: FormatTime(m.UpdatedAt),
		EditedAt: timeOrNull(m.EditedAt), DeletedAt: timeOrNull(m.DeletedAt),
	}
}

// ParticipantOf is the wire shape of a participant.
func ParticipantOf(p chat.Participant) Participant {
	return Participant{User: UserOf(p.User), Role: string(p.Role), JoinedAt: FormatTime(p.JoinedAt)}
}

// ConversationOf is the wire shape of a conversation.
func ConversationOf(c chat.Conversation) Conversation {
	out := Conversation{
		ID: string(c.ID), Type: string(c.Type), Title: textOrNull(c.Title), OwnerID: textOrNull(c.OwnerID),
		Participants: make([]Participant, 0, len(c.Participants)), ParticipantCount: c.ParticipantCount,
		LastSeq: c.LastSeq, LastRev: c.LastRev, CreatedAt: FormatTime(c.CreatedAt), UpdatedAt: FormatTime(c.UpdatedAt),
	}
	for _, p := range c.Participants {
		out.Participants = append(out.Participants, ParticipantOf(p))
	}
	if c.LastMessage != nil {
		m := MessageOf(*c.LastMessage)
		out.LastMessage = &m
	}
	if c.Viewer != "" {
		lastRead := textOrNull(c.LastReadMessageID)
		out.UnreadCount, out.MentionCount = &c.UnreadCount, &c.MentionCount
		out.LastReadMessageID, out.LastReadSeq = &lastRead, &c.LastReadSeq
	}
	return out
}

// ReadStateOf is the wire shape of a read position.
func ReadStateOf(r chat.ReadState) ReadState {
	return ReadState{
		ConversationID: string(r.Conversation), UnreadCount: r.UnreadCount,
		LastReadMessageID: textOrNull(r.LastReadMessageID), LastReadSeq: r.LastReadSeq, LastReadAt: timeOrNull(r.LastReadAt),
	}
}
