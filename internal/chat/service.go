package chat

import (
	"context"
	"errors"
	"time"
)

// Config is what the rules leave to the operator.
type Config struct {
	// NewID makes a UUIDv7 in lower-case text. Required.
	NewID func() string
	// MaxGroup is the largest group, its owner included (C5.4). Default 1,000.
	MaxGroup int
	// Lanes is how many batches may be committed at once, each for its own share of the conversations:
	// 1 when the database shares the machine's cores (the default), 2 when it does not.
	Lanes int
	// Readers know who has read what in large conversations ahead of the store. Nil: every step is written at once, and
	// counted there.
	Readers Readers
	// ReadThreshold is the size from which a conversation is large. Default 10 (C6.3).
	ReadThreshold int
	// Begin begins the trace of what the rules do by themselves. Nil: none is recorded.
	Begin func() Trace
	// Flushed is told about every flush of read positions. May be nil.
	Flushed func(FlushReport)
	// Sent is told about every send that was answered, for logs and metrics. May be nil.
	Sent func(SendReport)
	// Committed is told of every batch that the store took or, with its last error, did not. It must not block. May be nil.
	Committed func(messages int, took time.Duration, err error)
	// Delivered is told of every step that somebody's devices acknowledge in a small conversation, for logs (C3.4). May
	// be nil.
	Delivered func(DeliveredStep)
	// ReadShown is told what others are told of somebody's reading, step by step, for logs (C6.3). May be nil.
	ReadShown func(ReadReport)
	// Devices know who is connected. Nil: nothing is known of presence.
	Devices Devices
	// Remembered is asked what this node's sessions were told of people when Devices cannot say it: it returns those of whom they
	// were told. Nil: nothing is remembered.
	Remembered func(context.Context, []UserID) map[UserID]Presence
	// OwnDevices says that Devices know of this node's people alone, and are lost by its end: everybody is gone with it.
	OwnDevices bool
	// PresenceTold is told of what others are told of somebody's presence, for logs, with the trace of the frame, request or
	// connection that caused it; what nobody caused, as the end of a lease, begins one. May be nil.
	PresenceTold func(p Presence, of Trace)
	// PresenceFailed is told when a part of what keeps presence right begins to fail, beats or lapses, and with nil when it is
	// well again. What failed is tried again every second. May be nil.
	PresenceFailed func(part string, err error)
	// Overloaded is told when this node begins to leave work out because it has too much to do, and when it does all of it
	// again ([Work]), for the log. May be nil.
	Overloaded func(bool)
	// Panicked is told of a fault in work of the rules that no request runs, for the log. What waited for it is answered
	// [CodeInternal]. May be nil.
	Panicked func(fault any, stack []byte)
}

// SendReport is what an operator may know of one send: never its text.
type SendReport struct {
	Conversation    ConversationID
	Sender          UserID
	Message         MessageID
	ClientMessageID string
	Trace           Trace
	Duplicate       bool
	Latency         time.Duration // from SendMessage to the answer
	Taken           time.Time     // into a batch; zero for never
	Committed       time.Time     // zero when it was not
	Err             error         // nil when it was confirmed
}

// ReadReport is what an operator may know of one step of reading: nothing of what the person lets nobody know.
type ReadReport struct {
	Conversation ConversationID
	User         UserID
	Message      MessageID
	Seq          int64
	Trace        Trace
}

// Service applies the rules. Its methods may be called from any goroutine. The actor is the signed-in
// person; every method checks what that person may do and answers [NotInConversation] for conversations
// that are not theirs.
type Service struct {
	cfg        Config
	store      Store
	announcer  Announcer
	rosters    *rosterCache
	lanes      []*lane
	overload   *overload
	seen       *seenDrafts
	typing     *typingState
	acks       *ackState
	gathering  *gathering
	switches   *switches
	privacies  *privacies
	visibility *visibilities
	edits      chan struct{} // one for each edit of what somebody lets others know that is under way
	remembered *remembered
	listings   *listings
	flushSoon  chan struct{}

	attendances *attendances
	lapseSoon   chan struct{}
}

// New builds the rules over a store and an announcer. [Service.Run] must run while messages are sent.
func New(cfg Config, store Store, announcer Announcer) *Service {
	if cfg.MaxGroup == 0 {
		cfg.MaxGroup = 1000
	}
	if cfg.Lanes == 0 {
		cfg.Lanes = 1
	}
	s := &Service{
		cfg: cfg, store: store, announcer: announcer,
		rosters: newRosterCache(store), seen: newSeenDrafts(), acks: newAckState(),
		flushSoon: make(chan struct{}, 1), lapseSoon: make(chan struct{}, 1),
	}
	if s.cfg.ReadThreshold == 0 {
		s.cfg.ReadThreshold = ReadThreshold
	}
	if s.cfg.Readers == nil {
		s.cfg.Readers = noReaders{}
	}
	if s.cfg.Overloaded == nil {
		s.cfg.Overloaded = func(bool) {}
	}
	s.overload = &overload{queue: s.queued, changed: s.cfg.Overloaded}
	s.typing = newTypingState(announcer)
	s.gathering, s.switches, s.privacies = newGathering(s), newSwitches(s), newPrivacies(s)
	s.visibility, s.edits = &visibilities{service: s}, make(chan struct{}, editsAtOnce)
	s.remembered = newRemembered()
	s.attendances = newAttendances(s)
	s.listings = &listings{service: s, of: make(map[ConversationID]*listing)}
	for range cfg.Lanes {
		s.lanes = append(s.lanes, newLane(s))
	}
	return s
}

// Run commits what is sent until ctx ends; then it finishes what waits, at most for the 3 seconds that
// a send may take, and returns.
func (s *Service) Run(ctx context.Context) error {
	done := make(chan struct{}, len(s.lanes))
	for _, l := range s.lanes {
		go func() {
			l.run(ctx)
			done <- struct{}{}
		}()
	}
	flushed := make(chan struct{})
	stop, flush := context.WithCancel(context.WithoutCancel(ctx))
	attended := s.attending(stop)
	go func() {
		s.flushing(stop)
		close(flushed)
	}()
	for range s.lanes {
		<-done
	}
	s.gathering.end()
	flush()
	<-flushed
	attended.Wait()
	s.typing.stop()
	return nil
}

// role returns the actor's role, or NotInConversation.
func (s *Service) role(ctx context.Context, c ConversationID, actor UserID) (Roster, Role, error) {
	r, role, _, err := s.roleIn(ctx, c, actor)
	return r, role, err
}

// roleIn is role, and whether the roster is from memory.
func (s *Service) roleIn(ctx context.Context, c ConversationID, actor UserID) (r Roster, role Role, remembered bool, err error) {
	if !ValidID(string(c)) {
		return Roster{}, "", false, NotInConversation()
	}
	if r, remembered, err = s.rosters.including(ctx, c, actor); err != nil {
		return Roster{}, "", false, err
	}
	role, in := r.Roles[actor]
	if !in {
		return Roster{}, "", false, NotInConversation()
	}
	return r, role, remembered, nil
}

// reading runs a read for somebody who is in the conversation. A roster from memory may be older than a removal of
// which this node was not told yet: before what was read is handed out, it is held against the conversation's head
// (C3.7). Where nobody else changes rosters, what is remembered is true.
func (s *Service) reading(ctx context.Context, c ConversationID, actor UserID, read func() error) error {
	r, _, remembered, err := s.roleIn(ctx, c, actor)
	if err != nil {
		return err
	}
	if err := read(); err != nil || !remembered || !s.rosters.leased() {
		return err
	}
	heads, err := s.store.Heads(ctx, []ConversationID{c})
	if err != nil || heads[c].RosterRev <= r.Rev {
		return err
	}
	s.rosters.outdate(c, heads[c].RosterRev)
	_, _, err = s.role(ctx, c, actor)
	return err
}

// errNothing is the outcome of a decision that there is nothing to write.
var errNothing = errors.New("nothing to write")

// decided runs a write that is decided on a roster until the roster did not move under it. A decision to write
// nothing, a refusal or errNothing, is checked by no store: it is made again if the roster was from memory.
func (s *Service) decided(ctx context.Context, c ConversationID, actor UserID, write func(Roster, Role) error) error {
	for {
		r, role, remembered, err := s.roleIn(ctx, c, actor)
		if err != nil {
			return err
		}
		err = write(r, role)
		switch {
		case errors.Is(err, ErrStale), remembered && writesNothing(err):
		case errors.Is(err, errNothing):
			return nil
		default:
			if err != nil && AsError(err).Outcome == OutcomeUnknown {
				s.unsure(c)
				// If it has changed who is in it, nobody counted them anew.
				time.AfterFunc(lateCommit, func() { s.Reseed(c) })
			}
			return err
		}
		s.rosters.invalidate(c)
		if ctx.Err() != nil {
			return &Error{Code: CodeDBTimeout, Message: "The conversation changed too often meanwhile.", Err: ctx.Err()}
		}
	}
}

func writesNothing(err error) bool {
	var refusal *Error
	return errors.Is(err, errNothing) || errors.As(err, &refusal) && !refusal.Code.Info().Retryable()
}
