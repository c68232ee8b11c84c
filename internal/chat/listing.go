package chat

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// listEvery is how often what waits of one conversation is written at most for those who list its readers.
	listEvery = time.Second
	// listForgotten is after how long without a list it is forgotten what was written for them.
	listForgotten = 2 * flushEvery
)

// listings write, before the readers of a large conversation are listed, what waits of it: once for all who ask meanwhile,
// at most every second, and each step once. The steps stay in the queue, which is the flusher's.
type listings struct {
	service *Service

	mu sync.Mutex
	of map[ConversationID]*listing
}

// listing is what was written for the lists of one conversation.
type listing struct {
	turn  sync.Mutex // held by who writes
	last  time.Time
	known map[waitingStep]bool // is written, or cannot be, and waits still
	next  chan struct{}        // is closed after the writing that is to come; nil when none is
}

// waitingStep names a step as it waits.
type waitingStep struct {
	user    UserID
	message MessageID
	at      int64 // in microseconds
	private bool
}

func (s *Step) waits() waitingStep {
	return waitingStep{s.User, s.Message, s.At.UnixMicro(), s.Private}
}

// write returns when the store has what people had read in the conversation when it was called. Where that fails the store
// is as of the last flush.
func (l *listings) write(ctx context.Context, c ConversationID, people []UserID) {
	steps := l.waiting(ctx, c, people)
	if len(steps) == 0 {
		return
	}
	l.mu.Lock()
	at := l.at(c)
	if !slices.ContainsFunc(steps, func(step Step) bool { return !at.known[step.waits()] }) {
		l.mu.Unlock()
		return
	}
	written := at.next
	if written == nil {
		written = make(chan struct{})
		soon := l.service.gathering.unlessEnded(max(0, time.Until(at.last.Add(listEvery))), func(ctx context.Context) {
			defer close(written)
			l.writeNow(ctx, c, at, people)
		})
		if !soon {
			l.mu.Unlock()
			_, _ = writeSome(ctx, l.service.store, steps, time.Time{})
			return
		}
		at.next = written
	}
	l.mu.Unlock()
	select {
	case <-written:
	case <-ctx.Done():
	}
}

// at is what was written of a conversation. The caller has the lock.
func (l *listings) at(c ConversationID) *listing {
	if l.of[c] == nil {
		for other, at := range l.of {
			if at.next == nil && time.Since(at.last) > listForgotten {
				delete(l.of, other)
			}
		}
		l.of[c] = &listing{known: make(map[waitingStep]bool)}
	}
	return l.of[c]
}

// waiting are the steps of one conversation that wait.
func (l *listings) waiting(ctx context.Context, c ConversationID, people []UserID) []Step {
	// With an error they are those that this node knows of.
	steps, _ := l.service.cfg.Readers.Pending(ctx, people)
	return slices.DeleteFunc(steps, func(step Step) bool { return step.Conversation != c })
}

func (l *listings) writeNow(ctx context.Context, c ConversationID, at *listing, people []UserID) {
	at.turn.Lock()
	defer at.turn.Unlock()
	l.mu.Lock()
	// Who comes from now on may have read what is not among these.
	at.next, at.last = nil, time.Now()
	known := at.known
	l.mu.Unlock()
	still := make(map[waitingStep]bool)
	var fresh []Step
	for _, step := range l.waiting(ctx, c, people) {
		if !known[step.waits()] {
			fresh = append(fresh, step)
		}
		still[step.waits()] = true
	}
	if len(fresh) > 0 {
		failed, away := writeSome(ctx, l.service.store, fresh, time.Time{})
		for _, step := range failed {
			// One that cannot be written is the flusher's to try and to bury; here it is in nobody's way.
			if away != nil {
				delete(still, step.waits())
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at.known, at.last = still, time.Now()
}

// unlessEnded runs something after a while, and reports whether it will: the service may have ended.
func (g *gathering) unlessEnded(d time.Duration, do func(context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return false
	}
	g.later(d, do)
	return true
}
