package chat

import (
	"context"
	"sync"
	"time"
)

// switchAgain is how long after a try conversations are told again that could not be told of a switch of receipts.
const switchAgain = time.Second

// switches are the people who have switched their receipts of whom not all their conversations were told yet.
type switches struct {
	service *Service

	mu     sync.Mutex
	untold map[UserID][]ConversationID // nil where it could not be read which they are
	trying bool
}

func newSwitches(s *Service) *switches {
	return &switches{service: s, untold: make(map[UserID][]ConversationID)}
}

// switched tells everywhere that a person lets nobody know from now on what they read, or has it looked up whether they
// do. It was committed: that whoever asked for it is gone by now changes nothing. What cannot be told within
// [gatherWithin] is told afterwards, again and again until it is done or the node stops. What a node did not come to tell is
// found where what was told is compared with the store, and when what runs ahead of the store is seeded anew.
func (w *switches) switched(ctx context.Context, u UserID, off bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherWithin)
	defer cancel()
	w.tellAll(ctx, u, nil, off)
}

// shown tells everywhere that others may know from now on that a person has read further in those conversations, as
// switched does of all.
func (w *switches) shown(ctx context.Context, u UserID, cs []ConversationID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherWithin)
	defer cancel()
	w.tellAll(ctx, u, cs, false)
}

// maybe has it looked up what a person lets others know once a commit that was given up is through or will never be.
func (w *switches) maybe(u UserID) {
	w.service.gathering.afterwards(lateCommit, func(ctx context.Context) { w.tellAll(ctx, u, nil, false) })
}

// tellAll tells those conversations, or with nil all that the person is in, and keeps those that could not be told.
func (w *switches) tellAll(ctx context.Context, u UserID, cs []ConversationID, off bool) {
	if cs == nil {
		err := w.service.survive(func() (err error) {
			cs, err = w.service.store.ConversationIDs(ctx, u)
			return err
		})
		if err != nil {
			w.keep(u, nil)
			return
		}
	}
	for i, c := range cs {
		if ctx.Err() != nil {
			w.keep(u, cs[i:])
			return
		}
		if w.tell(ctx, u, c, off) != nil {
			w.keep(u, cs[i:i+1])
		}
	}
}

func (w *switches) tell(ctx context.Context, u UserID, c ConversationID, off bool) error {
	return w.service.survive(func() error { return w.service.tellSwitch(ctx, u, c, off) })
}

func (s *Service) tellSwitch(ctx context.Context, u UserID, c ConversationID, off bool) error {
	r, err := s.Roster(ctx, c)
	switch {
	case err != nil && AsError(err).Code.Info().Retryable():
		return err
	case err != nil:
		// It has ended.
	case s.large(r) && off:
		s.recount(ctx, c)
	case s.large(r):
		s.recountSoon(c)
	case off:
		s.announcer.PositionShown(Shown{Conversation: c, User: u})
	default:
		s.announcer.ReceiptsChanged(c)
	}
	return nil
}

// keep has conversations told in a moment, with nil all.
func (w *switches) keep(u UserID, cs []ConversationID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, waits := w.untold[u]
	switch {
	case cs == nil || waits && before == nil:
		w.untold[u] = nil
	default:
		w.untold[u] = append(before, cs...)
	}
	w.arm()
}

// arm has what is untold tried in a moment. The caller has the lock.
func (w *switches) arm() {
	if len(w.untold) > 0 && !w.trying {
		w.trying = w.service.gathering.afterwards(switchAgain, w.try)
	}
}

// try has it looked up what the people let others know: they may have switched once more meanwhile.
func (w *switches) try(ctx context.Context) {
	w.mu.Lock()
	untold := w.untold
	w.untold = make(map[UserID][]ConversationID)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.trying = false
		w.arm()
	}()
	for u, cs := range untold {
		w.tellAll(ctx, u, cs, false)
	}
}
