package auth

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// maxUserAgent is how much of a User-Agent is kept, in bytes.
const maxUserAgent = 200

// Identity is who an access token speaks for.
type Identity struct {
	User      chat.UserID
	Login     chat.LoginID
	ExpiresAt time.Time
}

// Grant is what a device holds after signing in or refreshing.
type Grant struct {
	User           chat.UserID
	Login          chat.LoginID
	Access         string
	AccessTTL      time.Duration
	Refresh        string
	RefreshExpires time.Time
}

// Credentials are what somebody signs in with.
type Credentials struct {
	Username  string
	Password  string
	UserAgent string // of the device, "" when unknown
}

// Login signs a device in. For an unknown name and for a wrong password it answers the same AUTH_FAILED
// after the same work (C5.8); RATE_LIMITED when too many are signing in.
func (s *Service) Login(ctx context.Context, c Credentials) (Grant, error) {
	g, err := s.signIn(ctx, c)
	s.counters.login(err)
	return g, err
}

func (s *Service) signIn(ctx context.Context, c Credentials) (Grant, error) {
	a, err := s.store.AccountByName(ctx, UsernameKey(c.Username))
	if err != nil {
		if chat.AsError(err).Code != chat.CodeNotFound {
			return Grant{}, err
		}
		a = Account{}
	}
	password, err := CheckPassword(c.Password)
	if err != nil {
		a.PasswordHash = ""
	}
	ok, err := s.hasher.matches(ctx, password, a.PasswordHash)
	if err != nil {
		return Grant{}, err
	}
	if !ok {
		return Grant{}, &chat.Error{Code: chat.CodeAuthFailed, Message: "The username or the password is wrong."}
	}
	return s.begin(ctx, a.ID, c.UserAgent)
}

// begin opens a login with its first tokens.
func (s *Service) begin(ctx context.Context, u chat.UserID, userAgent string) (Grant, error) {
	at := now()
	l := Login{ID: chat.LoginID(s.cfg.NewID()), User: u, CreatedAt: at, UserAgent: cut(userAgent, maxUserAgent)}
	id := newTokenID()
	if err := s.store.BeginLogin(ctx, l, s.refreshToken(l, id, at)); err != nil {
		return Grant{}, err
	}
	return s.grant(l, id, at)
}

func (s *Service) refreshToken(l Login, id string, issued time.Time) RefreshToken {
	return RefreshToken{Hash: hashOf(id), Login: l.ID, IssuedAt: issued, ExpiresAt: issued.Add(s.cfg.RefreshTTL)}
}

// grant signs a refresh token with the id given and a fresh access token.
func (s *Service) grant(l Login, refreshID string, refreshIssued time.Time) (Grant, error) {
	refresh := newClaims(useRefresh, l, refreshID, refreshIssued, s.cfg.RefreshTTL)
	access := newClaims(useAccess, l, newTokenID(), now(), s.cfg.AccessTTL)
	g := Grant{User: l.User, Login: l.ID, AccessTTL: s.cfg.AccessTTL, RefreshExpires: refresh.ExpiresAt.Time}
	var err error
	if g.Refresh, err = s.keys[0].sign(refresh); err != nil {
		return Grant{}, err
	}
	g.Access, err = s.keys[0].sign(access)
	return g, err
}

// Refresh spends a refresh token and returns its successor. A token spent up to 30 seconds ago gets the
// same successor again, or the newest of the family when that one was spent too; one spent earlier ends its
// login (C5.7). Everything else is AUTH_FAILED.
func (s *Service) Refresh(ctx context.Context, token string) (Grant, error) {
	g, result, err := s.refresh(ctx, token)
	switch {
	case result == Reused:
		s.counters.reused.Add(1)
	case err != nil:
		s.counters.refresh(err)
	case result == Graced:
		s.counters.graced.Add(1)
	default:
		s.counters.fresh.Add(1)
	}
	return g, err
}

func (s *Service) refresh(ctx context.Context, token string) (Grant, RotationResult, error) {
	c, k, err := s.parse(token, useRefresh)
	if err != nil {
		return Grant{}, 0, err
	}
	at, err := s.store.Now(ctx)
	if err != nil {
		return Grant{}, 0, err
	}
	id := c.ID
	for {
		next := k.successor(id)
		r, err := s.store.RotateRefresh(ctx, hashOf(id), at, refreshGrace, func(l Login) RefreshToken {
			return s.refreshToken(l, next, at)
		})
		if err != nil {
			return Grant{}, 0, err
		}
		switch {
		case r.Superseded:
			// Handing out a spent token would end the login when it is used: go on to the newest. It was
			// signed when it was made, by the key of now.
			id, k = next, s.keys[0]
		case r.Result == Rotated || r.Result == Graced:
			g, err := s.grant(r.Login, next, r.UsedAt)
			return g, r.Result, err
		case r.Result == Reused:
			s.ended.end(ctx, EndedLogin{r.Login.ID, r.Login.User, at})
			return Grant{}, r.Result, notAccepted(errors.New("refresh token was used before"))
		default:
			return Grant{}, r.Result, notAccepted(errors.New("refresh token is unknown"))
		}
	}
}

// Logout ends the login that a refresh token belongs to, spent or not. A token that is not valid ends
// nothing and is no error: whoever signs out is signed out.
func (s *Service) Logout(ctx context.Context, refreshToken string) error {
	c, _, err := s.parse(refreshToken, useRefresh)
	if err != nil {
		return nil
	}
	return s.EndLogin(ctx, c.user(), c.login())
}

// EndLogin ends one login of a person: its tokens are refused and its sockets close.
func (s *Service) EndLogin(ctx context.Context, u chat.UserID, id chat.LoginID) error {
	at := now()
	if err := s.store.EndLogin(ctx, id, at); err != nil {
		return err
	}
	s.ended.end(ctx, EndedLogin{id, u, at})
	return nil
}

// EndLogins ends every login of a person.
func (s *Service) EndLogins(ctx context.Context, u chat.UserID) error {
	ended, err := s.store.EndLogins(ctx, u, now())
	for _, e := range ended {
		s.ended.end(ctx, e)
	}
	return err
}

// Verify tells whom an access token speaks for, or AUTH_FAILED. It asks memory only.
func (s *Service) Verify(token string) (Identity, error) {
	c, _, err := s.parse(token, useAccess)
	if err != nil {
		return Identity{}, err
	}
	if s.ended.has(c.login()) {
		return Identity{}, &chat.Error{Code: chat.CodeAuthFailed, Message: "This login has ended. Sign in again."}
	}
	return Identity{User: c.user(), Login: c.login(), ExpiresAt: c.ExpiresAt.Time}, nil
}

// Mint makes an access token for a person without a password, for operators and tests. It lives for
// ttl, at most 24 hours, and cannot be refreshed. It belongs to a login of its own, which can be ended.
func (s *Service) Mint(ctx context.Context, u chat.UserID, ttl time.Duration) (token string, expires time.Time, err error) {
	if ttl < time.Second || ttl > maxAccessTTL {
		return "", time.Time{}, chat.Invalid("ttl", "A token lives from 1 second to %v.", maxAccessTTL)
	}
	a, err := s.store.Account(ctx, u)
	if err != nil {
		return "", time.Time{}, err
	}
	at := now()
	l := Login{ID: chat.LoginID(s.cfg.NewID()), User: a.ID, CreatedAt: at, UserAgent: "parley token mint"}
	// The id of its refresh token is told to nobody.
	first := RefreshToken{Hash: hashOf(newTokenID()), Login: l.ID, IssuedAt: at, ExpiresAt: at.Add(ttl)}
	if err := s.store.BeginLogin(ctx, l, first); err != nil {
		return "", time.Time{}, err
	}
	c := newClaims(useAccess, l, newTokenID(), at, ttl)
	token, err = s.keys[0].sign(c)
	return token, c.ExpiresAt.Time, err
}

// cut shortens text to at most n bytes of valid UTF-8.
func cut(text string, n int) string {
	if len(text) > n {
		text = text[:n]
		for len(text) > 0 && !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	if !utf8.ValidString(text) {
		return ""
	}
	return text
}
