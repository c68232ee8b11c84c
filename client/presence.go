package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What a person's presence is (C7.1).
const (
	StatusOnline    = "online"
	StatusAway      = "away"      // connected, without activity for 5 minutes
	StatusOffline   = "offline"   // not connected for 30 s, signed out, or nobody of whom the person may know anything
	StatusInvisible = "invisible" // told to the person alone: to all others they are offline
)

// Presence is what the person may know of another's, or of their own.
type Presence struct {
	UserID     string     `json:"userId"`
	Status     string     `json:"status"`     // online, away, offline or invisible
	LastSeenAt *time.Time `json:"lastSeenAt"` // of somebody who is offline; nil when that is not known or not to be known
	Device     string     `json:"device"`     // mobile or desktop, the one that was active last; "" when it is not known
}

// Heartbeat says whether the person is active on this device: [StatusOnline] or [StatusAway]. That the device lives needs
// no saying, the connection answers the server's pings; after 5 minutes without a heartbeat of [StatusOnline] or another
// activity the server has it away (C7.1). [StatusAway] is said again after each connect.
func (l *Live) Heartbeat(status string) {
	l.ask(func() {
		l.idle = status == StatusAway
		l.whileSignedIn(command{Type: "presence:heartbeat", Status: status})
	})
}

// SetPresence makes the person invisible on all devices ([StatusInvisible]), or visible again, this device being
// [StatusOnline] or [StatusAway]. What comes of it is handed over as [PresenceChanged] of the person themselves. Without a
// connection nothing happens; [Client.UpdateMe] answers in every case.
func (l *Live) SetPresence(status string) {
	l.ask(func() {
		if !l.signedIn {
			return
		}
		l.idle = status == StatusAway
		l.out.command(command{Type: "presence:set", Status: status})
	})
}

// SubscribePresence follows the presence of people, at most 1,000 in all, until [Live.UnsubscribePresence]: the server
// remembers it for all of the person's devices. A [PresenceState] of those named answers it. Following never shows more
// than those people let be known (C7.4). Without a connection nothing happens.
func (l *Live) SubscribePresence(users ...string) {
	l.command(command{Type: "presence:subscribe", UserIDs: users})
}

// UnsubscribePresence ends that. Who is watched for another reason, as friends are, stays so. A [PresenceState] of those
// named answers it.
func (l *Live) UnsubscribePresence(users ...string) {
	l.command(command{Type: "presence:unsubscribe", UserIDs: users})
}

// Presences returns what the person may know of others, 1 to 100 of them, in the order in which they are named.
func (c *Client) Presences(ctx context.Context, users ...string) ([]Presence, error) {
	var answer struct {
		Presences []Presence `json:"presences"`
	}
	err := c.do(ctx, http.MethodGet, "/api/presence", url.Values{"userIds": {strings.Join(users, ",")}}, nil, &answer)
	return answer.Presences, err
}

// FollowedPresences returns whose presence the person follows ([Live.SubscribePresence], [Client.FollowPresence]), in order
// of username.
func (c *Client) FollowedPresences(ctx context.Context) ([]User, error) {
	var answer struct {
		Users []User `json:"users"`
	}
	err := c.do(ctx, http.MethodGet, "/api/presence/subscriptions", nil, nil, &answer)
	return answer.Users, err
}

// FollowPresence follows somebody's presence, as [Live.SubscribePresence] does.
func (c *Client) FollowPresence(ctx context.Context, user string) error {
	return c.do(ctx, http.MethodPut, "/api/presence/subscriptions/"+url.PathEscape(user), nil, nil, nil)
}

// UnfollowPresence ends that.
func (c *Client) UnfollowPresence(ctx context.Context, user string) error {
	return c.do(ctx, http.MethodDelete, "/api/presence/subscriptions/"+url.PathEscape(user), nil, nil, nil)
}
