package client

import (
	"context"
	"net/http"
	"time"
)

// ReadCount is how many people other than its sender have read a message.
type ReadCount struct {
	MessageID string `json:"messageId"`
	ReadCount int64  `json:"readCount"`
}

// Reader is somebody who has read a message, and when.
type Reader struct {
	User   User      `json:"user"`
	ReadAt time.Time `json:"readAt"`
}

// ReaderPage is a page of those who have read a message, in the order in which they did (ties by user id). ReadCount
// is how many they are, on all pages together.
type ReaderPage struct {
	Receipts   []Reader `json:"receipts"`
	ReadCount  int64    `json:"readCount"`
	NextCursor *string  `json:"nextCursor"`
	HasMore    bool     `json:"hasMore"`
}

// MarkRead moves the own read position forward to a message (C6.1). An older one leaves it where it is.
func (c *Client) MarkRead(ctx context.Context, id, message string) (state ReadState, err error) {
	err = c.do(ctx, http.MethodPost, conversationPath(id, "read"), nil, map[string]string{"messageId": message}, &state)
	return state, err
}

// Readers pages through who has read a message and lets others know (C6.3, C6.6), without its sender. cursor is the
// NextCursor of the page before, "" for the first; limit is 1 to 100, 0 for the server's default.
func (c *Client) Readers(ctx context.Context, id, message, cursor string, limit int) (page ReaderPage, err error) {
	err = c.do(ctx, http.MethodGet, conversationPath(id, "messages", message, "receipts"), pageQuery(cursor, limit), nil, &page)
	return page, err
}
