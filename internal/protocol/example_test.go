package protocol

import (
	"errors"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// The people and things of the golden frames.
const (
	ada          = chat.UserID("0198c0de-0000-7000-8000-00000000ada0")
	bob          = chat.UserID("0198c0de-0000-7000-8000-00000000b0b0")
	conversation = chat.ConversationID("0198c0de-0000-7000-8000-0000000000c0")
	messageID    = chat.MessageID("0198c0de-0000-7000-8000-000000000e55")
	session      = "0198c0de-0000-7000-8000-000000005e55"
	clientID     = "3f8b0c1e-7d0a-4c55-9a53-d0d3c0ffee00"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 123_456_000, time.UTC)

func exampleMessage() chat.Message {
	return chat.Message{
		ID: messageID, Conversation: conversation, Sender: ada, Seq: 7, Rev: 9,
		Content: "Grüße \"an\" <alle> & 👋🏽\n\u2028", ContentType: "text", ClientMessageID: clientID,
		CreatedAt: noon, UpdatedAt: noon,
	}
}

func exampleEdited() chat.Message {
	m := exampleMessage()
	m.Content, m.Rev, m.EditedAt, m.UpdatedAt = "edited", 10, noon.Add(time.Minute), noon.Add(time.Minute)
	return m
}

func exampleTombstone() chat.Message {
	m := exampleEdited()
	m.Content, m.Rev, m.DeletedAt, m.UpdatedAt = "", 11, noon.Add(time.Hour), noon.Add(time.Hour)
	return m
}

func exampleUser(id chat.UserID, name, display string) chat.User {
	return chat.User{ID: id, Username: name, DisplayName: display, CreatedAt: noon.Add(-time.Hour)}
}

func exampleConversation(viewer chat.UserID) chat.Conversation {
	last := exampleTombstone()
	return chat.Conversation{
		ID: conversation, Type: chat.Group, Title: "Tea", OwnerID: ada,
		Participants: []chat.Participant{
			{User: exampleUser(ada, "ada", "Ada"), Role: chat.RoleOwner, JoinedAt: noon.Add(-time.Hour)},
			{User: exampleUser(bob, "bob", "Bob"), Role: chat.RoleMember, JoinedAt: noon.Add(-time.Minute)},
		},
		ParticipantCount: 2, LastMessage: &last, LastSeq: 7, LastRev: 12, RosterRev: 12,
		Viewer: viewer, UnreadCount: 3, CreatedAt: noon.Add(-time.Hour), UpdatedAt: noon.Add(time.Hour),
	}
}

func exampleChanges() []chat.Change {
	message, edited, tombstone, state := exampleMessage(), exampleEdited(), exampleTombstone(), exampleConversation("")
	return []chat.Change{
		{Conversation: conversation, Rev: 9, Kind: chat.MessageAdded, Message: &message},
		{Conversation: conversation, Rev: 10, Kind: chat.MessageEdited, Message: &edited},
		{Conversation: conversation, Rev: 11, Kind: chat.MessageDeleted, Message: &tombstone},
		{Conversation: conversation, Rev: 12, Kind: chat.ConversationRevised, State: &state},
	}
}

// exampleEvents has at least one of every event.
func exampleEvents() []Event {
	changes := exampleChanges()
	read := chat.ReadState{Conversation: conversation, UnreadCount: 2, LastReadMessageID: messageID, LastReadSeq: 7, LastReadAt: noon}
	trace, _ := chat.ParseTrace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
	unread := chat.ReadState{Conversation: conversation, UnreadCount: 2}
	return []Event{
		AuthSuccess{string(ada), session, "node-1", FormatTime(noon)},
		AuthError{Error: "The token has expired.", Code: "AUTH_FAILED"},
		AuthError{Error: "Too many connections. Wait a moment.", Code: "RATE_LIMITED", RetryAfterMs: 6000},
		AuthExpiring{FormatTime(noon)},
		Subscribed{string(conversation), 7, 12, false},
		ChangeEventOf(&changes[0]), ChangeEventOf(&changes[1]), ChangeEventOf(&changes[2]), ChangeEventOf(&changes[3]),
		CaughtUp{string(conversation), 12},
		Unsubscribed{string(conversation)},
		MessageSentOf(exampleMessage()),
		MessageErrorOf(chat.Invalid("content", "The message is empty."), clientID, trace),
		MessageErrorOf(&chat.Error{Code: chat.CodeDBTimeout, Message: "The database did not answer within 3 seconds.", RetryAfter: time.Second, Outcome: chat.OutcomeUnknown}, clientID, trace),
		MessageErrorOf(&chat.Error{Code: chat.CodeValidation, Reason: chat.ReasonIdempotencyConflict, Message: "This clientMessageId was used for another message."}, clientID, trace),
		MessageDelivered{string(conversation), string(bob), 7},
		TypingStarted{string(conversation), string(bob)},
		TypingStopped{string(conversation), string(bob)},
		ReceiptSynced{ReadStateOf(read)},
		ReceiptSynced{ReadStateOf(unread)},
		ReceiptUpdatedOf(chat.Shown{Conversation: conversation, User: bob, Message: messageID, Seq: 7, At: noon}),
		ReceiptUpdatedOf(chat.Shown{Conversation: conversation, User: bob}),
		ReceiptCountOf(chat.ReadCounts{Conversation: conversation, Version: 1, Counts: []chat.ReadCount{{Message: messageID, Count: 47}}}),
		PresenceChanged{PresenceOf(chat.Presence{User: bob, Status: chat.StatusOnline, Device: chat.Desktop}, true)},
		PresenceChanged{PresenceOf(chat.Presence{User: bob, Status: chat.StatusOffline, SeenAt: noon}, true)},
		PresenceState{[]Presence{
			PresenceOf(chat.Presence{User: bob, Status: chat.StatusAway, Device: chat.Mobile}, true),
			PresenceOf(chat.Presence{User: ada, Status: chat.StatusOnline, Device: chat.Mobile}, false),
		}},
		FriendChangedOf(chat.Friend{User: exampleUser(bob, "bob", "Bob"), Friendship: chat.Incoming, Since: noon}),
		FriendChangedOf(chat.Friend{User: exampleUser(bob, "bob", "Bob"), Friendship: chat.NotFriends}),
		BlockChanged{string(bob), true},
		ConversationAdded{ConversationOf(exampleConversation(bob))},
		ConversationRemoved{string(conversation), string(chat.ReasonRemoved)},
		ConversationActivity{string(conversation), 7, string(bob), FormatTime(noon), "Grüße", 3},
		Announcement{"The server moves at 22:00 and is back by 22:10."},
		Draining{1500},
		ProblemOf(chat.NotInConversation(), string(conversation), trace),
		ProblemOf(&chat.Error{Code: chat.CodeRateLimited, Message: "Too many requests. Wait a moment.", RetryAfter: 2*time.Second + 1}, "", trace),
		ProblemOf(errors.New("what nobody named"), string(conversation), trace),
	}
}
