package chat

import (
	"context"
	"errors"
	"time"
)

const (
	// countEvery is how often the readers of one conversation are counted at most.
	countEvery = time.Second
	// newestCounted is how many messages of a large conversation have their readers counted live.
	newestCounted = 50
)

// count has the readers of a large conversation counted soon, and at most once a second.
func (g *gathering) count(c ConversationID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, busy := g.counts[c]; busy {
		g.counts[c] = true
		return
	}
	g.counts[c] = false
	g.later(2*gatherReads, func(ctx context.Context) { g.countNow(ctx, c) })
}

func (g *gathering) countNow(ctx context.Context, c ConversationID) {
	g.mu.Lock()
	// Left out now, it is done after the rest.
	later := g.service.Shed(WorkReceipts)
	g.counts[c] = later
	g.mu.Unlock()
	defer func() { time.AfterFunc(countEvery, func() { g.rested(c) }) }()
	if !later {
		g.service.tellCounts(ctx, c)
	}
}

// rested counts again what changed meanwhile.
func (g *gathering) rested(c ConversationID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.counts[c] {
		delete(g.counts, c)
		return
	}
	g.counts[c] = false
	g.later(0, func(ctx context.Context) { g.countNow(ctx, c) })
}

// tellCounts counts the readers of a conversation, or has them named where it has become small. What cannot be counted now is
// counted when it is written to the store.
func (s *Service) tellCounts(ctx context.Context, c ConversationID) {
	r, err := s.Roster(ctx, c)
	switch {
	case err != nil && AsError(err).Code.Info().Retryable():
		return
	case err != nil:
		s.gathering.caughtUp(c)
		return
	case !s.large(r):
		// When it is large again it is seeded.
		s.gathering.caughtUp(c)
		s.announcer.ReceiptsChanged(c)
		return
	}
	if counts, err := s.newestCounts(ctx, c); err == nil {
		s.announcer.ReadersCounted(counts)
	}
}

// newestCounts counts the readers of the newest messages of a large conversation: ahead of the store, or there when
// that is not to be had. Where it is the store that cannot answer they are counted later: what it tells in between lacks what
// others know, and would go back.
func (s *Service) newestCounts(ctx context.Context, c ConversationID) (ReadCounts, error) {
	of, err := s.store.NewestMessages(ctx, c, newestCounted)
	if err != nil {
		return ReadCounts{}, err
	}
	out := ReadCounts{Conversation: c}
	var counts map[MessageID]int64
	if err = s.gathering.catchUp(ctx, c); err == nil {
		err = s.seeded(ctx, c, func() (err error) {
			counts, out.Version, err = s.cfg.Readers.Counts(ctx, c, of)
			return err
		})
	}
	if err != nil && !errors.Is(err, errNoGround) {
		counts, err = s.storedCounts(ctx, c, of)
		out.Version = time.Now().UnixMicro()
	}
	if err != nil {
		return ReadCounts{}, err
	}
	if len(of) > 0 {
		out.LastSeq = of[0].Seq
	}
	for _, m := range of {
		out.Counts = append(out.Counts, ReadCount{m.Message, counts[m.Message]})
	}
	return out, nil
}

// storedCounts counts in the store, to which what this node knows to wait belongs.
func (s *Service) storedCounts(ctx context.Context, c ConversationID, of []Counted) (map[MessageID]int64, error) {
	r, err := s.Roster(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.writeWaiting(ctx, r.people()...); errors.Is(err, errNoGround) {
		return nil, err
	}
	return s.store.ReadCounts(ctx, c, of)
}

// Recount has the readers of a large conversation counted again: what knows them ahead of the store has changed by
// itself.
func (s *Service) Recount(c ConversationID) { s.gathering.count(c) }
