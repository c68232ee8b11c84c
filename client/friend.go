package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Friend is somebody on the own list of friends and requests.
type Friend struct {
	User   User      `json:"user"`
	Status string    `json:"status"` // outgoing, incoming or friends
	Since  time.Time `json:"since"`  // of the request, or of its being accepted
}

// FriendPage is a page of friends and requests, newest first.
type FriendPage struct {
	Friends    []Friend `json:"friends"`
	NextCursor *string  `json:"nextCursor"`
	HasMore    bool     `json:"hasMore"`
}

// Friends pages through friends and requests. cursor is the NextCursor of the page before, "" for the first; limit is 1 to
// 100, 0 for the server's default.
func (c *Client) Friends(ctx context.Context, cursor string, limit int) (page FriendPage, err error) {
	err = c.do(ctx, http.MethodGet, "/api/friends", pageQuery(cursor, limit), nil, &page)
	return page, err
}

// Befriend asks somebody for friendship, or accepts it when they asked before. It returns how the person stands to them
// then. [CodeNotFound] when they do not exist, or one has blocked the other.
func (c *Client) Befriend(ctx context.Context, user string) (f Friend, err error) {
	err = c.do(ctx, http.MethodPost, "/api/friends", nil, map[string]string{"userId": user}, &f)
	return f, err
}

// AcceptFriend accepts a request; [CodeNotFound] when there is none.
func (c *Client) AcceptFriend(ctx context.Context, user string) (f Friend, err error) {
	err = c.do(ctx, http.MethodPost, "/api/friends/"+url.PathEscape(user)+"/accept", nil, nil, &f)
	return f, err
}

// Unfriend ends a friendship, or withdraws or declines a request.
func (c *Client) Unfriend(ctx context.Context, user string) error {
	return c.do(ctx, http.MethodDelete, "/api/friends/"+url.PathEscape(user), nil, nil, nil)
}
