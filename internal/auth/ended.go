package auth

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// endedLogins remembers which logins ended while access tokens of theirs may live.
type endedLogins struct {
	mu    sync.RWMutex
	at    map[chat.LoginID]time.Time
	hooks []func(context.Context, EndedLogin)
}

func newEndedLogins() *endedLogins { return &endedLogins{at: make(map[chat.LoginID]time.Time)} }

func (l *endedLogins) has(id chat.LoginID) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, ended := l.at[id]
	return ended
}

// add remembers a login and reports whether it was unknown.
func (l *endedLogins) add(e EndedLogin) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.at[e.ID]; known {
		return false
	}
	l.at[e.ID] = e.EndedAt
	return true
}

// end remembers a login and calls the hooks, once for each login.
func (l *endedLogins) end(ctx context.Context, e EndedLogin) {
	if !l.add(e) {
		return
	}
	l.mu.RLock()
	hooks := l.hooks
	l.mu.RUnlock()
	for _, f := range hooks {
		f(ctx, e)
	}
}

func (l *endedLogins) hook(f func(context.Context, EndedLogin)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hooks = append(l.hooks[:len(l.hooks):len(l.hooks)], f)
}

func (l *endedLogins) forget(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, at := range l.at {
		if at.Before(before) {
			delete(l.at, id)
		}
	}
}
