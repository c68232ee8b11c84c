package chat

import (
	"context"
	"sync"
	"time"
)

const (
	// rememberPrivacy is how long it is remembered whether somebody is invisible of whom this node is not told.
	rememberPrivacy = 5 * time.Second
	maxRemembered   = 10_000
)

// remembered is who is invisible among those of whom this node is not told: they have just connected, or nobody keeps
// presence.
type remembered struct {
	mu sync.Mutex
	of map[UserID]sighting
}

type sighting struct {
	privacy Privacy
	until   time.Time
}

func newRemembered() *remembered { return &remembered{of: make(map[UserID]sighting)} }

func (r *remembered) read(u UserID) (p Privacy, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, known := r.of[u]
	return s.privacy, known && time.Now().Before(s.until)
}

// note remembers a privacy unless a newer one is known.
func (r *remembered) note(u UserID, p Privacy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.of) >= maxRemembered {
		clear(r.of)
	}
	if r.of[u].privacy.Rev <= p.Rev {
		r.of[u] = sighting{p, time.Now().Add(rememberPrivacy)}
	}
}

// isInvisible reports whether the actor is to look as if they were not there (C7.1). Who cannot be asked about is taken to be:
// what is said by mistake cannot be taken back.
func (s *Service) isInvisible(ctx context.Context, actor UserID) bool {
	if p, known := s.privacyRecalled(actor); known {
		return p.Invisible
	}
	privacies, err := s.store.Privacies(ctx, []UserID{actor})
	p, exists := privacies[actor]
	if err != nil || !exists {
		return true
	}
	s.remembered.note(actor, p)
	return p.Invisible
}

// privacyRecalled is a person's privacy from memory.
func (s *Service) privacyRecalled(u UserID) (p Privacy, known bool) {
	if p, known = s.privacyKnown(u); known {
		return p, known
	}
	return s.remembered.read(u)
}

// PrivacyHeard takes a person's privacy that this node, or another that has told of it, has changed. Who is invisible by it has
// stopped typing.
func (s *Service) PrivacyHeard(u UserID, p Privacy) {
	s.attendances.learn(u, p)
	s.remembered.note(u, p)
	if p.Invisible {
		s.typing.end(u)
	}
}
