package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

// BeginLogin stores a login with its first refresh token. CodeNotFound when the person does not exist or was
// erased.
func (s *Store) BeginLogin(ctx context.Context, l auth.Login, first auth.RefreshToken) error {
	return named(s.db.write(ctx, func(x session) error {
		if err := s.expectPeople(ctx, x, "", []chat.UserID{l.User}); err != nil {
			return err
		}
		_, err := x.exec(ctx, "INSERT INTO logins (id, user_id, user_agent, created_at) VALUES ($1, $2, $3, $4)",
			string(l.ID), string(l.User), l.UserAgent, s.moment(l.CreatedAt))
		if err != nil {
			return err
		}
		first.Login = l.ID
		return s.insertToken(ctx, x, first)
	}))
}

func (s *Store) insertToken(ctx context.Context, x session, t auth.RefreshToken) error {
	_, err := x.exec(ctx, "INSERT INTO refresh_tokens (hash, login_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
		t.Hash, string(t.Login), s.moment(t.IssuedAt), s.moment(t.ExpiresAt))
	return err
}

// Now is the time by which refresh tokens are judged: PostgreSQL's own, since the nodes' clocks may be minutes
// apart; that of the one node on SQLite.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if !s.shared {
		return s.now(), nil
	}
	var now time.Time
	err := s.db.reader().one(ctx, into(at(&now)), s.fill("SELECT {now}"))
	return now, named(err)
}

// RotateRefresh spends the token with the hash presented and stores the token that next makes for the login
// found, in one transaction that two rotations of one token cannot both win: it holds the login's row.
func (s *Store) RotateRefresh(ctx context.Context, presented []byte, at time.Time, grace time.Duration, next func(auth.Login) auth.RefreshToken) (auth.Rotation, error) {
	var out auth.Rotation
	err := s.db.write(ctx, func(x session) error {
		out = auth.Rotation{}
		token, err := s.lockToken(ctx, x, presented)
		if errors.Is(err, sql.ErrNoRows) {
			out.Result = auth.Unknown
			return nil
		}
		if err != nil {
			return err
		}
		at = at.UTC().Truncate(time.Microsecond)
		switch {
		case !token.endedAt.IsZero() || !at.Before(token.expiresAt):
			out.Result = auth.Unknown
			return nil
		case token.usedAt.IsZero():
			out = auth.Rotation{Result: auth.Rotated, Login: token.login, UsedAt: at}
			return s.spend(ctx, x, presented, at, token.login, next)
		case at.Sub(token.usedAt) < grace:
			out = auth.Rotation{Result: auth.Graced, Login: token.login, UsedAt: token.usedAt}
			return x.one(ctx, into(&out.Superseded), "SELECT EXISTS (SELECT 1 FROM refresh_tokens WHERE hash = $1 AND used_at IS NOT NULL)",
				next(token.login).Hash)
		}
		out = auth.Rotation{Result: auth.Reused, Login: token.login, UsedAt: token.usedAt}
		return s.endLogin(ctx, x, token.login.ID, at)
	})
	if err != nil {
		return auth.Rotation{}, named(err)
	}
	return out, nil
}

// presentedToken is a refresh token with the login that it belongs to.
type presentedToken struct {
	login     auth.Login
	expiresAt time.Time
	usedAt    time.Time
	endedAt   time.Time
}

// lockToken locks the login first and then the token, as all others do.
func (s *Store) lockToken(ctx context.Context, x session, hash []byte) (presentedToken, error) {
	var t presentedToken
	if _, err := ids[chat.LoginID](ctx, x, s.fill("SELECT id FROM logins WHERE id = (SELECT login_id FROM refresh_tokens WHERE hash = $1) {lock}"), hash); err != nil {
		return t, err
	}
	err := x.one(ctx, into(&t.login.ID, &t.login.User, at(&t.login.CreatedAt), &t.login.UserAgent, at(&t.expiresAt), at(&t.usedAt), at(&t.endedAt)),
		s.fill(`SELECT l.id, l.user_id, l.created_at, l.user_agent, t.expires_at, t.used_at, l.ended_at
FROM refresh_tokens t JOIN logins l ON l.id = t.login_id WHERE t.hash = $1 {lock}`), hash)
	return t, err
}

func (s *Store) spend(ctx context.Context, x session, presented []byte, at time.Time, l auth.Login, next func(auth.Login) auth.RefreshToken) error {
	if _, err := x.exec(ctx, "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1", presented, s.moment(at)); err != nil {
		return err
	}
	successor := next(l)
	successor.Login = l.ID
	return s.insertToken(ctx, x, successor)
}

// EndLogin ends one login. Ending an ended or unknown one does nothing.
func (s *Store) EndLogin(ctx context.Context, id chat.LoginID, at time.Time) error {
	return named(s.db.write(ctx, func(x session) error { return s.endLogin(ctx, x, id, at) }))
}

func (s *Store) endLogin(ctx context.Context, x session, id chat.LoginID, at time.Time) error {
	_, err := x.exec(ctx, "UPDATE logins SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", string(id), s.moment(at))
	return err
}

// EndLogins ends every login of a person and returns those that were live.
func (s *Store) EndLogins(ctx context.Context, u chat.UserID, at time.Time) ([]auth.EndedLogin, error) {
	var ended []auth.EndedLogin
	err := s.db.write(ctx, func(x session) error {
		var err error
		ended, err = s.endLogins(ctx, x, u, at)
		return err
	})
	return ended, named(err)
}

func (s *Store) endLogins(ctx context.Context, x session, u chat.UserID, at time.Time) ([]auth.EndedLogin, error) {
	// One person's logins are always locked together, so the person's row goes first.
	if _, err := ids[chat.UserID](ctx, x, s.fill("SELECT id FROM users WHERE id = $1 {lock}"), string(u)); err != nil {
		return nil, err
	}
	return ended(ctx, x, "UPDATE logins SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL RETURNING id, user_id, ended_at", string(u), s.moment(at))
}

func ended(ctx context.Context, x session, query string, args ...any) ([]auth.EndedLogin, error) {
	var out []auth.EndedLogin
	err := x.each(ctx, func(row scan) error {
		var l auth.EndedLogin
		if err := row(&l.ID, &l.User, at(&l.EndedAt)); err != nil {
			return err
		}
		out = append(out, l)
		return nil
	}, query, args...)
	return out, err
}

// EndedLogins returns the logins that ended at or after since, the first to end first.
func (s *Store) EndedLogins(ctx context.Context, since time.Time) ([]auth.EndedLogin, error) {
	out, err := ended(ctx, s.db.reader(), "SELECT id, user_id, ended_at FROM logins WHERE ended_at >= $1 ORDER BY ended_at, id", s.moment(since))
	return out, named(err)
}

// PruneLogins deletes refresh tokens that expired before the time given, and logins that ended before it or
// have no token any more. It waits for nobody: what somebody else holds is left to the next pruning.
func (s *Store) PruneLogins(ctx context.Context, before time.Time) error {
	return named(s.db.write(ctx, func(x session) error {
		for _, prune := range pruning {
			if _, err := x.exec(ctx, s.fill(prune), s.moment(before)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// pruning deletes tokens first: a login that still had some would take them with it, and wait for who holds
// them.
var pruning = []string{
	"DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at < $1 {free})",
	`DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens
    WHERE login_id IN (SELECT id FROM logins WHERE ended_at < $1) {free})`,
	`DELETE FROM logins WHERE id IN (SELECT id FROM logins l WHERE (ended_at < $1 OR ended_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.login_id = l.id) {free})`,
}

// PutOwnerLink stores the hash of a one-time owner link, replacing the one before (C8.8).
func (s *Store) PutOwnerLink(ctx context.Context, hash []byte, expires time.Time) error {
	return named(s.db.write(ctx, func(x session) error {
		if _, err := x.exec(ctx, "DELETE FROM owner_links"); err != nil {
			return err
		}
		_, err := x.exec(ctx, "INSERT INTO owner_links (hash, expires_at) VALUES ($1, $2)", hash, s.moment(expires))
		return err
	}))
}

// TakeOwnerLink spends the owner link, or answers CodeNotFound when it is not that one, spent or expired.
func (s *Store) TakeOwnerLink(ctx context.Context, hash []byte, at time.Time) error {
	return named(s.db.write(ctx, func(x session) error {
		taken, err := x.exec(ctx, "DELETE FROM owner_links WHERE hash = $1 AND expires_at > $2", hash, s.moment(at))
		if err == nil && taken == 0 {
			return chat.NotFound("owner link")
		}
		return err
	}))
}
