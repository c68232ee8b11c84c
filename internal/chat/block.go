package chat

import (
	"context"
	"time"
)

// Block is somebody whom a person has blocked.
type Block struct {
	User  User
	Since time.Time
}

// BlockChange is what blocking somebody, or lifting that, has changed.
type BlockChange struct {
	Block      Block // as it is then; of a lifted one only the User
	Changed    bool
	Unfriended bool // a friendship or a request ended with it
	// Direct is the direct conversation of the two, without anything personal, when whether they may write there changed
	// with it: then it has taken a rev, on which writes are decided (ADR-010). Else nil.
	Direct *Conversation
}

// Blocks pages through whom the actor has blocked, newest first.
func (s *Service) Blocks(ctx context.Context, actor UserID, after PersonCursor, limit int) ([]Block, bool, error) {
	return s.store.Blocks(ctx, actor, after, limit)
}

// Block has neither of two people write to the other, see their presence, find or befriend them, or bring them into a
// conversation. It ends a friendship and requests. When it has returned, no message of either is stored any more in their
// direct conversation; a retry of one that was stored before gets its first answer (C2.3). It reports whether the person was not blocked before; at most [MaxBlocks]
// may be.
func (s *Service) Block(ctx context.Context, actor, other UserID) (b Block, changed bool, err error) {
	if other == actor {
		return Block{}, false, Invalid("userId", "You cannot block yourself.")
	}
	if !ValidID(string(other)) {
		return Block{}, false, NotFound("person")
	}
	change, err := s.setBlock(ctx, actor, other, true)
	return change.Block, change.Changed, err
}

// Unblock lifts the actor's block; that of the other, if there is one, stays. CodeNotFound when there is none.
func (s *Service) Unblock(ctx context.Context, actor, other UserID) error {
	if other == actor || !ValidID(string(other)) {
		return NotFound("block")
	}
	change, err := s.setBlock(ctx, actor, other, false)
	if err == nil && !change.Changed || err != nil && AsError(err).Code == CodeNotFound {
		return NotFound("block")
	}
	return err
}

// setBlock tells everybody concerned what was committed. Nothing on the way can fail or be called off.
func (s *Service) setBlock(ctx context.Context, actor, other UserID, blocked bool) (BlockChange, error) {
	change, err := s.store.SetBlock(ctx, actor, other, blocked)
	if err != nil {
		s.unsureOf(actor, other, err)
		return BlockChange{}, err
	}
	if c := change.Direct; c != nil {
		s.rosters.invalidate(c.ID)
		s.announcer.Announce([]Change{{Conversation: c.ID, Rev: c.LastRev, Kind: ConversationRevised, State: shared(*c), Trace: TraceOf(ctx)}})
	}
	if change.Changed || blocked {
		// Also when it was so before: a node that died may not have told it.
		s.announcer.WatchingChanged(actor, other)
	}
	if change.Changed {
		s.announcer.BlockChanged(actor, other, blocked)
	}
	if change.Unfriended {
		s.tellUnfriended(actor, other)
	}
	return change, nil
}

// unsureOf has both told how they stand to each other once a commit that was given up is through or will never be, if err
// says that it may have happened.
func (s *Service) unsureOf(u, other UserID, err error) {
	if AsError(err).Outcome == OutcomeUnknown {
		s.tellStandingLater(u, other)
	}
}

func (s *Service) tellStandingLater(u, other UserID) {
	s.gathering.afterwards(lateCommit, func(ctx context.Context) {
		err := s.survive(func() error { return s.tellStanding(ctx, u, other) })
		if err != nil && AsError(err).Code.Info().Retryable() {
			s.tellStandingLater(u, other)
		}
	})
}

func (s *Service) tellStanding(ctx context.Context, u, other UserID) error {
	mine, err := s.store.Standing(ctx, u, other)
	if err != nil {
		return err
	}
	theirs, err := s.store.Standing(ctx, other, u)
	if err != nil {
		return err
	}
	if c := mine.Direct; c != "" {
		s.rosters.invalidate(c)
		s.announcer.Suspect(c)
	}
	s.announcer.WatchingChanged(u, other)
	s.announcer.FriendshipChanged(u, mine.Friend)
	s.announcer.FriendshipChanged(other, theirs.Friend)
	s.announcer.BlockChanged(u, other, mine.Blocks)
	s.announcer.BlockChanged(other, u, theirs.Blocks)
	return nil
}
