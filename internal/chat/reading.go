package chat

import (
	"context"
	"slices"
	"time"
)

// readTogether moves the positions of people in one large conversation and returns where they are then. Who named only messages
// that are not there, or is not in the conversation, has no state.
func (s *Service) readTogether(ctx context.Context, c ConversationID, asks []*ask) (map[UserID]ReadState, error) {
	steps, err := s.stepsOf(ctx, c, asks)
	if err != nil || len(steps) == 0 {
		return nil, err
	}
	users := make([]UserID, 0, len(steps))
	for _, step := range steps {
		users = append(users, step.User)
	}
	// What is written after this was asked is in the store when that is read. When it fails what waits is told by the next
	// reading.
	waiting, _ := s.cfg.Readers.Pending(ctx, users)
	states, err := s.store.ReadStates(ctx, c, users)
	if err != nil {
		return nil, err
	}
	if len(states) < len(users) {
		// Somebody has left, of which this node was not told yet.
		s.rosters.invalidate(c)
	}
	// What lies before somebody's position, or from before they came, tells nothing.
	steps = slices.DeleteFunc(steps, func(step Step) bool {
		state, in := states[step.User]
		return !in || step.Seq <= state.LastReadSeq
	})
	if err := s.moveTogether(ctx, c, steps); err != nil {
		return nil, err
	}
	s.reportReads(c, steps, asks)
	if err := s.putAhead(ctx, c, states, append(waiting, steps...)); err != nil {
		return nil, err
	}
	s.announcer.ReadTogether(c, states)
	return states, nil
}

// reportReads reports the steps of those who let others know.
func (s *Service) reportReads(c ConversationID, steps []Step, asks []*ask) {
	traces := make(map[UserID]Trace, len(asks))
	for _, a := range asks {
		traces[a.user] = a.trace
	}
	for _, step := range steps {
		if !step.Private {
			s.reportRead(ReadReport{c, step.User, step.Message, step.Seq, traces[step.User]})
		}
	}
}

// moveTogether queues and counts steps of one large conversation.
func (s *Service) moveTogether(ctx context.Context, c ConversationID, steps []Step) error {
	if len(steps) == 0 {
		return nil
	}
	users := make([]UserID, 0, len(steps))
	for _, step := range steps {
		users = append(users, step.User)
	}
	shows, err := s.store.ShowReading(ctx, c, users)
	if err != nil {
		return err
	}
	seen := false
	for i := range steps {
		steps[i].Private = !shows[steps[i].User].Reading
		seen = seen || !steps[i].Private
	}
	if err := s.advance(ctx, c, steps, ByReading); err != nil {
		// The store has it at once, and what runs ahead of it is behind until it is seeded again.
		if err := s.store.WriteSteps(ctx, steps); err != nil {
			return err
		}
		if seen {
			s.gathering.bypassed(c)
		}
	}
	// What nobody is to know of moves no count, and is no reason to tell one.
	if seen {
		s.gathering.count(c)
	}
	return nil
}

// stepsOf looks up the messages that were read, in one query, and keeps the furthest of each person.
func (s *Service) stepsOf(ctx context.Context, c ConversationID, asks []*ask) ([]Step, error) {
	named := make([]MessageID, 0, len(asks))
	for _, a := range asks {
		named = append(named, a.message)
	}
	slices.Sort(named)
	seqs, err := s.store.MessageSeqs(ctx, c, slices.Compact(named))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	furthest := make(map[UserID]Step, len(asks))
	for _, a := range asks {
		// 0 for a message that is not there.
		seq := seqs[a.message]
		a.there = seq > 0
		if seq > furthest[a.user].Seq {
			furthest[a.user] = Step{Conversation: c, User: a.user, Message: a.message, Seq: seq, At: now}
		}
	}
	steps := make([]Step, 0, len(furthest))
	for _, step := range furthest {
		steps = append(steps, step)
	}
	return steps, nil
}

// putAhead moves states from where the store has people to where their steps put them.
func (s *Service) putAhead(ctx context.Context, c ConversationID, states map[UserID]ReadState, steps []Step) error {
	ahead := make(map[UserID]Step, len(steps))
	seqs := make([]int64, 0, len(steps))
	for _, step := range steps {
		if _, in := states[step.User]; in && step.Conversation == c && step.Seq > max(ahead[step.User].Seq, states[step.User].LastReadSeq) {
			ahead[step.User] = step
			seqs = append(seqs, step.Seq)
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	slices.Sort(seqs)
	unread, last, err := s.store.UnreadAfter(ctx, c, slices.Compact(seqs))
	if err != nil {
		return err
	}
	for u, step := range ahead {
		state := states[u]
		state.LastReadSeq, state.LastReadMessageID, state.LastReadAt = step.Seq, step.Message, step.At
		state.UnreadCount, state.LastSeq = unread[step.Seq], last
		states[u] = state
	}
	return nil
}

// sentTogether shows how far those are who have just sent something.
func (s *Service) sentTogether(ctx context.Context, c ConversationID, steps []Step) {
	r, err := s.Roster(ctx, c)
	if err != nil {
		return
	}
	users := make([]UserID, 0, len(steps))
	for _, step := range steps {
		users = append(users, step.User)
	}
	shows, err := s.store.ShowReading(ctx, c, users)
	if s.large(r) {
		steps = slices.DeleteFunc(steps, func(step Step) bool { return !shows[step.User].Sending })
		// Their messages are the record: what is not noted now is found by a seeding.
		if err != nil || s.advance(ctx, c, steps, BySending) != nil {
			s.gathering.bypassed(c)
		}
		s.gathering.count(c)
		return
	}
	if err != nil {
		return
	}
	for _, step := range steps {
		if shows[step.User].Sending {
			s.announcer.PositionShown(Shown{Conversation: c, User: step.User, Message: step.Message, Seq: step.Seq, At: step.At})
		}
	}
}
