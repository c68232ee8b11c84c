package chat

import "time"

// ChangeKind tells the four kinds of change that take a rev.
type ChangeKind uint8

const (
	MessageAdded ChangeKind = iota + 1
	MessageEdited
	MessageDeleted
	// ConversationRevised: the conversation itself or its participants changed, or it was created.
	ConversationRevised
)

// Change is one step of a conversation's rev: what a participant has to be told to get from Rev-1 to
// Rev. A change read back from the store (a difference of states) may stand for several steps; its Rev
// is then that of the last one.
type Change struct {
	Conversation ConversationID
	Rev          int64
	Kind         ChangeKind

	// Message is set for the three message kinds, as it is after the change.
	Message *Message
	// Origin is the live session that sent the message; it is answered with message:sent and gets no
	// message:received (C2.4). "" when it came over REST or from another node, or its session was told of an error.
	Origin SessionID
	// Committed is when a new message was known to be stored, as this node's own clock has it; zero where that is not known.
	Committed time.Time
	// Trace is of what brought it about; zero when that is not known, as of a change that was read back from the store.
	Trace Trace

	// State is set for ConversationRevised: the conversation as all its participants see it, after the
	// change, without anything personal.
	State *Conversation
	// Joined are the people who came in with this change; they get conversation:added.
	Joined []UserID
	// Left are the people who went out with it; they get conversation:removed and nothing after (C3.7).
	Left []Departure
}

// Departure says who left a conversation and why.
type Departure struct {
	User   UserID
	Reason LeaveReason
}

// LeaveReason is the protocol's word in conversation:removed.
type LeaveReason string

const (
	ReasonLeft    LeaveReason = "left"
	ReasonRemoved LeaveReason = "removed"
	ReasonEnded   LeaveReason = "ended"
)

// Announcer tells everyone concerned, on this node and on all others. It never blocks on a session
// and never fails: what cannot be delivered is repaired from the store (C3.1).
type Announcer interface {
	// Announce hands over committed changes of one conversation in rev order. It may be called
	// concurrently, also for the same conversation; the announcer puts the revs in order.
	Announce(changes []Change)
	// Committing says that a batch of so many messages is on its way to the store, until done is called: what
	// the same sessions get of other nodes meanwhile may wait a moment for what they get of it.
	Committing(messages int) (done func())
	// Gather is called before a batch is answered and announced, and release after it: what one session gets
	// of it can then go out together.
	Gather() (release func())
	// Suspect says that changes of a conversation may have been committed without being announced (a
	// commit whose answer was lost). The announcer compares what it delivered with the store.
	Suspect(ConversationID)
	// ReadAdvanced tells a reader's own sessions where their read position is now.
	ReadAdvanced(UserID, ReadState)
	// ReadTogether is ReadAdvanced of several people in one conversation at once.
	ReadTogether(ConversationID, map[UserID]ReadState)
	// PositionShown tells who follows a small conversation how far somebody else has read (C6.3); with Seq 0 that they let
	// nobody know any more (C6.6).
	PositionShown(Shown)
	// ReadersCounted tells who follows a large conversation how many have read its newest messages. Of two, the one with
	// the larger version is the later one.
	ReadersCounted(ReadCounts)
	// ReceiptsChanged has everybody who follows the conversation told anew who has read what.
	ReceiptsChanged(ConversationID)
	// TypingChanged tells the other participants that are subscribed. It is dropped first under load.
	TypingChanged(conversation ConversationID, user UserID, typing bool, origin SessionID)
	// Delivered tells the other participants how far a device of user has acknowledged (C3.4).
	Delivered(conversation ConversationID, user UserID, upToSeq int64)
	// ConversationHidden tells the person's own sessions that they removed it from their list, when seq was the
	// last message.
	ConversationHidden(_ UserID, _ ConversationID, seq int64)
	// PresenceChanged tells those who watch these people and may know, on all nodes, and what each sees of themselves. Of
	// two of the same person the one with the larger version holds.
	PresenceChanged([]Presence)
	// WatchingChanged has it read anew, on all nodes, whom these people watch and what they are to each other.
	WatchingChanged(...UserID)
	// FriendshipChanged tells a person's own sessions how they stand to another.
	FriendshipChanged(UserID, Friend)
	// BlockChanged tells a person's own sessions that they blocked another, or lifted that.
	BlockChanged(_, other UserID, blocked bool)
	// ConversationReturned tells one person's sessions to show a conversation (again): a hidden direct
	// conversation that was asked for.
	ConversationReturned(UserID, Conversation)
}

// ReadState is a person's read position in a conversation, after an advance (C6.5).
type ReadState struct {
	Conversation      ConversationID
	UnreadCount       int64
	LastReadMessageID MessageID // "" before the first read
	LastReadSeq       int64
	LastReadAt        time.Time // zero before the first read
	LastSeq           int64     // of the conversation at that time
	Hidden            bool      // the person took it off their list, and nothing was sent since
}
