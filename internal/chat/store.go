package chat

import (
	"context"
	"errors"
	"time"
)

// ErrStale means that a write was decided on a roster that has changed since. Nothing was written; the
// rule must be applied again to the roster as it is now.
var ErrStale = errors.New("roster has changed")

// Store keeps everything. Each method is one atomic step: it happened whole or not at all, and when it
// returned without an error it survives a crash of the process, the database or the machine (C2.1).
//
// Errors: *[Error] with CodeNotFound, CodeConflict, CodeDBTimeout or CodeDBConnectionLost, or [ErrStale]
// where a method says so; anything else is a fault. DB codes carry OutcomeUnknown when a commit may
// have happened. Times are UTC with microseconds. Slices come in the order that the method names.
type Store interface {
	MessageStore
	ConversationStore
	ReceiptStore
	UserStore
	FriendStore
	PresenceStore
}

// MessageStore keeps messages and hands out seq and rev.
type MessageStore interface {
	// Await returns nil as soon as the store is not known to be away: at once where nobody can know. It returns an error
	// when ctx ends before. While it is known to be away everything else is refused at once, with CodeDBConnectionLost and
	// OutcomeRejected.
	Await(ctx context.Context) error

	// AppendMessages commits drafts in one transaction, each at the next seq and rev of its conversation
	// in the order given, and returns one result a draft, in the same order. A draft whose
	// (conversation, sender, clientMessageId) exists is not stored again: its result is the message
	// that is there, with Duplicate set (C2.3); the same holds for two equal drafts in one batch. A
	// draft whose RosterRev is not the conversation's has Err = ErrStale and takes no number; one whose
	// conversation does not exist has CodeNotInConversation. The returned error means that the whole
	// batch failed.
	AppendMessages(ctx context.Context, drafts []Draft) ([]Appended, error)

	// EditMessage replaces the content and takes the next rev. CodeNotFound when the message is not in
	// the conversation or is deleted, ErrStale as above.
	EditMessage(ctx context.Context, e Edit) (Message, error)

	// DeleteMessage leaves a tombstone (content erased, seq kept) and takes the next rev (C1.5).
	// Deleting what is deleted returns the tombstone with already = true and takes no rev.
	DeleteMessage(ctx context.Context, d Deletion) (m Message, already bool, err error)

	// Message returns one message, tombstones included, or CodeNotFound.
	Message(ctx context.Context, c ConversationID, id MessageID) (Message, error)

	// MessageByClientID returns what the sender stored under its clientMessageId, or CodeNotFound.
	MessageByClientID(ctx context.Context, c ConversationID, sender UserID, clientMessageID string) (Message, error)

	// Messages returns a page of history, tombstones included: newest first for Older, oldest first
	// for Newer. It reads Limit+1 rows at most to tell hasMore.
	Messages(ctx context.Context, q HistoryQuery) (messages []Message, hasMore bool, err error)

	// Changes returns, in rev order and from one snapshot, what changed past afterRev: at most limit
	// changes, with the conversation's head at that snapshot. A message that changed several times
	// appears once, at its last rev; so do the conversation and its participants together.
	Changes(ctx context.Context, c ConversationID, afterRev int64, limit int) (Changes, error)

	// Heads returns the last seq and rev of each conversation that exists, in one query.
	Heads(ctx context.Context, cs []ConversationID) (map[ConversationID]Head, error)

	// Interests returns, from one snapshot and in one query, every conversation that each person named is
	// in. Who is in none has no entry.
	Interests(ctx context.Context, users []UserID) (map[UserID][]Interest, error)
}

// ConversationStore keeps conversations and who is in them.
type ConversationStore interface {
	// CreateConversation stores a conversation at rev 1 with its participants. For a direct one
	// between two people who have one, it returns that one with created = false; if the creator had
	// hidden it, it is shown again. CodeNotFound when a participant does not exist or was erased, or there is a block,
	// either way, between the creator and a participant.
	CreateConversation(ctx context.Context, n NewConversation) (conversation Conversation, created bool, err error)

	// ReviseConversation applies one change to a conversation or to who is in it and takes one rev for
	// all of it. It returns the state after it. ErrStale when RosterRev is not the conversation's;
	// CodeNotFound when an added person does not exist, was erased, or is in a block with By. Who comes back
	// after having left keeps their read position.
	ReviseConversation(ctx context.Context, r Revision) (Conversation, error)

	// HideConversation takes a conversation off one person's list until its next message. It returns the seq of
	// the last one. CodeNotInConversation when the person is not in it.
	HideConversation(ctx context.Context, c ConversationID, u UserID) (seq int64, err error)

	// Conversation returns it as viewer sees it, with the first 20 participants in order of joining, or
	// CodeNotFound when it does not exist, has ended, or viewer is not in it. With viewer "" nothing
	// personal is set and membership is not asked.
	Conversation(ctx context.Context, c ConversationID, viewer UserID) (Conversation, error)

	// Conversations lists what is on viewer's list, newest activity first (ties by id, descending).
	Conversations(ctx context.Context, q ListQuery) (conversations []Conversation, hasMore bool, err error)

	// Participants pages through who is in a conversation, in order of joining (ties by user id).
	Participants(ctx context.Context, c ConversationID, after ParticipantCursor, limit int) (participants []Participant, hasMore bool, err error)

	// Roster returns everyone in a conversation that has not ended, or CodeNotFound.
	Roster(ctx context.Context, c ConversationID) (Roster, error)

	// ConversationIDs returns all conversations that the person is in.
	ConversationIDs(ctx context.Context, u UserID) ([]ConversationID, error)
}

// UserStore keeps what people may know of each other. Accounts and logins are internal/auth's.
type UserStore interface {
	// Users returns those that exist, erased ones included, in no order.
	Users(ctx context.Context, ids []UserID) ([]User, error)
	// Me returns a person's own account, or CodeNotFound when it does not exist or was erased.
	Me(ctx context.Context, id UserID) (Me, error)
	// UpdateMe applies the edit, which may be empty, and returns what became of the account. Each change of its privacy takes the next
	// Privacy.Rev. Switching read receipts on again, or becoming visible again, shows what was read meanwhile as read at
	// that moment, in one step for each conversation (C6.6); switching them off leaves the steps where they are, and nobody
	// is shown them; who becomes invisible stays shown as far as they are (C7.1). With there, who becomes invisible was seen
	// last at that moment.
	UpdateMe(ctx context.Context, id UserID, e ProfileEdit, there bool) (ProfileChange, error)
	// SetVisibility makes people invisible, or visible again, in one transaction, with the same rules, and returns what became
	// of each, not of who was erased. Who is named twice becomes what is named last. The number of statements does not depend
	// on how many there are, and of who is that already nothing is written.
	SetVisibility(ctx context.Context, asked []Visibility) (map[UserID]PrivacyChange, error)
	// SearchUsers finds by prefix of username or display name without regard to case, never by e-mail,
	// the searcher, erased people and those with whom there is a block, either way, left out, in order of username.
	SearchUsers(ctx context.Context, searcher UserID, prefix string, limit int) ([]User, error)
	// EraseUser makes the account a deleted user: name, e-mail, password, logins and what they have read when
	// are gone, and so are friendships, blocks and whose presence they follow. With withMessages every message of theirs becomes a tombstone first, each taking a rev; the changed
	// conversations are returned, also with an error. It is idempotent and may be repeated after a crash.
	EraseUser(ctx context.Context, id UserID, withMessages bool) ([]ConversationID, error)
}

// Draft is a message that was checked and is not stored yet.
type Draft struct {
	ID              MessageID
	Conversation    ConversationID
	Sender          UserID
	ClientMessageID string
	Content         string
	ContentType     string
	RosterRev       int64
	Trace           Trace // what it is a part of; it is not stored
}

// Appended is the store's answer to one draft.
type Appended struct {
	Message   Message
	Duplicate bool
	Err       error
}

// Edit replaces a message's content.
type Edit struct {
	Conversation ConversationID
	Message      MessageID
	Content      string
	RosterRev    int64
}

// Deletion turns a message into a tombstone.
type Deletion struct {
	Conversation ConversationID
	Message      MessageID
	RosterRev    int64
}

// HistoryQuery asks for a page of messages on one side of a position. Positions are (createdAt, id), as
// the seed asks; inside a conversation that is the order of seq (C1.4).
type HistoryQuery struct {
	Conversation ConversationID
	// CreatedAt and ID are the position; the message there is not part of the page. Zero: from the newest
	// message (older) or the oldest (newer).
	CreatedAt time.Time
	ID        MessageID
	Newer     bool
	Limit     int
}

// Head is where a conversation stands.
type Head struct {
	LastSeq int64
	LastRev int64
	// RosterRev is the rev of the last change to the conversation itself or to who is in it.
	RosterRev int64
}

// Interest is one conversation of a person's: where it stands, and where the person does in it.
type Interest struct {
	Conversation ConversationID
	Head
	UpdatedAt time.Time // of the last message or change of the conversation itself
	// ReadSeq is the seq that the person said to have read to; what they sent since may lie past it (C6.5).
	ReadSeq int64
	// HiddenSeq is the last seq at the time when the person took it off their list, −1 if they did not: with
	// the next message it is on the list again.
	HiddenSeq int64
}

// Changes is a difference of states (C3.3).
type Changes struct {
	Changes []Change
	Head    Head
	HasMore bool
}

// NewConversation is what a conversation starts as.
type NewConversation struct {
	ID           ConversationID
	Type         ConversationType
	Title        string // "" for none
	Creator      UserID // owner of a group
	Participants []UserID
}

// Revision is one change to a conversation or to who is in it. What is nil or empty stays.
type Revision struct {
	Conversation ConversationID
	RosterRev    int64
	Title        *string
	// By is who adds people: nobody with whom there is a block, either way, is found. "" adds whomever.
	By     UserID
	Add    []UserID
	Remove []UserID
	Roles  map[UserID]Role
	End    bool
}

// ListQuery asks for a page of a person's conversations: by Offset (the seed's page) or after a
// position (cursor).
type ListQuery struct {
	Viewer UserID
	// After and AfterID are the activity time and id of the last conversation of the page before.
	After   time.Time
	AfterID ConversationID
	Offset  int
	Limit   int
}

// ParticipantCursor is the position of the last participant of the page before; zero for the first page.
type ParticipantCursor struct {
	JoinedAt time.Time
	User     UserID
}
