package auth

import (
	"context"
	"crypto/rand"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// MinPassword and MaxPassword bound a password in Unicode code points (C5.7).
	MinPassword = 8
	MaxPassword = 256
	// waitersPerHasher bounds who waits for a hasher: at about 30 ms a hash the last one waits a second.
	waitersPerHasher = 32
)

// hashing is what OWASP's password storage guide asks of argon2id at the least: 19 MiB, 2 passes, 1 lane.
var hashing = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// CheckPassword holds the rule for passwords, 8 to 256 code points of valid UTF-8, and returns the form
// that is hashed: NFC, so that a keyboard that composes letters differently types the same password.
func CheckPassword(password string) (string, error) {
	if n := utf8.RuneCountInString(password); n < MinPassword || n > MaxPassword || !utf8.ValidString(password) {
		return "", chat.Invalid("password", "A password has %d to %d characters.", MinPassword, MaxPassword)
	}
	return norm.NFC.String(password), nil
}

// hasher hashes passwords, a few at a time: each hash takes 19 MiB and a core, so a crowd at the login
// would otherwise take the machine from those who chat.
type hasher struct {
	slots   chan struct{} // holds one token for each hash under way
	line    chan struct{} // and one for each caller who waits
	dummy   string        // hash of a password that nobody has
	compare func(password, hash string) (bool, error)
}

func newHasher(atOnce int) (*hasher, error) {
	dummy, err := argon2id.CreateHash(rand.Text(), hashing)
	if err != nil {
		return nil, err
	}
	return &hasher{
		slots: make(chan struct{}, atOnce), line: make(chan struct{}, atOnce*waitersPerHasher),
		dummy: dummy, compare: argon2id.ComparePasswordAndHash,
	}, nil
}

// hash makes the PHC form of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return argon2id.CreateHash(password, hashing)
}

// matches compares a password with a hash; with "" it takes as long and answers false.
func (h *hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	if hash == "" {
		_, err := h.compare(password, h.dummy)
		return false, err
	}
	return h.compare(password, hash)
}

func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case h.line <- struct{}{}:
		defer func() { <-h.line }()
	default:
		return crowded()
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return crowded()
	}
}

func (h *hasher) leave() { <-h.slots }

func crowded() *chat.Error {
	return &chat.Error{
		Code: chat.CodeRateLimited, Message: "Too many people are signing in at this moment.", RetryAfter: time.Second,
	}
}
