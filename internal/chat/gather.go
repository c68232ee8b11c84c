package chat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// gatherReads is how long what people read in one large conversation is gathered.
	gatherReads = 50 * time.Millisecond
	// gatherSent is the same for the positions that sending moves.
	gatherSent = 250 * time.Millisecond
	// countEvery is how often the readers of one conversation are counted at most.
	countEvery = time.Second
	// gatherWithin bounds the work on what was gathered.
	gatherWithin = 3 * time.Second
	// newestCounted is how many messages of a large conversation have their readers counted live.
	newestCounted = 50
)

// gathering collects for a moment what people read and send, and hands it on together: 1,000 readers are not 1,000
// writes (C6.3).
type gathering struct {
	service *Service

	mu     sync.Mutex
	ended  bool
	reads  map[ConversationID][]*ask
	sent   map[ConversationID]map[UserID]Step
	counts map[ConversationID]bool // being counted or resting after it; true when it has to be counted again
	// behind are the conversations of which the store knows more than what runs ahead of it.
	behind map[ConversationID]bool
	moved  map[ConversationID]bool // are to be seeded anew in a moment
	work   sync.WaitGroup
	ending chan struct{} // closed when ended is set

	gathered, handed atomic.Int64
}

// Gathered says how many reads of large conversations came since the start, and in how many hands they were handed
// on: what is the first divided by the second is how many cost as much as one.
func (s *Service) Gathered() (reads, hands int64) {
	return s.gathering.gathered.Load(), s.gathering.handed.Load()
}

// ask is somebody who has read a message and waits for where their position is.
type ask struct {
	user    UserID
	message MessageID
	there   bool // the message is in the conversation; known once steps are made of the asks
	answer  chan answeredRead
}

type answeredRead struct {
	state ReadState
	err   error
}

func newGathering(s *Service) *gathering {
	return &gathering{
		service: s, reads: make(map[ConversationID][]*ask), sent: make(map[ConversationID]map[UserID]Step),
		counts: make(map[ConversationID]bool), behind: make(map[ConversationID]bool), moved: make(map[ConversationID]bool),
		ending: make(chan struct{}),
	}
}

// later runs something after a while, which is so short that the service's end waits for it. The caller has the lock.
func (g *gathering) later(d time.Duration, do func(context.Context)) {
	if g.ended {
		return
	}
	g.work.Add(1)
	time.AfterFunc(d, func() {
		defer g.work.Done()
		g.run(do)
	})
}

// afterwards runs something after a while that may be long, or at once when the service ends before, and reports whether it
// will: not when the service has ended.
func (g *gathering) afterwards(d time.Duration, do func(context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return false
	}
	g.work.Go(func() {
		wait := time.NewTimer(d)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-g.ending:
		}
		g.run(do)
	})
	return true
}

// run gives what was gathered its time.
func (g *gathering) run(do func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), gatherWithin)
	defer cancel()
	_ = g.service.survive(func() error {
		do(ctx)
		return nil
	})
}

// end lets nothing more in and returns when all that was gathered has been handed on.
func (g *gathering) end() {
	g.mu.Lock()
	if !g.ended {
		g.ended = true
		close(g.ending)
	}
	g.mu.Unlock()
	g.work.Wait()
}

// read has a read position moved with those of others.
func (g *gathering) read(ctx context.Context, u UserID, c ConversationID, m MessageID) (ReadState, error) {
	a := &ask{user: u, message: m, answer: make(chan answeredRead, 1)}
	g.mu.Lock()
	if g.ended {
		g.mu.Unlock()
		states, err := g.service.readTogether(ctx, c, []*ask{a})
		got := a.answered(states, err)
		return got.state, got.err
	}
	if g.reads[c] = append(g.reads[c], a); len(g.reads[c]) == 1 {
		g.later(gatherReads, func(ctx context.Context) { g.handReads(ctx, c) })
	}
	g.mu.Unlock()
	select {
	case got := <-a.answer:
		return got.state, got.err
	case <-ctx.Done():
		return ReadState{}, ctx.Err()
	}
}

func (g *gathering) handReads(ctx context.Context, c ConversationID) {
	g.mu.Lock()
	asks := g.reads[c]
	delete(g.reads, c)
	g.mu.Unlock()
	g.gathered.Add(int64(len(asks)))
	g.handed.Add(1)
	var states map[UserID]ReadState
	err := g.service.survive(func() (err error) {
		states, err = g.service.readTogether(ctx, c, asks)
		return err
	})
	for _, a := range asks {
		a.answer <- a.answered(states, err)
	}
}

// answered is the answer to one ask, whatever else the person asked in the same moment.
func (a *ask) answered(states map[UserID]ReadState, err error) answeredRead {
	state, in := states[a.user]
	switch {
	case err != nil:
		return answeredRead{err: err}
	case !a.there:
		return answeredRead{err: NotFound("message")}
	case !in:
		return answeredRead{err: NotInConversation()}
	}
	return answeredRead{state: state}
}

// noteSent moves the positions of those who have just sent something: who writes has read (C6.5).
func (g *gathering) noteSent(c ConversationID, changes []Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sent[c] == nil {
		g.sent[c] = make(map[UserID]Step)
		g.later(gatherSent, func(ctx context.Context) { g.handSent(ctx, c) })
	}
	for i := range changes {
		m := changes[i].Message
		g.sent[c][m.Sender] = Step{Conversation: c, User: m.Sender, Message: m.ID, Seq: m.Seq, At: m.CreatedAt}
	}
}

func (g *gathering) handSent(ctx context.Context, c ConversationID) {
	g.mu.Lock()
	var steps []Step
	for _, step := range g.sent[c] {
		steps = append(steps, step)
	}
	delete(g.sent, c)
	g.mu.Unlock()
	g.service.sentTogether(ctx, c, steps)
}

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
	g.counts[c] = false
	g.mu.Unlock()
	defer func() { time.AfterFunc(countEvery, func() { g.rested(c) }) }()
	g.service.tellCounts(ctx, c)
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
	if err := s.putAhead(ctx, c, states, append(waiting, steps...)); err != nil {
		return nil, err
	}
	s.announcer.ReadTogether(c, states)
	return states, nil
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
	for i := range steps {
		steps[i].Private = !shows[steps[i].User]
	}
	if err := s.advance(ctx, c, steps, ByReading); err != nil {
		// The store has it at once, and what runs ahead of it is behind until it is seeded again.
		if err := s.store.WriteSteps(ctx, steps); err != nil {
			return err
		}
		s.gathering.bypassed(c)
	}
	s.gathering.count(c)
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

// tellCounts counts the readers of a conversation, or has them named where it has become small. What cannot be counted now is
// counted when it is written to the store.
func (s *Service) tellCounts(ctx context.Context, c ConversationID) {
	r, err := s.Roster(ctx, c)
	switch {
	case err != nil && AsError(err).Code.Info().Retryable:
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
		steps = slices.DeleteFunc(steps, func(step Step) bool { return !shows[step.User] })
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
		if shows[step.User] {
			s.announcer.PositionShown(Shown{Conversation: c, User: step.User, Message: step.Message, Seq: step.Seq, At: step.At})
		}
	}
}
