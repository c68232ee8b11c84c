package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// visibilityRest is how long it is rested after people became invisible or visible together, and at least as long as that
	// took: half of the time the database, of which SQLite has one writer, belongs to messages alone (C7.5).
	visibilityRest = 100 * time.Millisecond
	// visibilitiesAtOnce is the most people in one transaction.
	visibilitiesAtOnce = 250
	// maxVisibilities is how many may wait on a node.
	maxVisibilities = 5000
)

// Visibility is what somebody asks to be.
type Visibility struct {
	User      UserID
	Invisible bool
	There     bool // they are connected: who becomes invisible was then seen last at that moment
}

// visibilities are the people who wait to become invisible or visible. They do so together and one after the other, so that
// no number of them keeps the database from messages.
type visibilities struct {
	service *Service

	mu      sync.Mutex
	waiting []*visibilityAsk
	under   bool // way: some are being written, or it is rested
}

// visibilityAsk is somebody who waits for what became of them.
type visibilityAsk struct {
	Visibility
	answer chan answeredVisibility
}

type answeredVisibility struct {
	change PrivacyChange
	err    error
}

// set makes somebody invisible or visible in turn. Whose time is over before that stays as they are: CodeDBTimeout.
func (v *visibilities) set(ctx context.Context, u UserID, invisible bool) (PrivacyChange, error) {
	a := &visibilityAsk{Visibility{User: u, Invisible: invisible}, make(chan answeredVisibility, 1)}
	if !v.enter(a) {
		return PrivacyChange{}, crowdedOut(nil)
	}
	select {
	case got := <-a.answer:
		return got.change, got.err
	case <-ctx.Done():
		if v.withdraw(a) {
			return PrivacyChange{}, crowdedOut(ctx.Err())
		}
		return PrivacyChange{}, timedOut(ctx.Err())
	}
}

func crowdedOut(err error) *Error {
	return &Error{
		Code: CodeDBTimeout, Message: "Too many people change who may see them.",
		RetryAfter: time.Second, Outcome: OutcomeRejected, Err: err,
	}
}

func (v *visibilities) enter(a *visibilityAsk) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.waiting) >= maxVisibilities || !v.arm(0) {
		return false
	}
	v.waiting = append(v.waiting, a)
	return true
}

// withdraw reports whether somebody waited still, and does no more.
func (v *visibilities) withdraw(a *visibilityAsk) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := len(v.waiting)
	v.waiting = slices.DeleteFunc(v.waiting, func(other *visibilityAsk) bool { return other == a })
	return len(v.waiting) < before
}

// arm has a turn come, and reports whether it will: not when the service has ended. The caller has the lock.
func (v *visibilities) arm(after time.Duration) bool {
	if !v.under {
		v.under = v.service.gathering.afterwards(after, v.turn)
	}
	return v.under
}

// turn writes those who wait, and comes again after a rest.
func (v *visibilities) turn(ctx context.Context) {
	v.mu.Lock()
	n := min(len(v.waiting), visibilitiesAtOnce)
	batch := slices.Clone(v.waiting[:n])
	v.waiting = slices.Delete(v.waiting, 0, n)
	v.mu.Unlock()
	began := time.Now()
	var became map[UserID]PrivacyChange
	err := v.service.survive(func() (err error) {
		became, err = v.service.setVisibility(ctx, batch)
		return err
	})
	for _, a := range batch {
		a.answer <- a.answered(became, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.under = false
	if (n > 0 || len(v.waiting) > 0) && !v.arm(max(visibilityRest, time.Since(began))) {
		for _, a := range v.waiting {
			a.answer <- answeredVisibility{err: crowdedOut(nil)}
		}
		v.waiting = nil
	}
}

func (a *visibilityAsk) answered(became map[UserID]PrivacyChange, err error) answeredVisibility {
	change, is := became[a.User]
	if err == nil && !is {
		err = NotFound("person")
	}
	return answeredVisibility{change, err}
}

// setVisibility writes those who are not what they ask to be. What they read unseen and waits to be written is
// written before, so that it comes into view with the rest.
func (s *Service) setVisibility(ctx context.Context, batch []*visibilityAsk) (map[UserID]PrivacyChange, error) {
	last := make(map[UserID]bool, len(batch))
	for _, a := range batch {
		last[a.User] = a.Invisible
	}
	is, err := s.store.Privacies(ctx, slices.Collect(maps.Keys(last)))
	if err != nil {
		return nil, err
	}
	became := make(map[UserID]PrivacyChange, len(is))
	var hide, show []UserID
	for u, p := range is {
		became[u] = PrivacyChange{Privacy: p}
		switch {
		case last[u] && !p.Invisible:
			hide = append(hide, u)
		case !last[u] && p.Invisible:
			show = append(show, u)
		}
	}
	if len(hide)+len(show) == 0 {
		return became, nil
	}
	s.beforeShown(ctx, show...)
	there := s.there(ctx, hide)
	asked := make([]Visibility, 0, len(hide)+len(show))
	for _, u := range hide {
		asked = append(asked, Visibility{User: u, Invisible: true, There: there(u)})
	}
	for _, u := range show {
		asked = append(asked, Visibility{User: u})
	}
	changed, err := s.store.SetVisibility(ctx, asked)
	maps.Copy(became, changed)
	return became, err
}

// beforeShown writes what people read unseen and waits to be written. What cannot be written now comes into view when it is.
func (s *Service) beforeShown(ctx context.Context, users ...UserID) {
	_ = s.writeWaiting(ctx, users...)
}

// there says who of those people is connected. While that is not known they are taken to be, since they ask for something.
func (s *Service) there(ctx context.Context, users []UserID) func(UserID) bool {
	if s.cfg.Devices == nil || len(users) == 0 {
		return func(UserID) bool { return false }
	}
	there, sure, err := s.cfg.Devices.Presences(ctx, users)
	return func(u UserID) bool {
		_, is := there[u]
		return is || err != nil || !sure
	}
}
