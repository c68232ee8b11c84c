package auth_test

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

// memoryStore is an auth.Store that fits into a synctest bubble. That the SQL stores keep the same
// promises is storetest's business; internal/httpapi runs its tests over one of them.
type memoryStore struct {
	mu       sync.Mutex
	accounts map[chat.UserID]auth.Account
	logins   map[chat.LoginID]auth.Login
	ended    map[chat.LoginID]time.Time
	tokens   map[string]*storedToken
	link     []byte
	linkEnds time.Time
	clock    func() time.Time // what all nodes share; nil for their own
}

type storedToken struct {
	auth.RefreshToken
	usedAt time.Time
}

func newMemoryStore() *memoryStore {
	return &memoryStore{
		accounts: map[chat.UserID]auth.Account{}, logins: map[chat.LoginID]auth.Login{},
		ended: map[chat.LoginID]time.Time{}, tokens: map[string]*storedToken{},
	}
}

func (s *memoryStore) CreateAccount(_ context.Context, a auth.Account, onlyFirst bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.accounts {
		if onlyFirst || other.UsernameKey == a.UsernameKey {
			return &chat.Error{Code: chat.CodeConflict, Message: "taken"}
		}
	}
	s.accounts[a.ID] = a
	return nil
}

func (s *memoryStore) AccountByName(_ context.Context, key string) (auth.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.UsernameKey == key {
			return a, nil
		}
	}
	return auth.Account{}, chat.NotFound("person")
}

func (s *memoryStore) Account(_ context.Context, id chat.UserID) (auth.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.accounts[id]; ok {
		return a, nil
	}
	return auth.Account{}, chat.NotFound("person")
}

func (s *memoryStore) HasAccounts(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.accounts) > 0, nil
}

func (s *memoryStore) SetPassword(ctx context.Context, id chat.UserID, hash string, now time.Time) ([]auth.EndedLogin, error) {
	s.mu.Lock()
	a := s.accounts[id]
	a.PasswordHash = hash
	s.accounts[id] = a
	s.mu.Unlock()
	return s.EndLogins(ctx, id, now)
}

func (s *memoryStore) BeginLogin(_ context.Context, l auth.Login, first auth.RefreshToken) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins[l.ID] = l
	s.tokens[string(first.Hash)] = &storedToken{RefreshToken: first}
	return nil
}

func (s *memoryStore) Now(context.Context) (time.Time, error) {
	if s.clock != nil {
		return s.clock(), nil
	}
	return time.Now().UTC().Truncate(time.Microsecond), nil
}

func (s *memoryStore) RotateRefresh(_ context.Context, presented []byte, now time.Time, grace time.Duration, next func(auth.Login) auth.RefreshToken) (auth.Rotation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, known := s.tokens[string(presented)]
	if !known || !now.Before(token.ExpiresAt) {
		return auth.Rotation{Result: auth.Unknown}, nil
	}
	l := s.logins[token.Login]
	if _, ended := s.ended[l.ID]; ended {
		return auth.Rotation{Result: auth.Unknown}, nil
	}
	switch {
	case token.usedAt.IsZero():
		token.usedAt = now
		successor := next(l)
		s.tokens[string(successor.Hash)] = &storedToken{RefreshToken: successor}
		return auth.Rotation{Result: auth.Rotated, Login: l, UsedAt: now}, nil
	case now.Sub(token.usedAt) <= grace:
		successor := s.tokens[string(next(l).Hash)]
		superseded := successor != nil && !successor.usedAt.IsZero()
		return auth.Rotation{Result: auth.Graced, Login: l, UsedAt: token.usedAt, Superseded: superseded}, nil
	}
	s.ended[l.ID] = now
	return auth.Rotation{Result: auth.Reused, Login: l, UsedAt: token.usedAt}, nil
}

func (s *memoryStore) EndLogin(_ context.Context, id chat.LoginID, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ended := s.ended[id]; !ended {
		s.ended[id] = now
	}
	return nil
}

func (s *memoryStore) EndLogins(_ context.Context, u chat.UserID, now time.Time) ([]auth.EndedLogin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []auth.EndedLogin
	for id, l := range s.logins {
		if _, ended := s.ended[id]; !ended && l.User == u {
			s.ended[id] = now
			out = append(out, auth.EndedLogin{ID: id, User: u, EndedAt: now})
		}
	}
	return out, nil
}

func (s *memoryStore) EndedLogins(_ context.Context, since time.Time) ([]auth.EndedLogin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []auth.EndedLogin
	for id, at := range s.ended {
		if !at.Before(since) {
			out = append(out, auth.EndedLogin{ID: id, User: s.logins[id].User, EndedAt: at})
		}
	}
	return out, nil
}

func (s *memoryStore) PruneLogins(_ context.Context, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, at := range s.ended {
		if at.Before(before) {
			delete(s.ended, id)
			delete(s.logins, id)
		}
	}
	return nil
}

func (s *memoryStore) PutOwnerLink(_ context.Context, hash []byte, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link, s.linkEnds = hash, expires
	return nil
}

func (s *memoryStore) TakeOwnerLink(_ context.Context, hash []byte, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == nil || !bytes.Equal(s.link, hash) || !now.Before(s.linkEnds) {
		return chat.NotFound("link")
	}
	s.link = nil
	return nil
}
