package client

import (
	"context"
	"net/http"
	"net/url"
)

// ProfileEdit changes what it names and leaves the rest.
type ProfileEdit struct {
	DisplayName         *string `json:"displayName,omitempty"`
	Email               *string `json:"email,omitempty"` // "" removes it
	ReadReceiptsEnabled *bool   `json:"readReceiptsEnabled,omitempty"`
	PresenceEnabled     *bool   `json:"presenceEnabled,omitempty"`
	PresenceSharing     *string `json:"presenceSharing,omitempty"`   // everyone, friends or nobody
	PresenceInvisible   *bool   `json:"presenceInvisible,omitempty"` // on all devices; as [Live.SetPresence] does
}

// Me returns the own account.
func (c *Client) Me(ctx context.Context) (me Me, err error) {
	err = c.do(ctx, http.MethodGet, "/api/users/me", nil, nil, &me)
	return me, err
}

// UpdateMe changes the own profile and privacy settings and returns the account after it.
func (c *Client) UpdateMe(ctx context.Context, e ProfileEdit) (me Me, err error) {
	err = c.do(ctx, http.MethodPatch, "/api/users/me", nil, e, &me)
	return me, err
}

// SearchUsers finds at most 20 people whose username or display name starts with q, which has 2
// characters or more (C5.10).
func (c *Client) SearchUsers(ctx context.Context, q string) ([]User, error) {
	var answer struct {
		Users []User `json:"users"`
	}
	err := c.do(ctx, http.MethodGet, "/api/users/search", url.Values{"q": {q}}, nil, &answer)
	return answer.Users, err
}
