package chat

import (
	"context"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// answerWithin is when a send is answered whatever the database does: inside the seed's three
	// seconds, with room for the way to the client (C2.6).
	answerWithin = 2900 * time.Millisecond
	// maxBatch is the most messages in one transaction.
	maxBatch = 500
	// maxQueuedMessages and maxQueuedBytes bound what waits on a node for the batches in flight (C2.6).
	maxQueuedMessages = 1000
	maxQueuedBytes    = 8 << 20
	// tries is how often a batch is attempted: once and three times again (seed DOC-004).
	tries = 4
)

// pendingSend is a submission on its way through the committer.
type pendingSend struct {
	sub      Submission
	id       MessageID
	arrived  time.Time
	answer   func(Sent, error)
	answered atomic.Int32
	// The lane has these alone once it has taken the send.
	taken, committed time.Time
	unsure           bool // a try may have stored it

	withdrawn bool // it was answered that it is not stored, and it will not be; under the lane's lock
}

// How a send was answered.
const (
	unanswered int32 = iota
	refused          // or it is unknown whether it is stored
	confirmed
)

func (p *pendingSend) overdue(now time.Time) bool { return now.Sub(p.arrived) >= answerWithin }

// lane commits the messages of its share of the conversations, one batch at a time. A batch is
// everything that arrived while the batch before it was in flight: no timer, so one message alone is
// never delayed, and the busier it is the more messages share a commit.
type lane struct {
	service *Service
	wake    chan struct{}

	mu       sync.Mutex
	queue    []*pendingSend
	bytes    int
	inFlight []*pendingSend
	turns    uint64 // batches that are done with
	watchdog *time.Timer
	closed   bool
	pace     pace
	heldUp   bool // what is being committed waits for a row that somebody keeps locked
	unsure   bool // a try of the batch in flight may have stored some of it

	// stuck are conversations whose rows somebody kept locked at the last try, and when; run has it alone.
	stuck map[ConversationID]time.Time
}

func newLane(s *Service) *lane {
	return &lane{service: s, wake: make(chan struct{}, 1), stuck: make(map[ConversationID]time.Time)}
}

var laneSeed = maphash.MakeSeed()

func (s *Service) lane(c ConversationID) *lane {
	if len(s.lanes) == 1 {
		return s.lanes[0]
	}
	return s.lanes[maphash.String(laneSeed, string(c))%uint64(len(s.lanes))]
}

// enqueue takes a send in, or says why not. What is refused costs as little as can be.
func (l *lane) enqueue(sub Submission, arrived time.Time, answer func(Sent, error)) error {
	l.service.overload.watch()
	l.mu.Lock()
	closed, wait := l.closed, l.wouldWait(arrived)
	full := wait > waitAtMost || len(l.queue) >= maxQueuedMessages/len(l.service.lanes) ||
		l.bytes+len(sub.Content) > maxQueuedBytes/len(l.service.lanes)
	if !full && !closed {
		l.queue = append(l.queue, &pendingSend{id: MessageID(l.service.cfg.NewID()), sub: sub, arrived: arrived, answer: answer})
		l.bytes += len(sub.Content)
		if l.watchdog == nil {
			l.watchdog = time.AfterFunc(answerWithin, l.answerOverdue)
		}
	}
	l.mu.Unlock()
	switch {
	case closed:
		return &Error{
			Code: CodeDBConnectionLost, Message: "This node is stopping.",
			RetryAfter: time.Second, Outcome: OutcomeRejected,
		}
	case full:
		l.service.overload.refused.Add(1)
		return Overloaded("Too many messages are waiting to be stored.", wait)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// answerOverdue answers what the database has kept waiting for too long. The write itself goes on: if
// it commits late it is announced, and a retry finds it (C2.6). While the database is known to be away, and was not asked yet,
// nothing has begun: what there is no time for any more is withdrawn.
func (l *lane) answerOverdue() {
	now := time.Now()
	var overdue []*pendingSend
	l.mu.Lock()
	answer := timedOut(nil)
	if l.pace.isWaiting() && !l.unsure {
		answer = unreachable(nil)
	}
	oldest := time.Time{}
	for _, list := range [2][]*pendingSend{l.inFlight, l.queue} {
		for _, p := range list {
			switch {
			case p.answered.Load() != unanswered:
			case p.overdue(now):
				p.withdrawn = answer.Outcome == OutcomeRejected
				overdue = append(overdue, p)
			case oldest.IsZero() || p.arrived.Before(oldest):
				oldest = p.arrived
			}
		}
	}
	l.queue = slices.DeleteFunc(l.queue, func(p *pendingSend) bool {
		if p.withdrawn {
			l.bytes -= len(p.sub.Content)
		}
		return p.withdrawn
	})
	if oldest.IsZero() {
		l.watchdog = nil
	} else {
		l.watchdog = time.AfterFunc(oldest.Add(answerWithin).Sub(now), l.answerOverdue)
	}
	l.mu.Unlock()
	for _, p := range overdue {
		l.service.finish(p, Sent{}, answer)
	}
}

// staying are those of a batch that were not withdrawn.
func (l *lane) staying(batch []*pendingSend) []*pendingSend {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(batch), func(p *pendingSend) bool { return p.withdrawn })
}

func timedOut(err error) *Error {
	return &Error{
		Code: CodeDBTimeout, Message: "The database did not answer within 3 seconds.",
		RetryAfter: time.Second, Outcome: OutcomeUnknown, Err: err,
	}
}

func unreachable(err error) *Error {
	return &Error{
		Code: CodeDBConnectionLost, Message: "The database cannot be reached.",
		RetryAfter: time.Second, Outcome: OutcomeRejected, Err: err,
	}
}

func (l *lane) run(ctx context.Context) {
	for {
		select {
		case <-l.wake:
			for l.commitNext() {
			}
		case <-ctx.Done():
			for l.commitNext() || !l.close() {
			}
			return
		}
	}
}

// close stops the lane if nothing waits. What comes after is refused.
func (l *lane) close() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = len(l.queue) == 0
	return l.closed
}

// commitNext takes what waits, commits it and answers. It reports whether there was anything.
func (l *lane) commitNext() bool {
	l.mu.Lock()
	n := min(len(l.queue), maxBatch)
	batch := append([]*pendingSend(nil), l.queue[:n]...)
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
	for _, p := range batch {
		l.bytes -= len(p.sub.Content)
	}
	if n == 0 {
		l.mu.Unlock()
		return false
	}
	l.inFlight, l.unsure, l.pace.began, l.pace.mute = batch, false, time.Now(), false
	l.mu.Unlock()
	for i, part := range l.apart(batch) {
		if i > 0 {
			l.holdUp()
		}
		for len(part) > 0 {
			part = l.commit(part)
		}
	}
	l.mu.Lock()
	l.inFlight, l.heldUp, l.turns = nil, false, l.turns+1
	l.pace.took()
	l.mu.Unlock()
	return true
}

// commit stores a batch and answers its sends. It returns those to be tried again because the roster
// they were decided on had changed; all drafts of one conversation share one roster, so that they are
// stored in order or not at all.
func (l *lane) commit(batch []*pendingSend) (again []*pendingSend) {
	s := l.service
	batch, drafts := l.decide(batch)
	if len(drafts) == 0 {
		return nil
	}
	done := s.announcer.Committing(len(drafts))
	began := time.Now()
	appended, err := l.append(batch, drafts)
	if errors.Is(err, errWithdrawn) {
		done()
		return l.staying(batch)
	}
	committed := time.Now()
	for _, p := range batch {
		p.taken, p.committed = began, committed
	}
	if s.cfg.Committed != nil {
		s.cfg.Committed(len(drafts), committed.Sub(began), err)
	}
	if err != nil {
		l.mu.Lock()
		l.pace.failed(err)
		l.mu.Unlock()
		done()
		if AsError(err).Outcome != OutcomeRejected {
			for _, p := range batch {
				p.unsure = true
			}
		}
		return l.isolate(batch, err)
	}
	for i := range drafts {
		delete(l.stuck, drafts[i].Conversation)
	}
	release := s.announcer.Gather()
	defer release()
	done()
	changes := make(map[ConversationID][]Change)
	order := make([]ConversationID, 0, 16)
	var retried []ConversationID
	for i, a := range appended {
		p := batch[i]
		switch {
		case errors.Is(a.Err, ErrStale):
			s.rosters.invalidate(p.sub.Conversation)
			again = append(again, p)
		case a.Err != nil:
			s.finish(p, Sent{}, a.Err)
		default:
			s.finishStored(p, a.Message, a.Duplicate)
			if a.Duplicate && a.Message.ID != p.id {
				retried = append(retried, p.sub.Conversation)
				continue
			}
			change := Change{Conversation: p.sub.Conversation, Rev: a.Message.Rev, Kind: MessageAdded, Message: &appended[i].Message, Origin: p.sub.Origin, Committed: committed, Trace: p.sub.Trace}
			if p.answered.Load() != confirmed {
				// Its session was told that the outcome is unknown, at this very moment perhaps: it needs the event as well.
				change.Origin = ""
			}
			if _, known := changes[p.sub.Conversation]; !known {
				order = append(order, p.sub.Conversation)
			}
			changes[p.sub.Conversation] = append(changes[p.sub.Conversation], change)
		}
	}
	for _, c := range order {
		s.acks.reached(c, changes[c][len(changes[c])-1].Message.Seq)
		s.announcer.Announce(changes[c])
		s.gathering.noteSent(c, changes[c])
	}
	for _, c := range retried {
		// The try that stored it may have committed after it was given up, or on a node that died then.
		s.announcer.Suspect(c)
	}
	return again
}

// deadline is when the last send of a batch has to be answered; the watchdog answers the others on time.
func deadline(batch []*pendingSend) time.Time {
	return batch[len(batch)-1].arrived.Add(answerWithin)
}

// errWithdrawn says that some of a batch were withdrawn before it was written.
var errWithdrawn = errors.New("sends of the batch were withdrawn")

// append commits the drafts of a batch before its deadline. Trying again is safe: what an unknown commit stored is found by its
// clientMessageId. An error says that nothing was written only if that is so of each try.
func (l *lane) append(batch []*pendingSend, drafts []Draft) (appended []Appended, err error) {
	ctx, cancel := context.WithDeadline(context.Background(), deadline(batch))
	defer cancel()
	unsure := false
	err = l.tried(ctx, func() (err error) {
		if len(l.staying(batch)) < len(batch) {
			return errWithdrawn
		}
		appended, err = l.service.store.AppendMessages(ctx, drafts)
		if err != nil && AsError(err).Outcome != OutcomeRejected {
			unsure = true
			l.noteUnsure()
		}
		return err
	})
	if err != nil && unsure {
		e := *AsError(err)
		e.Outcome = OutcomeUnknown
		return nil, &e
	}
	return appended, err
}

// noteUnsure has nothing more of the batch in flight withdrawn.
func (l *lane) noteUnsure() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsure = true
}

// tried asks the store up to four times, with backoff and jitter, until ctx ends (C2.6). Waiting for one that is known to be
// away is no try: an outage that is over in time costs nobody theirs.
func (l *lane) tried(ctx context.Context, ask func() error) (err error) {
	backoff := 50 * time.Millisecond
	for try := 1; ; try++ {
		if away := l.await(ctx); away != nil {
			if err == nil {
				err = unreachable(away)
			}
			return err
		}
		if err = ask(); err == nil {
			return nil
		}
		e := AsError(err)
		if try == tries || !e.Code.Info().Retryable() || e.Code == CodeInternal || e.Reason == ReasonLocked || e.Reason == ReasonReadOnly {
			return err
		}
		wait := time.NewTimer(backoff/2 + rand.N(backoff))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
		backoff *= 3
	}
}

// await waits while the store is known to be away.
func (l *lane) await(ctx context.Context) error {
	l.mu.Lock()
	l.pace.wait(time.Now())
	l.mu.Unlock()
	err := l.service.store.Await(ctx)
	l.mu.Lock()
	l.pace.goOn(time.Now())
	l.mu.Unlock()
	return err
}
