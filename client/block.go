package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Block is somebody whom the person has blocked.
type Block struct {
	User  User      `json:"user"`
	Since time.Time `json:"since"`
}

// BlockPage is a page of those who are blocked, newest first.
type BlockPage struct {
	Blocks     []Block `json:"blocks"`
	NextCursor *string `json:"nextCursor"`
	HasMore    bool    `json:"hasMore"`
}

// Blocks pages through who is blocked. cursor is the NextCursor of the page before, "" for the first; limit is 1 to 100, 0
// for the server's default.
func (c *Client) Blocks(ctx context.Context, cursor string, limit int) (page BlockPage, err error) {
	err = c.do(ctx, http.MethodGet, "/api/blocks", pageQuery(cursor, limit), nil, &page)
	return page, err
}

// Block ends all that the two could do with each other alone: direct messages, presence, friendship, being found (C7.4).
func (c *Client) Block(ctx context.Context, user string) (b Block, err error) {
	err = c.do(ctx, http.MethodPost, "/api/blocks", nil, map[string]string{"userId": user}, &b)
	return b, err
}

// Unblock lifts that.
func (c *Client) Unblock(ctx context.Context, user string) error {
	return c.do(ctx, http.MethodDelete, "/api/blocks/"+url.PathEscape(user), nil, nil, nil)
}
