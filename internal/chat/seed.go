package chat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// bypassed notes that the store knows more of a conversation than what runs ahead of it: steps went to the store alone, or
// what was to be told of its people could not be.
func (g *gathering) bypassed(c ConversationID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.behind[c] = true
}

func (g *gathering) caughtUp(c ConversationID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.behind, c)
}

// catchUp has a conversation seeded anew if steps of it went to the store alone.
func (g *gathering) catchUp(ctx context.Context, c ConversationID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.behind[c] {
		return nil
	}
	delete(g.behind, c)
	g.mu.Unlock()
	err := g.service.cfg.Readers.Unseed(ctx, c)
	g.mu.Lock()
	if err != nil {
		g.behind[c] = true
	}
	return err
}

// advance queues steps and moves positions in a large conversation, seeding it when it has to be.
func (s *Service) advance(ctx context.Context, c ConversationID, steps []Step, how Moved) error {
	err := s.cfg.Readers.Advance(ctx, c, steps, how)
	if errors.Is(err, ErrUnseeded) {
		// They are queued and noted; who counts next seeds again if this fails.
		_ = s.seed(ctx, c, false)
		return nil
	}
	return err
}

// seedTries bounds how often a conversation is seeded for one question: others may come, go or switch meanwhile.
const seedTries = 4

// seeded asks until the conversation is seeded.
func (s *Service) seeded(ctx context.Context, c ConversationID, ask func() error) error {
	for try := 1; ; try++ {
		err := ask()
		if !errors.Is(err, ErrUnseeded) || try == seedTries {
			return err
		}
		if err := s.seed(ctx, c, errors.Is(err, ErrSeedOld)); err != nil {
			return err
		}
	}
}

// seed has who is counted read from the store. Where positions may have been lost, what waits is written before; where they are
// only to be renewed they are ahead of it anyway.
func (s *Service) seed(ctx context.Context, c ConversationID, renewed bool) error {
	epoch, err := s.cfg.Readers.Epoch(ctx, c)
	if err != nil {
		return err
	}
	if !renewed {
		r, err := s.Roster(ctx, c)
		if err != nil {
			return fmt.Errorf("%w: %w", errNoGround, err)
		}
		if err := s.writeWaiting(ctx, r.people()...); err != nil {
			return err
		}
	}
	positions, err := s.store.ReadPositions(ctx, c)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoGround, err)
	}
	return s.cfg.Readers.Seed(ctx, c, positions, epoch)
}

// Reseed has a conversation seeded and counted anew if it is large: its people changed, and whoever did that may have
// died before they said so to those who count, or could not reach them; or somebody who did not know of it yet has written
// to the store alone what they read.
func (s *Service) Reseed(c ConversationID) { s.gathering.reseed(c) }

func (g *gathering) reseed(c ConversationID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.moved[c] || g.ended {
		return
	}
	g.moved[c] = true
	g.later(2*gatherReads, func(ctx context.Context) {
		g.mu.Lock()
		delete(g.moved, c)
		g.mu.Unlock()
		if r, err := g.service.Roster(ctx, c); err == nil && g.service.large(r) {
			g.service.recount(ctx, c)
		}
	})
}

// CatchUp has those conversations seeded and counted anew of which steps went to the store alone: what runs ahead of it is
// there again.
func (s *Service) CatchUp() {
	s.gathering.mu.Lock()
	behind := slices.Collect(maps.Keys(s.gathering.behind))
	s.gathering.mu.Unlock()
	for _, c := range behind {
		s.gathering.count(c)
	}
}

// recount has a large conversation seeded and counted anew: its people changed, or what they let others know.
func (s *Service) recount(ctx context.Context, c ConversationID, gone ...UserID) {
	if s.cfg.Readers.Unseed(ctx, c, gone...) != nil {
		s.gathering.bypassed(c)
	}
	s.gathering.count(c)
}

// recountSoon is recount of what may be told a moment later: however many ask for it, it is seeded once a second.
func (s *Service) recountSoon(c ConversationID) {
	s.gathering.bypassed(c)
	s.gathering.count(c)
}

// recountAfter has readers counted, or named, anew when people came or went.
func (s *Service) recountAfter(ctx context.Context, before Roster, r Revision) {
	if len(r.Add)+len(r.Remove) == 0 {
		return
	}
	was := len(before.Roles)
	is := was + len(r.Add) - len(r.Remove)
	if is >= s.cfg.ReadThreshold {
		s.recount(ctx, before.Conversation, r.Remove...)
	}
	if (was >= s.cfg.ReadThreshold) != (is >= s.cfg.ReadThreshold) {
		// What was read while it was large is named from now on.
		_ = s.writeWaiting(ctx, before.people()...)
		s.announcer.ReceiptsChanged(before.Conversation)
	}
}
