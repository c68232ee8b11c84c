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
	t, err := s.FindTypist(ctx, actor, c)
	if err == nil {
		t.Types(typing, origin)
	}
	return err
}

// Typist is somebody who may write in a conversation, as it was found a moment ago.
type Typist struct {
	service      *Service
	conversation ConversationID
	user         UserID
	invisible    bool
}

// KnownTypist is FindTypist from memory, without waiting. It reports false where the store has to be asked, as it has to before
// somebody is refused.
func (s *Service) KnownTypist(actor UserID, c ConversationID) (t Typist, known bool) {
	if r, remembered := s.rosters.recall(c); !remembered || r.refuses(actor) != nil {
		return Typist{}, false
	}
	p, known := s.privacyRecalled(actor)
	return Typist{s, c, actor, p.Invisible}, known
}

// FindTypist says who would type, or why they may not. It asks the store for what is not remembered.
func (s *Service) FindTypist(ctx context.Context, actor UserID, c ConversationID) (Typist, error) {
	if !ValidID(string(c)) {
		return Typist{}, NotInConversation()
	}
	r, _, err := s.rosters.letting(ctx, c, actor)
	if err == nil {
		err = r.refuses(actor)
	}
	if err != nil {
		return Typist{}, err
	}
	return Typist{s, c, actor, s.isInvisible(ctx, actor)}, nil
}

// Types tells the others that they type, unless they are invisible, or that they have stopped. It waits for nothing.
func (t Typist) Types(typing bool, origin SessionID) {
	if typing && t.invisible {
		return
	}
	t.service.typing.set(t.conversation, t.user, typing, origin)
	// They may have become invisible between the question and the answer.
	if p, known := t.service.privacyRecalled(t.user); typing && (p.Invisible || !known) {
		t.service.typing.end(t.user)
	}
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
