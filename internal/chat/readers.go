package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Step is one forward movement of a person's read position: they have read a message and all before it (C6.2).
type Step struct {
	Conversation ConversationID
	User         UserID
	Message      MessageID
	Seq          int64
	At           time.Time
	// Private says that the person had read receipts off or was invisible: the position moves for their own devices, and
	// nobody else ever learns when (C6.6).
	Private bool
	// Tries counts how often it could not be written (C6.4).
	Tries int
}

// ErrUnseeded means that [Readers] know nothing, or not all, of a conversation: they are new, were emptied, or
// somebody came, went or changed their mind about receipts. Seed it and ask again.
var ErrUnseeded = errors.New("read positions of the conversation are not known")

// ErrSeedOld is an ErrUnseeded of which only the store knows whether it is one: all that was seeded is there, and who is
// counted may have changed past Redis since. What waits need not be written before the store is read.
var ErrSeedOld = fmt.Errorf("they may be outdated: %w", ErrUnseeded)

const (
	seedLasts        = 15 * time.Second
	seedLastsAPerson = 15 * time.Millisecond
	// SeedLastsAtMost is also how long a seed is kept going by those who read in a conversation in which nobody counts.
	SeedLastsAtMost = 10 * time.Minute
	// SeedRenewal is how long somebody may take who was told that a seed is old, before others are.
	SeedRenewal = 5 * time.Second
)

// SeedLasts is how long counts are told that follow from a seed of so many people: somebody may come, go, read, or switch
// receipts without a word to those who count, because they died, cannot reach them, or do not know of them. A person costs
// some microseconds to seed, so that even the largest conversation is read anew in a thousandth of the time.
func SeedLasts(people int) time.Duration {
	return min(max(seedLasts, time.Duration(people)*seedLastsAPerson), SeedLastsAtMost)
}

// Readers know, ahead of the store, how far everybody has read in large conversations, count who has read what, and
// queue steps until they are written in bulk (C6.3, C6.4): in Redis, or in the memory of the only node. Methods may be
// called from any goroutine. An error that is not ErrUnseeded means that they are away; steps are then written to the
// store at once, and counted there.
type Readers interface {
	// Advance queues steps of one conversation, at most one a person, and then moves positions, each only
	// forward, as one change. When it returns without an error, or with ErrUnseeded, the steps are queued and, with Redis,
	// not lost by this process's end. A step that is no news of somebody who is counted is queued by nobody; of who is
	// not counted nothing is known, and each step is queued. With BySending the positions moved by sending, and nothing
	// is queued: the message itself is the record. With ErrUnseeded the positions are noted, and the next Seed merges
	// them: nothing needs to be advanced again. A private step is queued and moves nothing here, even if the person was still
	// counted a moment ago.
	Advance(ctx context.Context, c ConversationID, steps []Step, how Moved) error

	// Counts returns how many people other than its sender have read each of the messages asked for, from one moment.
	// Version grows with every change of any count of the conversation, also over a loss of the counts and when older ones
	// come back. When the last seed is older than [SeedLasts], one who asks is answered ErrSeedOld and is to seed anew,
	// and the others go on with it; SeedRenewal later, and when the seed is older than both together, everybody is.
	Counts(ctx context.Context, c ConversationID, of []Counted) (counts map[MessageID]int64, version int64, err error)

	// Seed says who is counted in a conversation and how far the store knows them to have read. Who is not named is
	// counted no more; a position that is further along already stays. epoch is what Epoch answered before the store was
	// read; when Unseed was called or everything was lost since, Seed does nothing, and the next Advance or Counts is
	// ErrUnseeded. Between Epoch and reading the store, what Pending has of the conversation's people must be written:
	// positions may have been lost while the queue was not.
	Seed(ctx context.Context, c ConversationID, positions map[UserID]int64, epoch int64) error

	// Epoch numbers what Seed may rest on.
	Epoch(ctx context.Context, c ConversationID) (int64, error)

	// Unseed has a conversation seeded anew: its people or what they want others to know have changed. Positions stay,
	// except of those who are gone: who comes back has read nothing since.
	Unseed(ctx context.Context, c ConversationID, gone ...UserID) error

	// Pending returns the steps of those people that are queued or leased, in no order. With an error they are those
	// that this node remembers to have queued.
	Pending(ctx context.Context, users []UserID) ([]Step, error)

	// Claim leases the oldest steps, at most limit, to the caller: nobody else gets them for so long. Leases that
	// have run out come first. A claim without steps means that there is nothing to do. While they are away it may hold what
	// this node remembers to have queued, and else what it remembers and has not seen written, with Known.
	Claim(ctx context.Context, limit int, lease time.Duration) (Claim, error)

	// Settle ends a lease: its steps are written and leave the queue, except those that are given, which go back to its
	// end. Settling twice, or after the lease ran out and another has the steps, is harmless.
	Settle(ctx context.Context, id string, again []Step) error

	// Waiting says how many steps are queued or leased.
	Waiting(ctx context.Context) (int, error)
}

// Moved says what moved a read position.
type Moved int

const (
	ByReading Moved = iota
	BySending
)

// Counted is a message of which the readers are counted.
type Counted struct {
	Message MessageID
	Seq     int64
	Sender  UserID
}

// Claim is a lease of steps.
type Claim struct {
	ID    string
	Steps []Step
	// Known says that somebody else has most likely written and told them, so that this only makes sure.
	Known bool
}

// Shown is how far somebody in a small conversation has read and lets others know, and how far a device of theirs has
// it (C3.4, C6.3).
type Shown struct {
	Conversation ConversationID
	User         UserID
	Message      MessageID // "" when nothing was read, or they let nobody know
	Seq          int64
	At           time.Time
	DeliveredSeq int64
}

// ReadCounts says how many have read each of the newest messages of a large conversation, up to LastSeq. Of two the one
// with the larger version holds; of one version, the one with the larger LastSeq.
type ReadCounts struct {
	Conversation ConversationID
	Version      int64
	LastSeq      int64
	Counts       []ReadCount
}

// Before reports whether other counts hold instead of these.
func (r ReadCounts) Before(other ReadCounts) bool {
	return r.Version < other.Version || r.Version == other.Version && r.LastSeq < other.LastSeq
}

// Same reports whether other counts say the same of the same messages.
func (r ReadCounts) Same(other ReadCounts) bool { return slices.Equal(r.Counts, other.Counts) }

// ReadCount is how many people other than its sender have read a message.
type ReadCount struct {
	Message MessageID
	Count   int64
}

// Receipts is what those who follow a conversation see of its readers: positions of a small one, counts of a large one.
type Receipts struct {
	Shown  []Shown
	Counts *ReadCounts
}

// Reader is somebody who has read a message, and when: the time of their first step at or past it (C6.2).
type Reader struct {
	User   User
	ReadAt time.Time
}

// Showing is what a person lets others know of their reading.
type Showing struct {
	// Reading is that they have read. Of somebody who is invisible what was shown before stands still (C7.1).
	Reading bool
	// Sending is that they have read what comes before something that they send.
	Sending bool
}

// ReaderCursor is a position in a list of readers, who come in the order of their reading (ties by user id).
type ReaderCursor struct {
	ReadAt time.Time
	User   UserID // "" for the beginning
}

// DeliveredStep is one forward movement of how far a person's devices have what was sent (C3.4).
type DeliveredStep struct {
	Conversation ConversationID
	User         UserID
	Seq          int64
}

// Buried is a step that could not be written in five tries, why, and since when it lies aside (C6.4).
type Buried struct {
	Step
	Reason string
	Since  time.Time
}

// ReceiptStore keeps read positions and their steps. Whether somebody lets others know is asked in the step that
// writes or reads: a step of somebody who does not at that time leaves no row.
type ReceiptStore interface {
	// AdvanceRead moves the person's read position forward to the message, writes the step, and returns
	// where the position is then, with the exact unread count (C6.1, C6.5), and whether others may know that it moved: not
	// of somebody who is invisible by then. A message that is not past the position, or past what the person sent since,
	// leaves it where it is. An empty message id only reads. CodeNotFound when the message is not in the conversation.
	// private is as in [Step].
	AdvanceRead(ctx context.Context, c ConversationID, u UserID, m MessageID, private bool) (state ReadState, shown bool, err error)

	// WriteSteps writes steps of any conversations in one transaction: positions move forward, also of those who have
	// left meanwhile, and each step that tells something new has its row in read_receipts. A private one of somebody
	// who lets others know by now has it with the time of writing, and one that is not private and of somebody who is
	// invisible by now was taken before that. The times of a person's steps in a
	// conversation do not go back with their seq. It may be repeated, late and in any order; steps of messages that are
	// not there, of people who were never in the conversation and of erased people are no steps. The number of statements does
	// not depend on the number of steps.
	WriteSteps(ctx context.Context, steps []Step) error

	// AdvanceDelivered moves how far people's devices have what was sent, each only forward and not past the last
	// message, in one transaction. The number of statements does not depend on the number of steps.
	AdvanceDelivered(ctx context.Context, steps []DeliveredStep) error

	// ReadStates returns the read position in one conversation of each person named who is in it, with the exact
	// unread count, in one statement.
	ReadStates(ctx context.Context, c ConversationID, users []UserID) (map[UserID]ReadState, error)

	// ReadPositions returns how far everybody in the conversation has read who lets others know, by reading or by
	// sending (C6.6); 0 for who has read nothing since they came. Of who is invisible it is what was shown before, or by
	// sending since.
	ReadPositions(ctx context.Context, c ConversationID) (map[UserID]int64, error)

	// ShownPositions returns the positions of everybody in each conversation, in one query; what they read only where they
	// let others know.
	ShownPositions(ctx context.Context, cs []ConversationID) (map[ConversationID][]Shown, error)

	// UnreadAfter returns how many messages that are not deleted lie past each seq, in one query, and the seq of the last
	// message.
	UnreadAfter(ctx context.Context, c ConversationID, seqs []int64) (unread map[int64]int64, lastSeq int64, err error)

	// MessageSeqs returns the seq of each of those messages that is in the conversation, in one query.
	MessageSeqs(ctx context.Context, c ConversationID, ids []MessageID) (map[MessageID]int64, error)

	// NewestMessages returns the last messages of a conversation without their text, newest first.
	NewestMessages(ctx context.Context, c ConversationID, limit int) ([]Counted, error)

	// ReadCounts returns how many people in the conversation other than its sender have read each message and let others
	// know (C6.1), in one statement.
	ReadCounts(ctx context.Context, c ConversationID, of []Counted) (map[MessageID]int64, error)

	// Readers pages through who is in the conversation, has read a message and lets others know, except its sender.
	// Sending is reading (C6.5). CodeNotFound when the message is not in the conversation.
	Readers(ctx context.Context, c ConversationID, m MessageID, after ReaderCursor, limit int) (readers []Reader, hasMore bool, err error)

	// ShowReading says of each person named who is in the conversation what they let others know of their reading.
	ShowReading(ctx context.Context, c ConversationID, users []UserID) (map[UserID]Showing, error)

	// BuryStep keeps a step that could not be written in five tries, with the reason, until it is replayed. Burying it
	// again keeps the later reason.
	BuryStep(ctx context.Context, s Step, reason string) error
	// BuriedSteps returns a page of them, at most limit, those that were buried first foremost, and how many there are in
	// all. after is the last one of the page before; one without a user begins.
	BuriedSteps(ctx context.Context, after Buried, limit int) (page []Buried, all int, err error)
	// Groundless returns those of the steps that rest on nothing, in their order: WriteSteps leaves them out.
	Groundless(ctx context.Context, steps []Step) ([]Step, error)
	// ExhumeSteps takes buried steps out.
	ExhumeSteps(ctx context.Context, steps []Step) error
}

// noReaders know nothing ahead of the store.
type noReaders struct{}

var errNoReaders = errors.New("nothing runs ahead of the store")

func (noReaders) Advance(context.Context, ConversationID, []Step, Moved) error { return errNoReaders }
func (noReaders) Counts(context.Context, ConversationID, []Counted) (map[MessageID]int64, int64, error) {
	return nil, 0, errNoReaders
}
func (noReaders) Seed(context.Context, ConversationID, map[UserID]int64, int64) error {
	return errNoReaders
}
func (noReaders) Epoch(context.Context, ConversationID) (int64, error)     { return 0, errNoReaders }
func (noReaders) Unseed(context.Context, ConversationID, ...UserID) error  { return nil }
func (noReaders) Pending(context.Context, []UserID) ([]Step, error)        { return nil, nil }
func (noReaders) Claim(context.Context, int, time.Duration) (Claim, error) { return Claim{}, nil }
func (noReaders) Settle(context.Context, string, []Step) error             { return nil }
func (noReaders) Waiting(context.Context) (int, error)                     { return 0, nil }
