package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	issuer = "parley"
	// maxToken is the longest token in bytes that is looked at; ours have about 350.
	maxToken = 4096
	// leeway is how long a token that has run out is still accepted: it was good when it was sent.
	leeway = 30 * time.Second
	// apart is how far the clocks of two nodes may differ. A token of a node that is ahead is good at once on
	// one that is behind: whoever signed in at the one and is sent to the other must not be signed out.
	apart = 10 * time.Minute
)

// use says what a token is for. It stands in the typ claim and, again, in the audience.
type use string

const (
	useAccess  use = "access"
	useRefresh use = "refresh"
)

func (u use) audience() string { return "parley:" + string(u) }

// claims is what a token says. Field order is wire order: a successor made again is the same token.
type claims struct {
	Use   use    `json:"typ"`
	Login string `json:"sid"`
	jwt.RegisteredClaims
}

func (c *claims) login() chat.LoginID { return chat.LoginID(c.Login) }
func (c *claims) user() chat.UserID   { return chat.UserID(c.Subject) }

type key []byte

func newClaims(u use, l Login, id string, issued time.Time, ttl time.Duration) *claims {
	issued = issued.Truncate(time.Second)
	return &claims{Use: u, Login: string(l.ID), RegisteredClaims: jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{u.audience()}, Subject: string(l.User), ID: id,
		IssuedAt: jwt.NewNumericDate(issued), NotBefore: jwt.NewNumericDate(issued.Add(-apart)),
		ExpiresAt: jwt.NewNumericDate(issued.Add(ttl)),
	}}
}

func (k key) sign(c *claims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(k))
}

// newTokenID makes the id of a token that succeeds none: 128 random bits and more.
func newTokenID() string { return rand.Text() }

// successor is the id of the token that replaces the one with this id: the same however often it is
// asked for, and unknown to whoever lacks the key.
func (k key) successor(id string) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte("parley refresh successor\n" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func hashOf(tokenID string) []byte {
	sum := sha256.Sum256([]byte(tokenID))
	return sum[:]
}

// parse verifies a token for one use and returns its claims and the key that verified it. Which key
// and algorithm are tried is our choice alone; the token's header has no say (RFC 8725 §3.1).
func (s *Service) parse(token string, u use) (*claims, key, error) {
	if len(token) > maxToken {
		return nil, nil, notAccepted(errors.New("token is too long"))
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithStrictDecoding(),
		jwt.WithIssuer(issuer), jwt.WithAudience(u.audience()), jwt.WithLeeway(leeway),
		jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(),
	)
	var err error
	for _, k := range s.keys {
		var c claims
		_, err = parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return []byte(k), nil })
		if errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			continue
		}
		if err == nil {
			err = c.check(u)
		}
		if err != nil {
			break
		}
		return &c, k, nil
	}
	return nil, nil, notAccepted(err)
}

// check demands what the parser leaves open.
func (c *claims) check(u use) error {
	switch {
	case c.Use != u:
		return errors.New("token is for another use")
	case c.IssuedAt == nil:
		return errors.New("token has no iat")
	case c.IssuedAt.After(now().Add(apart)):
		return errors.New("token was issued in the future")
	case !chat.ValidID(c.Subject) || !chat.ValidID(c.Login):
		return errors.New("token has no sub or sid")
	case c.ID == "":
		return errors.New("token has no jti")
	}
	return nil
}

func notAccepted(err error) *chat.Error {
	message := "The token is not valid. Sign in again."
	if errors.Is(err, jwt.ErrTokenExpired) {
		message = "The token has expired."
	}
	return &chat.Error{Code: chat.CodeAuthFailed, Message: message, Err: err}
}
