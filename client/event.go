package client

import (
	"encoding/json"
	"time"
)

// Event is something that the server told, or that happened to the connection. A type switch over the
// types of this file reads it.
type Event interface{ isEvent() }

type (
	// MessageReceived is a new message; Own marks one that this connection sent itself, which a [Live]
	// hands over in its place among the others.
	MessageReceived struct {
		Message Message
		Own     bool
	}
	// MessageUpdated is a message after an edit. After an absence it may be the first that is seen of it.
	MessageUpdated struct{ Message Message }
	// MessageDeleted is a tombstone. After an absence it may be the first that is seen of it.
	MessageDeleted struct{ Message Message }
	// MessageDelivered says how far a device of somebody else has acknowledged (C3.4).
	MessageDelivered struct {
		ConversationID string
		UserID         string
		UpToSeq        int64
	}
	// ReceiptUpdated says how far somebody else has read in a small conversation (C6.3). Positions only move forward:
	// of two the larger Seq holds. Without a message, and Seq 0, they let nobody know any more (C6.6).
	ReceiptUpdated struct {
		ConversationID string
		UserID         string
		MessageID      *string
		Seq            int64
		ReadAt         *time.Time
	}
	// ReceiptCount says how many people other than its sender have read each of the newest messages of a large
	// conversation. Counts replace those before (C6.3).
	ReceiptCount struct {
		ConversationID string
		Counts         []ReadCount
	}
	// ConversationAdded is a conversation that the person came into, or that is to be shown again.
	ConversationAdded struct{ Conversation Conversation }
	// ConversationUpdated is a conversation after a change of its title, people or roles.
	ConversationUpdated struct {
		ConversationID string
		Rev            int64
		Conversation   Conversation
	}
	// ConversationRemoved ends a conversation for this person; nothing of it follows (C3.7).
	ConversationRemoved struct {
		ConversationID string
		Reason         string // left, removed or ended
	}
	// ConversationActivity tells of a conversation that is not subscribed (C3.8).
	ConversationActivity struct {
		ConversationID string
		LastSeq        int64
		SenderID       string    // who wrote the last message
		Timestamp      time.Time // when
		UnreadCount    int64
		Preview        string // how the last message begins; empty when it is deleted
	}
	// Typing says that somebody else types, or stopped.
	Typing struct {
		ConversationID string
		UserID         string
		Typing         bool
	}
	// ReadSynced is the own read position, moved by any of the person's devices (C6.5).
	ReadSynced struct{ ReadState ReadState }
	// PresenceState tells the presence of many: after each connect, in one or more, of all whom the person watches, and of
	// those whom [Live.SubscribePresence] or [Live.UnsubscribePresence] named.
	PresenceState struct{ Presences []Presence }
	// PresenceChanged says that somebody's presence is another one now. It replaces what was told before.
	PresenceChanged struct{ Presence Presence }
	// FriendChanged says how the person stands to another now.
	FriendChanged struct {
		UserID string
		Status string     // none, outgoing, incoming or friends
		Since  *time.Time // of the request, or of its being accepted; nil with none
		User   *User      // nil with none
	}
	// BlockChanged says that the person blocked another on any of their devices, or lifted that.
	BlockChanged struct {
		UserID  string
		Blocked bool
	}
	// Announcement is a word of the operator to all.
	Announcement struct{ Text string }
	// CatchingUp says that what changed past AfterRev is about to be handed over, as a difference of states
	// in which revs may be left out, until [CaughtUp] (C3.3). It comes after a subscribe, a reconnect, and
	// when a live connection had a hole.
	CatchingUp struct {
		ConversationID string
		AfterRev       int64
		LastRev        int64 // where the conversation stands; AfterRev may be this already
		Hole           bool  // the connection was live, and a rev did not come within a second
	}
	// CaughtUp says that everything up to Rev has been handed over, after a subscribe or a reconnect.
	CaughtUp struct {
		ConversationID string
		Rev            int64
	}
	// Failed is an error that belongs to no send: of an edit, a delete, a subscribe, or of the connection.
	// Ref names what it was about, the message's or the conversation's id, "" when unknown.
	Failed struct {
		Ref string
		Err *Error
	}
	// Online says that the connection is signed in and carries events.
	Online struct {
		UserID    string
		SessionID string
		ServerID  string
		ExpiresAt time.Time
	}
	// Offline says that the connection was lost and when it is tried again.
	Offline struct {
		Err     error
		RetryIn time.Duration
	}
)

func (MessageReceived) isEvent()      {}
func (MessageUpdated) isEvent()       {}
func (MessageDeleted) isEvent()       {}
func (MessageDelivered) isEvent()     {}
func (ReceiptUpdated) isEvent()       {}
func (ReceiptCount) isEvent()         {}
func (ConversationAdded) isEvent()    {}
func (ConversationUpdated) isEvent()  {}
func (ConversationRemoved) isEvent()  {}
func (ConversationActivity) isEvent() {}
func (Typing) isEvent()               {}
func (ReadSynced) isEvent()           {}
func (PresenceState) isEvent()        {}
func (PresenceChanged) isEvent()      {}
func (FriendChanged) isEvent()        {}
func (BlockChanged) isEvent()         {}
func (Announcement) isEvent()         {}
func (CatchingUp) isEvent()           {}
func (CaughtUp) isEvent()             {}
func (Failed) isEvent()               {}
func (Online) isEvent()               {}
func (Offline) isEvent()              {}

// place says where in a conversation's order an event stands; rev is 0 for one outside of it.
func place(e Event) (conversation string, rev int64) {
	switch e := e.(type) {
	case MessageReceived:
		return e.Message.ConversationID, e.Message.Rev
	case MessageUpdated:
		return e.Message.ConversationID, e.Message.Rev
	case MessageDeleted:
		return e.Message.ConversationID, e.Message.Rev
	case ConversationUpdated:
		return e.ConversationID, e.Rev
	}
	return "", 0
}

// frame is any frame of the server: one flat object (C4.1).
type frame struct {
	Type string `json:"type"`

	ConversationID  string       `json:"conversationId"`
	MessageID       string       `json:"messageId"`
	ClientMessageID string       `json:"clientMessageId"`
	UserID          string       `json:"userId"`
	SessionID       string       `json:"sessionId"`
	ServerID        string       `json:"serverId"`
	ExpiresAt       time.Time    `json:"expiresAt"`
	Timestamp       time.Time    `json:"timestamp"`
	Seq             int64        `json:"seq"`
	Rev             int64        `json:"rev"`
	LastSeq         int64        `json:"lastSeq"`
	LastRev         int64        `json:"lastRev"`
	UpToSeq         int64        `json:"upToSeq"`
	HasMore         bool         `json:"hasMore"`
	Message         Message      `json:"message"`
	Conversation    Conversation `json:"conversation"`
	Reason          string       `json:"reason"`
	Text            string       `json:"text"`
	SenderID        string       `json:"senderId"`
	Preview         string       `json:"preview"`
	ReconnectInMS   int64        `json:"reconnectInMs"`

	UnreadCount       int64      `json:"unreadCount"`
	LastReadMessageID *string    `json:"lastReadMessageId"`
	LastReadSeq       int64      `json:"lastReadSeq"`
	LastReadAt        *time.Time `json:"lastReadAt"`

	ReadAt *time.Time  `json:"readAt"`
	Counts []ReadCount `json:"counts"`

	Status     string     `json:"status"`
	LastSeenAt *time.Time `json:"lastSeenAt"`
	Device     string     `json:"device"`
	Presences  []Presence `json:"presences"`
	Since      *time.Time `json:"since"`
	User       *User      `json:"user"`
	Blocked    bool       `json:"blocked"`

	Error        string `json:"error"`
	Code         string `json:"code"`
	Retryable    bool   `json:"retryable"`
	RetryAfterMS int64  `json:"retryAfterMs"`
	TraceID      string `json:"traceId"`
	Outcome      string `json:"outcome"`
	Ref          string `json:"ref"`
}

func decodeFrame(text []byte) (*frame, error) {
	f := &frame{}
	return f, json.Unmarshal(text, f)
}

// event is what the frame means to the program; nil for frames that only the connection minds, and for
// types that a newer server may send.
func (f *frame) event() Event {
	switch f.Type {
	case "message:received":
		return MessageReceived{Message: f.Message}
	case "message:updated":
		return MessageUpdated{Message: f.Message}
	case "message:deleted":
		return MessageDeleted{Message: f.Message}
	case "message:delivered":
		return MessageDelivered{ConversationID: f.ConversationID, UserID: f.UserID, UpToSeq: f.UpToSeq}
	case "receipt:updated":
		e := ReceiptUpdated{ConversationID: f.ConversationID, UserID: f.UserID, Seq: f.Seq, ReadAt: f.ReadAt}
		if f.MessageID != "" {
			e.MessageID = &f.MessageID
		}
		return e
	case "receipt:count":
		return ReceiptCount{ConversationID: f.ConversationID, Counts: f.Counts}
	case "conversation:added":
		return ConversationAdded{Conversation: f.Conversation}
	case "conversation:updated":
		return ConversationUpdated{ConversationID: f.ConversationID, Rev: f.Rev, Conversation: f.Conversation}
	case "conversation:removed":
		return ConversationRemoved{ConversationID: f.ConversationID, Reason: f.Reason}
	case "conversation:activity":
		return ConversationActivity{ConversationID: f.ConversationID, LastSeq: f.LastSeq, SenderID: f.SenderID, Timestamp: f.Timestamp, UnreadCount: f.UnreadCount, Preview: f.Preview}
	case "typing:started", "typing:stopped":
		return Typing{ConversationID: f.ConversationID, UserID: f.UserID, Typing: f.Type == "typing:started"}
	case "receipt:synced":
		return ReadSynced{ReadState{
			ConversationID: f.ConversationID, UnreadCount: f.UnreadCount,
			LastReadMessageID: f.LastReadMessageID, LastReadSeq: f.LastReadSeq, LastReadAt: f.LastReadAt,
		}}
	case "presence:state":
		return PresenceState{Presences: f.Presences}
	case "presence:changed":
		return PresenceChanged{Presence{UserID: f.UserID, Status: f.Status, LastSeenAt: f.LastSeenAt, Device: f.Device}}
	case "friend:changed":
		return FriendChanged{UserID: f.UserID, Status: f.Status, Since: f.Since, User: f.User}
	case "block:changed":
		return BlockChanged{UserID: f.UserID, Blocked: f.Blocked}
	case "system:announcement":
		return Announcement{Text: f.Text}
	case "error":
		return Failed{Ref: f.Ref, Err: f.err()}
	}
	return nil
}

func (f *frame) err() *Error {
	return &Error{
		Code: f.Code, Reason: f.Reason, Message: f.Error, Retryable: f.Retryable,
		RetryAfter: time.Duration(f.RetryAfterMS) * time.Millisecond, Outcome: f.Outcome, TraceID: f.TraceID,
	}
}

// command is any frame of the client.
type command struct {
	Type              string         `json:"type"`
	Token             string         `json:"token,omitempty"`
	DeviceID          string         `json:"deviceId,omitempty"`
	DeviceType        string         `json:"deviceType,omitempty"`
	ConversationID    string         `json:"conversationId,omitempty"`
	Conversations     []subscription `json:"conversations,omitempty"`
	MessageID         string         `json:"messageId,omitempty"`
	LastReadMessageID string         `json:"lastReadMessageId,omitempty"`
	ClientMessageID   string         `json:"clientMessageId,omitempty"`
	Content           string         `json:"content,omitempty"`
	ContentType       string         `json:"contentType,omitempty"`
	Seq               int64          `json:"seq,omitempty"`
	Status            string         `json:"status,omitempty"`
	UserIDs           []string       `json:"userIds,omitempty"`
}

type subscription struct {
	ConversationID string `json:"conversationId"`
	AfterRev       *int64 `json:"afterRev,omitempty"`
}
