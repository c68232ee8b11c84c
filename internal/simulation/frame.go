package simulation

import (
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/client"
)

// frame is any frame of the server.
type frame struct {
	Type string `json:"type"`

	ConversationID    string              `json:"conversationId"`
	MessageID         string              `json:"messageId"`
	ClientMessageID   string              `json:"clientMessageId"`
	UserID            string              `json:"userId"`
	SessionID         string              `json:"sessionId"`
	ServerID          string              `json:"serverId"`
	SenderID          string              `json:"senderId"`
	Timestamp         time.Time           `json:"timestamp"`
	Seq               int64               `json:"seq"`
	Rev               int64               `json:"rev"`
	LastSeq           int64               `json:"lastSeq"`
	LastRev           int64               `json:"lastRev"`
	UpToSeq           int64               `json:"upToSeq"`
	UnreadCount       int64               `json:"unreadCount"`
	LastReadMessageID *string             `json:"lastReadMessageId"`
	LastReadAt        *time.Time          `json:"lastReadAt"`
	Preview           string              `json:"preview"`
	ReadAt            *time.Time          `json:"readAt"`
	Counts            []client.ReadCount  `json:"counts"`
	Reason            string              `json:"reason"`
	ReconnectInMS     int64               `json:"reconnectInMs"`
	Message           client.Message      `json:"message"`
	Conversation      client.Conversation `json:"conversation"`

	Code      string `json:"code"`
	Error     string `json:"error"`
	Outcome   string `json:"outcome"`
	Retryable bool   `json:"retryable"`
	Ref       string `json:"ref"`
}

func decode(text []byte) (*frame, error) {
	f := &frame{}
	return f, json.Unmarshal(text, f)
}

func (f *frame) err() *client.Error {
	return &client.Error{Code: f.Code, Message: f.Error, Outcome: f.Outcome, Retryable: f.Retryable}
}

// event is what a frame tells a person; nil for those that only the connection minds. rev is 0 for what stands
// in no order.
func (f *frame) event() (conversation string, rev int64, e client.Event) {
	switch f.Type {
	case "message:received":
		return f.Message.ConversationID, f.Message.Rev, client.MessageReceived{Message: f.Message}
	case "message:updated":
		return f.Message.ConversationID, f.Message.Rev, client.MessageUpdated{Message: f.Message}
	case "message:deleted":
		return f.Message.ConversationID, f.Message.Rev, client.MessageDeleted{Message: f.Message}
	case "conversation:updated":
		return f.ConversationID, f.Rev, client.ConversationUpdated{ConversationID: f.ConversationID, Rev: f.Rev, Conversation: f.Conversation}
	case "message:delivered":
		return f.ConversationID, 0, client.MessageDelivered{ConversationID: f.ConversationID, UserID: f.UserID, UpToSeq: f.UpToSeq}
	case "conversation:added":
		return f.Conversation.ID, 0, client.ConversationAdded{Conversation: f.Conversation}
	case "conversation:removed":
		return f.ConversationID, 0, client.ConversationRemoved{ConversationID: f.ConversationID, Reason: f.Reason}
	case "conversation:activity":
		return f.ConversationID, 0, client.ConversationActivity{
			ConversationID: f.ConversationID, LastSeq: f.LastSeq, SenderID: f.SenderID, Timestamp: f.Timestamp, UnreadCount: f.UnreadCount, Preview: f.Preview,
		}
	case "typing:started", "typing:stopped":
		return f.ConversationID, 0, client.Typing{ConversationID: f.ConversationID, UserID: f.UserID, Typing: f.Type == "typing:started"}
	case "receipt:synced":
		return f.ConversationID, 0, client.ReadSynced{ReadState: client.ReadState{
			ConversationID: f.ConversationID, UnreadCount: f.UnreadCount, LastReadMessageID: f.LastReadMessageID, LastReadAt: f.LastReadAt,
		}}
	case "receipt:updated":
		e := client.ReceiptUpdated{ConversationID: f.ConversationID, UserID: f.UserID, Seq: f.Seq, ReadAt: f.ReadAt}
		if f.MessageID != "" {
			e.MessageID = &f.MessageID
		}
		return f.ConversationID, 0, e
	case "receipt:count":
		return f.ConversationID, 0, client.ReceiptCount{ConversationID: f.ConversationID, Counts: f.Counts}
	case "error":
		return f.ConversationID, 0, client.Failed{Ref: f.Ref, Err: f.err()}
	}
	return f.ConversationID, 0, nil
}
