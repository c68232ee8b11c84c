package chat

import (
	"context"
	"sync"
	"time"
)

// typingFor is when typing ends by itself after the last typing:start (C4.7).
const typingFor = 6 * time.Second

// Typing tells the other participants that the actor types or has stopped, but not of somebody who is invisible (C7.1). It is
// never stored. Who may not write is refused.
func (s *Service) Typing(ctx context.Context, actor UserID, c ConversationID, typing bool, origin SessionID) error {
	if !ValidID(string(c)) {
		return NotInConversation()
	}
	r, _, err := s.rosters.letting(ctx, c, actor)
	if err == nil {
		err = r.refuses(actor)
	}
	if err != nil {
		return err
	}
	if typing && s.isInvisible(ctx, actor) {
		return nil
	}
	s.typing.set(c, actor, typing, origin)
	// They may have become invisible between the question and the answer.
	if typing && s.isInvisible(ctx, actor) {
		s.typing.end(actor)
	}
	return nil
}

type typingKey struct {
	conversation ConversationID
	user         UserID
}

// typingTimer has an identity before its timer runs, which may fire as soon as it exists.
type typingTimer struct {
	*time.Timer
	origin SessionID
}

// typingState ends what nobody ended.
type typingState struct {
	announcer Announcer
	mu        sync.Mutex
	timers    map[typingKey]*typingTimer
}

func newTypingState(a Announcer) *typingState {
	return &typingState{announcer: a, timers: make(map[typingKey]*typingTimer)}
}

func (t *typingState) set(c ConversationID, u UserID, typing bool, origin SessionID) {
	key := typingKey{c, u}
	t.mu.Lock()
	timer, was := t.timers[key]
	if was {
		timer.Stop()
		delete(t.timers, key)
	}
	if typing {
		started := &typingTimer{origin: origin}
		t.timers[key] = started
		started.Timer = time.AfterFunc(typingFor, func() { t.expire(key, started) })
	}
	t.mu.Unlock()
	if typing || was {
		t.announcer.TypingChanged(c, u, typing, origin)
	}
}

func (t *typingState) expire(key typingKey, timer *typingTimer) {
	t.mu.Lock()
	current := t.timers[key] == timer
	if current {
		delete(t.timers, key)
	}
	t.mu.Unlock()
	if current {
		t.announcer.TypingChanged(key.conversation, key.user, false, timer.origin)
	}
}

// end ends whatever a person types.
func (t *typingState) end(u UserID) {
	ended := make(map[typingKey]*typingTimer)
	t.mu.Lock()
	for key, timer := range t.timers {
		if key.user == u {
			timer.Stop()
			delete(t.timers, key)
			ended[key] = timer
		}
	}
	t.mu.Unlock()
	for key, timer := range ended {
		t.announcer.TypingChanged(key.conversation, u, false, timer.origin)
	}
}

func (t *typingState) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, timer := range t.timers {
		timer.Stop()
	}
	clear(t.timers)
}
