package auth

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Account is a person with what they sign in with.
type Account struct {
	chat.User
	// UsernameKey is the username after NFKC and case folding: two names with one key are the same.
	UsernameKey  string
	Email        string // "" when none
	PasswordHash string // argon2id in PHC form; "" when the account cannot sign in by password
	// Owner marks who runs this server.
	Owner bool
}

// Login is one signed-in device: a family of refresh tokens that replace each other (C5.7).
type Login struct {
	ID        chat.LoginID
	User      chat.UserID
	CreatedAt time.Time
	UserAgent string // as sent, cut to 200 bytes; "" when unknown
}

// RefreshToken is what the store keeps of a refresh token: never the token itself.
type RefreshToken struct {
	Hash      []byte // SHA-256 of the token's jti, which nobody can guess
	Login     chat.LoginID
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// RotationResult tells what became of a presented refresh token.
type RotationResult uint8

const (
	// Rotated: the token was fresh, is spent now, and the successor is stored.
	Rotated RotationResult = iota + 1
	// Graced: it was spent less than the grace period ago; UsedAt says when. Its successor, made from
	// the same inputs, is the one to hand out again (two tabs, a lost answer).
	Graced
	// Reused: it was spent before that. The whole login has been ended in the same step.
	Reused
	// Unknown: there is no such token, it has expired, or its login has ended.
	Unknown
)

// Rotation is the store's answer to a presented refresh token.
type Rotation struct {
	Result RotationResult
	Login  Login
	// UsedAt is when the token was spent: now for Rotated, the first use for Graced. The successor's
	// IssuedAt is this time.
	UsedAt time.Time
	// Superseded says, with Graced, that the successor was spent too.
	Superseded bool
}

// EndedLogin is a login that ended: its access tokens and sockets must go.
type EndedLogin struct {
	ID      chat.LoginID
	User    chat.UserID
	EndedAt time.Time
}

// Store keeps accounts and logins. Methods are atomic steps as chat.Store's are, with the same errors.
type Store interface {
	// CreateAccount stores a new person, or answers CodeConflict when the UsernameKey is taken, by an
	// erased person too. With onlyFirst it answers CodeConflict when anybody exists already.
	CreateAccount(ctx context.Context, a Account, onlyFirst bool) error
	// AccountByName finds by UsernameKey, or CodeNotFound. Erased people are not found.
	AccountByName(ctx context.Context, usernameKey string) (Account, error)
	// Account finds by id, or CodeNotFound. Erased people are not found.
	Account(ctx context.Context, id chat.UserID) (Account, error)
	// HasAccounts reports whether anybody has registered yet.
	HasAccounts(ctx context.Context) (bool, error)
	// SetPassword replaces the password and ends every login of the person, which it returns.
	SetPassword(ctx context.Context, id chat.UserID, hash string, now time.Time) ([]EndedLogin, error)

	// BeginLogin stores a login with its first refresh token.
	BeginLogin(ctx context.Context, l Login, first RefreshToken) error
	// Now is the time by which refresh tokens are judged, the same on all nodes whatever their clocks say. It is
	// asked for before each rotation.
	Now(ctx context.Context) (time.Time, error)
	// RotateRefresh spends the token with the hash presented and stores the token that next makes for the
	// login found, in one transaction that two rotations of one token cannot both win. grace is how long
	// after its first use a spent token is still answered with Graced.
	RotateRefresh(ctx context.Context, presented []byte, now time.Time, grace time.Duration, next func(Login) RefreshToken) (Rotation, error)
	// EndLogin ends one login. Ending an ended or unknown one does nothing.
	EndLogin(ctx context.Context, id chat.LoginID, now time.Time) error
	// EndLogins ends every login of a person and returns those that were live.
	EndLogins(ctx context.Context, u chat.UserID, now time.Time) ([]EndedLogin, error)
	// EndedLogins returns the logins that ended at or after since.
	EndedLogins(ctx context.Context, since time.Time) ([]EndedLogin, error)
	// PruneLogins deletes logins and refresh tokens that ended or expired before the time given.
	PruneLogins(ctx context.Context, before time.Time) error

	// PutOwnerLink stores the hash of a one-time owner link, replacing the one before; TakeOwnerLink
	// spends it, or answers CodeNotFound when it is not that one, spent or expired (C8.8).
	PutOwnerLink(ctx context.Context, hash []byte, expires time.Time) error
	TakeOwnerLink(ctx context.Context, hash []byte, now time.Time) error
}
