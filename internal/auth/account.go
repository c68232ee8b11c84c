package auth

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// MinUsername and MaxUsername bound a username in Unicode code points (C9).
	MinUsername = 3
	MaxUsername = 32
	// ownerLinkTTL is how long an owner link can be used (C8.8).
	ownerLinkTTL = 30 * time.Minute
)

// CheckUsername holds the rule for usernames, 3 to 32 letters, digits, "_", "." and "-", and returns
// the name in NFKC, as it is stored and shown.
func CheckUsername(name string) (string, error) {
	// NFKC lengthens a character to at most 18 (the ligature U+FDFA); far longer input is not worth it.
	if len(name) <= 18*4*MaxUsername && utf8.ValidString(name) {
		name = norm.NFKC.String(name)
		if n := utf8.RuneCountInString(name); n >= MinUsername && n <= MaxUsername && strings.IndexFunc(name, strange) < 0 {
			return name, nil
		}
	}
	return "", chat.Invalid("username", "A username has %d to %d letters, digits, \"_\", \".\" or \"-\".", MinUsername, MaxUsername)
}

func strange(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-", r)
}

// UsernameKey is what a name is unique by: NFKC without regard to case (C9). A name that breaks the rule
// has the key "", which nobody has.
func UsernameKey(name string) string {
	name, err := CheckUsername(name)
	if err != nil {
		return ""
	}
	return norm.NFKC.String(cases.Fold().String(name))
}

// NewAccount is what an account starts as.
type NewAccount struct {
	Username    string
	Password    string
	DisplayName string // "" is read as the username
	Email       string // "" for none
	Owner       bool
	// OnlyFirst answers CONFLICT when anybody exists already.
	OnlyFirst bool
}

// CreateAccount makes an account, whatever the registration rule says: for operators and examples.
// CONFLICT when the name is taken.
func (s *Service) CreateAccount(ctx context.Context, n NewAccount) (Account, error) {
	a, password, err := s.draft(n)
	if err != nil {
		return Account{}, err
	}
	// Hashing is the expensive part, so a name that is taken is refused before it. The store decides.
	switch _, err := s.store.AccountByName(ctx, a.UsernameKey); {
	case err == nil:
		return Account{}, taken()
	case chat.AsError(err).Code != chat.CodeNotFound:
		return Account{}, err
	}
	if a.PasswordHash, err = s.hasher.hash(ctx, password); err != nil {
		return Account{}, err
	}
	if err := s.store.CreateAccount(ctx, a, n.OnlyFirst); err != nil {
		if chat.AsError(err).Code == chat.CodeConflict && !n.OnlyFirst {
			err = taken()
		}
		return Account{}, err
	}
	return a, nil
}

func taken() *chat.Error {
	return &chat.Error{Code: chat.CodeConflict, Field: "username", Message: "This username is taken."}
}

// draft checks what an account is made of.
func (s *Service) draft(n NewAccount) (a Account, password string, err error) {
	if n.Username, err = CheckUsername(n.Username); err != nil {
		return Account{}, "", err
	}
	if password, err = CheckPassword(n.Password); err != nil {
		return Account{}, "", err
	}
	if n.DisplayName == "" {
		n.DisplayName = n.Username
	}
	if n.DisplayName, err = chat.CheckDisplayName(n.DisplayName); err != nil {
		return Account{}, "", err
	}
	if n.Email != "" {
		if err := chat.CheckEmail(n.Email); err != nil {
			return Account{}, "", err
		}
	}
	return Account{
		User: chat.User{
			ID: chat.UserID(s.cfg.NewID()), Username: n.Username, DisplayName: n.DisplayName, CreatedAt: now(),
		},
		UsernameKey: UsernameKey(n.Username), Email: n.Email, Owner: n.Owner,
	}, password, nil
}

// Register makes an account for whoever asks and signs the device in. FORBIDDEN when registration is
// closed, CONFLICT when the name is taken.
func (s *Service) Register(ctx context.Context, n NewAccount, userAgent string) (Grant, error) {
	g, err := s.register(ctx, n, userAgent)
	s.counters.making(err)
	return g, err
}

func (s *Service) register(ctx context.Context, n NewAccount, userAgent string) (Grant, error) {
	if s.cfg.Registration != RegistrationOpen {
		return Grant{}, chat.Forbidden("Registration is closed on this server.")
	}
	n.Owner, n.OnlyFirst = false, false
	a, err := s.CreateAccount(ctx, n)
	if err != nil {
		return Grant{}, err
	}
	return s.begin(ctx, a.ID, userAgent)
}

// OwnerLink makes the token of a one-time owner link, valid for 30 minutes; the one before is void.
func (s *Service) OwnerLink(ctx context.Context) (token string, expires time.Time, err error) {
	token, expires = rand.Text(), now().Add(ownerLinkTTL)
	return token, expires, s.store.PutOwnerLink(ctx, hashOf(token), expires)
}

// RegisterOwner spends an owner link for an account that runs the server and signs the device in. A
// link that is spent, replaced or expired is AUTH_FAILED. It works when registration is closed.
func (s *Service) RegisterOwner(ctx context.Context, link string, n NewAccount, userAgent string) (Grant, error) {
	// What is wrong with the account is said before the link is spent.
	draft, _, err := s.draft(n)
	if err != nil {
		return Grant{}, err
	}
	if _, err := s.store.AccountByName(ctx, draft.UsernameKey); err == nil {
		return Grant{}, taken()
	}
	if err := s.store.TakeOwnerLink(ctx, hashOf(link), now()); err != nil {
		if chat.AsError(err).Code == chat.CodeNotFound {
			err = &chat.Error{Code: chat.CodeAuthFailed, Message: "This owner link was used, replaced or has expired."}
		}
		return Grant{}, err
	}
	n.Owner, n.OnlyFirst = true, false
	a, err := s.CreateAccount(ctx, n)
	if err != nil {
		return Grant{}, err
	}
	return s.begin(ctx, a.ID, userAgent)
}

// SetPassword gives the person with this name a new password and ends all their logins. NOT_FOUND when
// there is no such person.
func (s *Service) SetPassword(ctx context.Context, username, password string) error {
	password, err := CheckPassword(password)
	if err != nil {
		return err
	}
	a, err := s.store.AccountByName(ctx, UsernameKey(username))
	if err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	ended, err := s.store.SetPassword(ctx, a.ID, hash, now())
	for _, e := range ended {
		s.ended.end(ctx, e)
	}
	return err
}

// HasAccounts reports whether anybody has registered yet.
func (s *Service) HasAccounts(ctx context.Context) (bool, error) { return s.store.HasAccounts(ctx) }
