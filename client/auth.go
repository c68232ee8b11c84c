package client

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// renewBefore is how long before its end an access token is replaced.
const renewBefore = 30 * time.Second

// Registration is a new account. Usernames have 3 to 32 letters, digits, "_", "." or "-"; passwords 8
// to 256 characters (C5.7, C9).
type Registration struct {
	Username    string `json:"username"`
	Password    string `json:"password"`
	DisplayName string `json:"displayName,omitempty"`
	Email       string `json:"email,omitempty"`
}

type signedIn struct {
	User        User   `json:"user"`
	AccessToken string `json:"accessToken"`
	ExpiresIn   int64  `json:"expiresIn"` // seconds
}

// Register makes an account and signs in. [CodeConflict] when the name is taken.
func (c *Client) Register(ctx context.Context, r Registration) (User, error) {
	return c.signIn(ctx, "/api/auth/register", r)
}

// Login signs in. An unknown name and a wrong password answer alike (C5.8).
func (c *Client) Login(ctx context.Context, username, password string) (User, error) {
	return c.signIn(ctx, "/api/auth/login", map[string]string{"username": username, "password": password})
}

func (c *Client) signIn(ctx context.Context, path string, body any) (User, error) {
	var answer signedIn
	if _, err := c.request(ctx, http.MethodPost, path, nil, "", body, &answer); err != nil {
		return User{}, err
	}
	c.keep(answer)
	return answer.User, nil
}

// Refresh replaces the access token by means of the refresh cookie. Requests and live connections do it
// by themselves when it is due.
func (c *Client) Refresh(ctx context.Context) error {
	c.mu.Lock()
	stale := c.token.text
	c.mu.Unlock()
	_, err := c.renew(ctx, stale)
	return err
}

// Logout ends this login: its sockets close and its tokens are refused from now on.
func (c *Client) Logout(ctx context.Context) error {
	c.mu.Lock()
	bearer := c.token.text
	c.mu.Unlock()
	_, err := c.request(ctx, http.MethodPost, "/api/auth/logout", nil, bearer, nil, nil)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.token = token{}
	clear(c.cookies)
	c.mu.Unlock()
	return nil
}

// AccessToken returns the token that requests carry, replaced first when it is about to run out. It is
// "" before the sign-in.
func (c *Client) AccessToken(ctx context.Context) (string, error) {
	c.mu.Lock()
	t, renewable := c.token, len(c.cookies) > 0
	c.mu.Unlock()
	if renewable && (t.text == "" || !t.expires.IsZero() && time.Until(t.expires) < renewBefore) {
		return c.renew(ctx, t.text)
	}
	return t.text, nil
}

// renew replaces the token stale, unless somebody else just did.
func (c *Client) renew(ctx context.Context, stale string) (string, error) {
	c.renewing.Lock()
	defer c.renewing.Unlock()
	c.mu.Lock()
	current := c.token.text
	c.mu.Unlock()
	if current != stale {
		return current, nil
	}
	if !c.renewable() {
		return "", &Error{Code: CodeUnauthorized, Message: "There is no refresh cookie; sign in again."}
	}
	var answer signedIn
	if _, err := c.request(ctx, http.MethodPost, "/api/auth/refresh", nil, "", nil, &answer); err != nil {
		return "", err
	}
	c.keep(answer)
	return answer.AccessToken, nil
}

func (c *Client) keep(s signedIn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token{text: s.AccessToken, expires: time.Now().Add(time.Duration(s.ExpiresIn) * time.Second)}
}

func (c *Client) renewable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.cookies) > 0
}

// addCookies sends the refresh cookie, which a jar would keep back from http://localhost because it is
// marked Secure. It only ever goes to the paths and the server that set it.
func (c *Client) addCookies(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, value := range c.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
}

func (c *Client) keepCookies(answer *http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cookie := range answer.Cookies() {
		if cookie.MaxAge < 0 || cookie.Value == "" {
			delete(c.cookies, cookie.Name)
		} else {
			c.cookies[cookie.Name] = cookie.Value
		}
	}
}

// refused reports whether err says that the login itself is no good, so that trying again is useless.
func refused(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code == CodeAuthFailed || e.Code == CodeUnauthorized || e.Code == CodeForbidden
}
