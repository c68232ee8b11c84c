package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-chat/parley/internal/chat"
)

// claimsOf reads a good token's claims so that each attack can bend one of them.
func claimsOf(t *testing.T, token string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestForgedTokensAreRefused(t *testing.T) {
	s := newService(t, newMemoryStore())
	g := register(t, s, "anna")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(method jwt.SigningMethod, key any, bend func(jwt.MapClaims, map[string]any)) string {
		claims := claimsOf(t, g.Access)
		token := jwt.NewWithClaims(method, claims)
		if bend != nil {
			bend(claims, token.Header)
		}
		signed, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	bent := func(bend func(jwt.MapClaims, map[string]any)) string {
		return sign(jwt.SigningMethodHS256, signingKey, bend)
	}
	without := func(name string) string {
		return bent(func(c jwt.MapClaims, _ map[string]any) { delete(c, name) })
	}
	with := func(name string, value any) string {
		return bent(func(c jwt.MapClaims, _ map[string]any) { c[name] = value })
	}
	parts := strings.Split(g.Access, ".")
	unsigned := func(alg string) string {
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"JWT"}`))
		return header + "." + parts[1] + "."
	}
	now := time.Now().Unix()
	for name, token := range map[string]string{
		"empty":                   "",
		"dots":                    "..",
		"rubbish":                 "rubbish",
		"alg none":                unsigned("none"),
		"alg None":                unsigned("None"),
		"alg NONE":                unsigned("NONE"),
		"alg nOnE":                unsigned("nOnE"),
		"alg missing":             base64.RawURLEncoding.EncodeToString([]byte(`{}`)) + "." + parts[1] + "." + parts[2],
		"no signature":            parts[0] + "." + parts[1] + ".",
		"signature cut":           g.Access[:len(g.Access)-4],
		"another key":             sign(jwt.SigningMethodHS256, otherKey, nil),
		"an empty key":            sign(jwt.SigningMethodHS256, []byte{}, nil),
		"HS384":                   sign(jwt.SigningMethodHS384, signingKey, nil),
		"HS512":                   sign(jwt.SigningMethodHS512, signingKey, nil),
		"RS256":                   sign(jwt.SigningMethodRS256, rsaKey, nil),
		"refresh as access":       g.Refresh,
		"expired":                 with("exp", now-31),
		"not yet":                 with("nbf", now+60),
		"issued in the future":    with("iat", now+660),
		"another audience":        with("aud", "parley:refresh"),
		"another issuer":          with("iss", "parley2"),
		"another typ":             with("typ", "refresh"),
		"a typ that is no text":   with("typ", 1),
		"no typ":                  without("typ"),
		"no iss":                  without("iss"),
		"no aud":                  without("aud"),
		"no exp":                  without("exp"),
		"no nbf":                  without("nbf"),
		"no iat":                  without("iat"),
		"no sub":                  without("sub"),
		"no sid":                  without("sid"),
		"no jti":                  without("jti"),
		"sub is no id":            with("sub", "' OR 1=1 --"),
		"sid is no id":            with("sid", "../../etc/passwd"),
		"exp is text":             with("exp", "tomorrow"),
		"megabytes":               strings.Repeat("a", 1<<20),
		"a megabyte of dots":      strings.Repeat(".", 1<<20),
		"more than 4 KiB":         with("padding", strings.Repeat("x", 5000)),
		"a jwk of another key":    sign(jwt.SigningMethodHS256, otherKey, func(_ jwt.MapClaims, h map[string]any) { h["jwk"] = map[string]string{"kty": "oct", "k": "b29v"} }),
		"a jku of another key":    sign(jwt.SigningMethodHS256, otherKey, func(_ jwt.MapClaims, h map[string]any) { h["jku"] = "http://127.0.0.1:1/keys" }),
		"a kid that is a path":    sign(jwt.SigningMethodHS256, []byte{}, func(_ jwt.MapClaims, h map[string]any) { h["kid"] = "../../dev/null" }),
		"a kid that is SQL":       sign(jwt.SigningMethodHS256, otherKey, func(_ jwt.MapClaims, h map[string]any) { h["kid"] = "x' UNION SELECT 'k" }),
		"padding in base64":       g.Access + "=",
		"a trailing part":         g.Access + ".x",
		"a space":                 " " + g.Access,
		"another person's claims": parts[0] + "." + strings.Split(with("sub", newID()), ".")[1] + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			who, err := s.Verify(token)
			if err == nil {
				t.Fatalf("it speaks for %s", who.User)
			}
			wantCode(t, err, chat.CodeAuthFailed)
		})
	}
	for name, token := range map[string]string{
		"what a kid, a jwk and a jku say is not asked": bent(func(_ jwt.MapClaims, h map[string]any) {
			h["kid"], h["jwk"], h["jku"] = "other", map[string]string{"k": "x"}, "http://127.0.0.1:1/keys"
		}),
		"an exp within the leeway": with("exp", now-20),
	} {
		if _, err := s.Verify(token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = s.Refresh(t.Context(), g.Access)
	wantCode(t, err, chat.CodeAuthFailed)
}
