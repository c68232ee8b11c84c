package store

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

// CreateAccount stores a new person, or answers CodeConflict when the UsernameKey is taken, by an erased
// person too. With onlyFirst it answers CodeConflict when anybody exists already.
func (s *Store) CreateAccount(ctx context.Context, a auth.Account, onlyFirst bool) error {
	if err := s.writable(); err != nil {
		return err
	}
	err := s.db.write(ctx, func(x session) error {
		if onlyFirst {
			if err := s.expectNobody(ctx, x); err != nil {
				return err
			}
		}
		_, err := x.exec(ctx, `INSERT INTO users (id, username, username_key, display_name, display_key, email, password_hash, is_owner, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
			string(a.ID), a.Username, a.UsernameKey, a.DisplayName, searchKey(a.DisplayName), orNull(a.Email), a.PasswordHash, a.Owner, s.moment(a.CreatedAt))
		if err != nil {
			return err
		}
		// Asked after the insert: had the name been given up a moment ago, the insert waited for that.
		var taken bool
		if err := x.one(ctx, into(&taken), "SELECT EXISTS (SELECT 1 FROM users WHERE username_key = $1)", erasedKey(a.UsernameKey)); err != nil {
			return err
		}
		if taken {
			return nameTaken()
		}
		return nil
	})
	if duplicate(err) {
		return nameTaken()
	}
	return named(err)
}

func nameTaken() error {
	return &chat.Error{Code: chat.CodeConflict, Field: "username", Message: "This username is taken."}
}

// expectNobody answers CodeConflict when anybody has registered, and keeps others from registering until the
// transaction ends.
func (s *Store) expectNobody(ctx context.Context, x session) error {
	if s.lockUsers != "" {
		if _, err := x.exec(ctx, s.lockUsers); err != nil {
			return err
		}
	}
	somebody, err := s.hasAccounts(ctx, x)
	if err == nil && somebody {
		return &chat.Error{Code: chat.CodeConflict, Message: "Somebody has registered here already."}
	}
	return err
}

// HasAccounts reports whether anybody has registered yet, erased people included.
func (s *Store) HasAccounts(ctx context.Context) (bool, error) {
	somebody, err := s.hasAccounts(ctx, s.db.reader())
	return somebody, named(err)
}

func (s *Store) hasAccounts(ctx context.Context, x session) (somebody bool, err error) {
	err = x.one(ctx, into(&somebody), "SELECT EXISTS (SELECT 1 FROM users)")
	return somebody, err
}

const accountColumns = ", u.username_key, u.email, u.password_hash, u.is_owner FROM users u WHERE u.deleted_at IS NULL AND "

func (s *Store) account(ctx context.Context, where string, arg string) (auth.Account, error) {
	var a auth.Account
	err := s.db.reader().one(ctx, into(append(userInto(&a.User), &a.UsernameKey, text(&a.Email), &a.PasswordHash, &a.Owner)...),
		"SELECT "+userColumns("u")+accountColumns+where, arg)
	return a, found(err, "person")
}

// AccountByName finds by UsernameKey, or CodeNotFound. Erased people are not found.
func (s *Store) AccountByName(ctx context.Context, usernameKey string) (auth.Account, error) {
	return s.account(ctx, "u.username_key = $1", usernameKey)
}

// Account finds by id, or CodeNotFound. Erased people are not found.
func (s *Store) Account(ctx context.Context, id chat.UserID) (auth.Account, error) {
	return s.account(ctx, "u.id = $1", string(id))
}

// SetPassword replaces the password and ends every login of the person, which it returns. CodeNotFound when
// the person does not exist or was erased.
func (s *Store) SetPassword(ctx context.Context, id chat.UserID, hash string, at time.Time) ([]auth.EndedLogin, error) {
	var ended []auth.EndedLogin
	err := s.db.write(ctx, func(x session) error {
		changed, err := x.exec(ctx, "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL", string(id), hash, s.moment(at))
		if err != nil {
			return err
		}
		if changed == 0 {
			return chat.NotFound("person")
		}
		ended, err = s.endLogins(ctx, x, id, at)
		return err
	})
	return ended, named(err)
}
