package chat

import (
	"context"
	"sync"
	"time"
)

// privacies are the changes of people's privacy that not everybody was told of yet.
type privacies struct {
	service *Service

	mu     sync.Mutex
	untold map[UserID]untold
	trying bool
}

// untold is a change that is still to be told, and what it is a part of.
type untold struct {
	Watched // zero where it has to be looked up
	of      Trace
}

func newPrivacies(s *Service) *privacies {
	return &privacies{service: s, untold: make(map[UserID]untold)}
}

// profileChanged tells what follows from an edit, or has it looked up later what followed from one whose outcome is not
// known.
func (s *Service) profileChanged(ctx context.Context, actor UserID, e ProfileEdit, after PrivacyChange, err error) {
	if err != nil {
		if AsError(err).Outcome == OutcomeUnknown {
			s.maybeChanged(ctx, actor, e)
		}
		return
	}
	if after.Presence {
		s.privacyChanged(ctx, actor, after.Privacy, after.SeenAt)
	}
	switch {
	case after.Receipts:
		s.switches.switched(ctx, actor, !*e.ReadReceiptsEnabled)
	case len(after.Shown) > 0:
		s.switches.shown(ctx, actor, after.Shown)
	}
}

func (s *Service) maybeChanged(ctx context.Context, actor UserID, e ProfileEdit) {
	if e.ReadReceiptsEnabled != nil || e.PresenceInvisible != nil {
		s.switches.maybe(actor)
	}
	if e.PresenceEnabled != nil || e.PresenceSharing != nil || e.PresenceInvisible != nil {
		s.gathering.afterwards(lateCommit, func(later context.Context) {
			s.privacies.tell(WithTrace(later, TraceOf(ctx)), actor, Watched{})
		})
	}
}

// privacyChanged tells everywhere who may know of a person from now on, when they were last seen at seenAt. It was
// committed: that whoever asked for it is gone by now changes nothing. While the devices are away those who watch are told
// of the privacy alone, and the rest again and again until it is done or the node stops.
func (s *Service) privacyChanged(ctx context.Context, actor UserID, p Privacy, seenAt time.Time) {
	s.PrivacyHeard(actor, p)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherWithin)
	defer cancel()
	s.privacies.tell(ctx, actor, Watched{User: actor, Privacy: p, SeenAt: seenAt})
}

// tell tells one person's privacy, which is looked up where it is not given.
func (w *privacies) tell(ctx context.Context, u UserID, is Watched) {
	err := w.service.survive(func() (err error) {
		if is.User == "" {
			if is, err = w.service.lookUp(ctx, u); err != nil {
				return err
			}
		}
		return w.service.tellPrivacy(ctx, is)
	})
	if err != nil && AsError(err).Code != CodeNotFound {
		w.keep(u, untold{is, TraceOf(ctx)})
	}
}

// lookUp is what is noted of a person.
func (s *Service) lookUp(ctx context.Context, u UserID) (Watched, error) {
	is, err := s.store.UpdateMe(ctx, u, ProfileEdit{}, false)
	return Watched{User: u, Privacy: is.Privacy, SeenAt: is.SeenAt}, err
}

func (s *Service) tellPrivacy(ctx context.Context, is Watched) error {
	alone := []Presence{{User: is.User, Status: StatusOffline, Privacy: is.Privacy}}
	if !is.Privacy.Secret() {
		alone[0].SeenAt = is.SeenAt
	}
	if s.cfg.Devices == nil {
		s.tellPresence(alone, causedBy(TraceOf(ctx)))
		return nil
	}
	told, err := s.cfg.Devices.SetPrivacy(ctx, is.User, is.Privacy, is.SeenAt)
	if err != nil {
		told = alone
	}
	s.tellPresence(told, causedBy(TraceOf(ctx)))
	return err
}

// keep has a privacy told in a moment, the newest that is known.
func (w *privacies) keep(u UserID, is untold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if before, waits := w.untold[u]; !waits || is.Privacy.Rev > before.Privacy.Rev {
		w.untold[u] = is
	}
	w.arm()
}

// arm has what is untold tried in a moment. The caller has the lock.
func (w *privacies) arm() {
	if len(w.untold) > 0 && !w.trying {
		w.trying = w.service.gathering.afterwards(switchAgain, w.try)
	}
}

func (w *privacies) try(ctx context.Context) {
	w.mu.Lock()
	all := w.untold
	w.untold = make(map[UserID]untold)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.trying = false
		w.arm()
	}()
	for u, is := range all {
		w.tell(WithTrace(ctx, is.of), u, is.Watched)
	}
}
