package check

import "time"

// History is all that is known of a run.
type History struct {
	Run          Run
	Operations   []Operation   // in the order in which they ended
	Observations []Observation // in the order in which they were delivered
	Faults       []Fault
	// Database is what was stored in the end. When it is nil, what was read over REST when all had settled
	// stands for it.
	Database *Database
}

// Run says what was done.
type Run struct {
	Name    string    `json:"name,omitempty"` // of the harness and its form: "chaos: PostgreSQL + Redis, 3 nodes"
	Seed    uint64    `json:"seed,omitempty"`
	Started time.Time `json:"started"` // what the clock's zero was
	// Healed is when the last fault was over; 0 when there was none. From here on the system has to get
	// well by itself.
	Healed time.Duration `json:"healed,omitempty"`
	// Settled is when the last change had been confirmed and everybody had been given the time to hear of
	// it: what is read from here on is final. 0 when the run broke off before.
	Settled time.Duration `json:"settled,omitempty"`
	Ended   time.Duration `json:"ended"`
}

// Actor is who did or saw something.
type Actor struct {
	Client  string `json:"client"`            // one live connection over all its sockets, or one user of REST alone; unique in the run
	Group   string `json:"group,omitempty"`   // its lane in the time line
	User    string `json:"user,omitempty"`    // "" before the sign-in
	Session string `json:"session,omitempty"` // the socket of the moment; "" without one
	Node    string `json:"node,omitempty"`    // the serverId of that socket's node
}

// Op is what a client did.
type Op string

const (
	Connect     Op = "connect"     // began to keep a live connection
	Disconnect  Op = "disconnect"  // ended it
	Subscribe   Op = "subscribe"   // Conversation, AfterRev
	Unsubscribe Op = "unsubscribe" // Conversation
	Send        Op = "send"        // Conversation, Key, Body → Message, Seq, Rev, CreatedAt
	Edit        Op = "edit"        // Conversation, Message, Body → Rev, Whole
	Delete      Op = "delete"      // Conversation, Message
	Page        Op = "page"        // Conversation, Traversal, Newer → Entries, Last
	Changes     Op = "changes"     // Conversation, AfterRev → Entries
	MarkRead    Op = "markRead"    // Conversation, Message → ReadMessage, Unread
	Readers     Op = "readers"     // Conversation, Message, Traversal → Readers, Count, Last: who has read a message
	Privacy     Op = "privacy"     // On: lets others know what they read from now on, or does not
	List        Op = "list"        // → Conversations, Last: the own conversations
	Create      Op = "create"      // People → Conversation, Rev, Roster
	Rename      Op = "rename"      // Conversation → Rev, Roster
	Add         Op = "add"         // Conversation, People → Rev, Roster
	Remove      Op = "remove"      // Conversation, People: one
	Leave       Op = "leave"       // Conversation
	Role        Op = "role"        // Conversation, People: one
	Drop        Op = "drop"        // Conversation: ends an own group, leaves a group, hides a direct one (C5.4)

	Logout   Op = "logout"   // ended the client's login
	Appear   Op = "appear"   // Status: "invisible", or "online" or "away", which is visible
	Idle     Op = "idle"     // On: said that nobody is active on the device; or that somebody is
	Type     Op = "type"     // Conversation, On: typed, or stopped
	Sharing  Op = "sharing"  // Status: with whom presence is shared: everyone, friends, nobody, or "off" for nothing at all
	Befriend Op = "befriend" // People: one → Status: how they stand to each other then
	Unfriend Op = "unfriend" // People: one
	Block    Op = "block"    // People: one
	Unblock  Op = "unblock"  // People: one
	Watch    Op = "watch"    // People: whose presence is followed explicitly from now on
)

// Result is how an operation came out.
type Result string

const (
	OK   Result = "ok"
	Fail Result = "fail" // refused for good: it did not happen and will not
	Info Result = "info" // no answer, or one that leaves it open: it may have happened, or happen later
)

// Operation is one thing that a client asked for. Which members are set is said at the Op.
type Operation struct {
	*Actor
	Called   int64         `json:"called"` // serial
	Returned int64         `json:"returned"`
	Begin    time.Duration `json:"begin"`
	End      time.Duration `json:"end"`

	Op           Op       `json:"op"`
	Conversation string   `json:"conversation,omitempty"`
	Key          string   `json:"key,omitempty"`     // the clientMessageId
	Message      string   `json:"message,omitempty"` // its id
	Body         Digest   `json:"body,omitempty"`    // of the content
	People       []string `json:"people,omitempty"`  // user ids that it is about
	AfterRev     int64    `json:"afterRev,omitempty"`
	Traversal    string   `json:"traversal,omitempty"` // names the pages that belong together
	Newer        bool     `json:"newer,omitempty"`     // pages forward
	REST         bool     `json:"rest,omitempty"`      // a send that did not go over the live connection
	Async        bool     `json:"async,omitempty"`     // asked for over the live connection, which answers with events only: always info

	Result Result `json:"result"`
	Code   string `json:"code,omitempty"` // of the error

	Seq         int64    `json:"seq,omitempty"`
	Rev         int64    `json:"rev,omitempty"`
	CreatedAt   int64    `json:"createdAt,omitempty"` // µs since 1970
	Whole       Digest   `json:"whole,omitempty"`     // of the message answered, all fields
	Roster      *Roster  `json:"roster,omitempty"`
	ReadMessage string   `json:"readMessage,omitempty"`
	Unread      int64    `json:"unread,omitempty"`
	Last        bool     `json:"last,omitempty"` // the last page of its traversal
	On          bool     `json:"on,omitempty"`
	Status      string   `json:"status,omitempty"`
	Count       int64    `json:"count,omitempty"`
	Readers     []Reader `json:"readers,omitempty"`
	Entries     []Entry  `json:"entries,omitempty"`

	Conversations []Listed `json:"conversations,omitempty"`
}

// Entry is one message as an answer shows it.
type Entry struct {
	Message   string `json:"message"`
	Sender    string `json:"sender,omitempty"`
	Key       string `json:"key,omitempty"`
	Seq       int64  `json:"seq"`
	Rev       int64  `json:"rev"`
	CreatedAt int64  `json:"createdAt"`
	Body      Digest `json:"body,omitempty"`
	Whole     Digest `json:"whole,omitempty"`
	Edited    bool   `json:"edited,omitempty"`
	Deleted   bool   `json:"deleted,omitempty"`
}

// Listed is one conversation as the own list shows it.
type Listed struct {
	Conversation string  `json:"conversation"`
	LastSeq      int64   `json:"lastSeq"`
	LastRev      int64   `json:"lastRev"`
	Unread       int64   `json:"unread"`
	ReadSeq      int64   `json:"readSeq"`
	ReadMessage  string  `json:"readMessage,omitempty"`
	LastMessage  *Entry  `json:"lastMessage,omitempty"`
	Roster       *Roster `json:"roster,omitempty"`
}

// Reader is somebody who has read a message, and when, in µs since 1970.
type Reader struct {
	User string `json:"user"`
	At   int64  `json:"at"`
}

// Count is how many have read a message.
type Count struct {
	Message string `json:"message"`
	Readers int64  `json:"readers"`
}

// Roster is a conversation without its messages: its title, who is in it and in which role.
type Roster struct {
	Rev    int64    `json:"rev,omitempty"`    // at which it was told; 0 when unknown
	Whole  Digest   `json:"whole"`            // of title, type, owner, people and roles
	People []string `json:"people,omitempty"` // the first 20 user ids in order of joining
	Count  int      `json:"count"`            // of all who are in it
}

// Event is the protocol's word for what a connection delivered, or what happened to the connection.
type Event string

const (
	MessageReceived      Event = "message:received"
	MessageUpdated       Event = "message:updated"
	MessageDeleted       Event = "message:deleted"
	MessageDelivered     Event = "message:delivered"     // Peer, Seq
	ConversationAdded    Event = "conversation:added"    // Roster, Seq, Rev, Unread
	ConversationUpdated  Event = "conversation:updated"  // Roster, Rev
	ConversationRemoved  Event = "conversation:removed"  // Code: why
	ConversationActivity Event = "conversation:activity" // Seq, Peer: who wrote, Body: of the preview, CreatedAt, Unread
	ReadSynced           Event = "receipt:synced"        // Message, Unread
	ReadUpdated          Event = "receipt:updated"       // Peer, Message, Seq: 0 when they let nobody know
	ReadCounted          Event = "receipt:count"         // Counts
	Typing               Event = "typing"                // Peer, Stopped
	PresenceState        Event = "presence:state"        // Presences
	PresenceChanged      Event = "presence:changed"      // Presences: one
	CatchingUp           Event = "catching:up"           // AfterRev, Rev: where the conversation stands; Hole
	CaughtUp             Event = "caught:up"             // Rev
	Failed               Event = "error"                 // Message: what it was about; Code
	Disordered           Event = "disordered"            // Rev: came after AfterRev in one subscription, which the client hides
	Online               Event = "online"
	Offline              Event = "offline" // Code
)

// Observation is one thing that a connection delivered. Of the three message events the members are those
// of an [Entry].
type Observation struct {
	*Actor
	Serial int64         `json:"serial"`
	At     time.Duration `json:"at"`
	Event  Event         `json:"event"`

	Conversation string  `json:"conversation,omitempty"`
	Message      string  `json:"message,omitempty"`
	Peer         string  `json:"peer,omitempty"` // the user id of who sent, typed, acknowledged
	Key          string  `json:"key,omitempty"`
	Seq          int64   `json:"seq,omitempty"`
	Rev          int64   `json:"rev,omitempty"`
	AfterRev     int64   `json:"afterRev,omitempty"`
	CreatedAt    int64   `json:"createdAt,omitempty"`
	Body         Digest  `json:"body,omitempty"`
	Whole        Digest  `json:"whole,omitempty"`
	Unread       int64   `json:"unread,omitempty"`
	Own          bool    `json:"own,omitempty"` // made from the confirmation of this connection's own send
	Edited       bool    `json:"edited,omitempty"`
	Deleted      bool    `json:"deleted,omitempty"`
	Hole         bool    `json:"hole,omitempty"`
	Stopped      bool    `json:"stopped,omitempty"` // of typing: it ended
	Counts       []Count `json:"counts,omitempty"`
	Code         string  `json:"code,omitempty"`
	Roster       *Roster `json:"roster,omitempty"`

	Presences []Presence `json:"presences,omitempty"`
}

// Presence is what a connection was told of a person.
type Presence struct {
	User   string `json:"user"`
	Status string `json:"status"`
	SeenAt int64  `json:"seenAt,omitempty"` // µs since 1970; 0 when it was not told
	Device string `json:"device,omitempty"`
}

// Fault is a window in which something was broken on purpose. To is 0 while it lasts.
type Fault struct {
	Kind   string        `json:"kind"`             // "kill", "freeze", "redis-away" …
	Target string        `json:"target,omitempty"` // a node, a database, a link
	From   time.Duration `json:"from"`
	To     time.Duration `json:"to"`
	Note   string        `json:"note,omitempty"`
}
