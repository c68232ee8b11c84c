package httpapi

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const (
	slotHeader    = "Parley-Slot"
	refreshCookie = "refresh"
	cookiePath    = "/api/auth"
)

// InSlot keeps a login apart from others in the same browser, whose windows share their cookies: the demo
// has two people in two windows (C8.8).
type InSlot struct {
	Slot string `header:"Parley-Slot" pattern:"^[a-z0-9_-]{1,32}$" doc:"Keeps this login beside others in the same browser: its refresh token is in the cookie refresh_<slot> instead of refresh." example:"bob"`
}

// Resolve refuses what the pattern cannot: huma takes an empty header for none and the first of many.
func (s *InSlot) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	if values := r.Header.Values(slotHeader); len(values) > 1 || (len(values) == 1 && values[0] == "") {
		return []error{&huma.ErrorDetail{Location: "header." + slotHeader, Message: "One slot of 1 to 32 of a-z, 0-9, _ and -."}}
	}
	return nil
}

// cookieName is where the refresh token of the slot is.
func (s *InSlot) cookieName() string {
	if s.Slot == "" {
		return refreshCookie
	}
	return refreshCookie + "_" + s.Slot
}

// cookie makes the refresh cookie of a slot; with "" it removes it.
func (a *api) cookie(in InSlot, token string, expires time.Time) http.Cookie {
	c := http.Cookie{
		Name: in.cookieName(), Value: token, Path: cookiePath, HttpOnly: true, Secure: !a.cfg.InsecureCookie,
		SameSite: http.SameSiteStrictMode, Expires: expires, MaxAge: int(time.Until(expires) / time.Second),
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}
