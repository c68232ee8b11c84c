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
	// Sent is told about every send that was answered, for logs and metrics. May be nil.
	Sent func(SendReport)
}

// SendReport is what an operator may know of one send: never its text.
type SendReport struct {
	Conversation    ConversationID
	Sender          UserID
	Message         MessageID
	ClientMessageID string
	Duplicate       bool
	Latency         time.Duration // from SendMessage to the answer
	Err             error         // nil when it was confirmed
}

// Service applies the rules. Its methods may be called from any goroutine. The actor is the signed-in
// person; every method checks what that person may do and answers [NotInConversation] for conversations
// that are not theirs.
type Service struct {
	cfg       Config
	store     Store
	announcer Announcer
	rosters   *rosterCache
	lanes     []*lane
	seen      *seenDrafts
	typing    *typingState
	acks      *ackState
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
	}
	s.typing = newTypingState(announcer)
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
	for range s.lanes {
		<-done
	}
	s.typing.stop()
	return nil
}

// role returns the actor's role, or NotInConversation.
func (s *Service) role(ctx context.Context, c ConversationID, actor UserID) (Roster, Role, error) {
	r, err := s.Roster(ctx, c)
	if err != nil {
		return Roster{}, "", err
	}
	role, in := r.Roles[actor]
	if !in {
		return Roster{}, "", NotInConversation()
	}
	return r, role, nil
}

// decided runs a write that is decided on a roster until the roster did not move under it.
func (s *Service) decided(ctx context.Context, c ConversationID, actor UserID, write func(Roster, Role) error) error {
	for {
		r, role, err := s.role(ctx, c, actor)
		if err != nil {
			return err
		}
		err = write(r, role)
		if !errors.Is(err, ErrStale) {
			if err != nil && AsError(err).Outcome == OutcomeUnknown {
				s.unsure(c)
			}
			return err
		}
		s.rosters.invalidate(c)
		if ctx.Err() != nil {
			return &Error{Code: CodeDBTimeout, Message: "The conversation changed too often meanwhile.", Err: ctx.Err()}
		}
	}
}
