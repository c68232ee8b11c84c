package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

// Draft is a message on its way.
type Draft struct {
	ConversationID string
	Content        string // 1 to 4,000 code points (C2.5)
	// ClientMessageID is the key under which it is stored exactly once, for ever (C2.3): 1 to 64
	// printable ASCII characters. "" makes a new one.
	ClientMessageID string
}

// NewClientMessageID makes a key for a draft: 128 random bits or more.
func NewClientMessageID() string { return rand.Text() }

// HistoryQuery asks for a page of history.
type HistoryQuery struct {
	Cursor string // NextCursor of the page before; "" for the first
	Limit  int    // 1 to 100; 0 for the server's default
	Newer  bool   // page forward, oldest first; otherwise newest first
	Around string // a message's id: the page that has it in the middle; without Cursor and Newer
}

// MessagePage is a page of history, tombstones included.
type MessagePage struct {
	Messages   []Message `json:"messages"`
	NextCursor *string   `json:"nextCursor"`
	HasMore    bool      `json:"hasMore"`
}

// ChangePage is what changed past a rev, in order of rev (C3.3): a difference of states, in which a
// message that changed several times appears once, at its last rev.
type ChangePage struct {
	Changes []Event
	LastRev int64 // where the conversation stood when the page was read
	HasMore bool
}

// Messages reads a page of history.
func (c *Client) Messages(ctx context.Context, conversation string, h HistoryQuery) (page MessagePage, err error) {
	q := pageQuery(h.Cursor, h.Limit)
	if h.Newer {
		q.Set("direction", "newer")
	}
	if h.Around != "" {
		q.Set("around", h.Around)
	}
	err = c.do(ctx, http.MethodGet, conversationPath(conversation, "messages"), q, nil, &page)
	return page, err
}

// SendMessage stores a message over REST, on the same path and with the same promise as [Live.Send].
// An error that leaves open whether it was stored has Outcome [Unknown].
func (c *Client) SendMessage(ctx context.Context, d Draft) (m Message, err error) {
	if d.ClientMessageID == "" {
		d.ClientMessageID = NewClientMessageID()
	}
	body := map[string]string{"content": d.Content, "clientMessageId": d.ClientMessageID, "contentType": "text"}
	err = c.do(ctx, http.MethodPost, conversationPath(d.ConversationID, "messages"), nil, body, &m)
	var e *Error
	if errors.As(err, &e) && e.Outcome == "" {
		e.Outcome = Rejected
		if e.Code == CodeNetwork || e.Status >= 500 {
			e.Outcome = Unknown
		}
	}
	return m, err
}

// EditMessage replaces the content of an own message.
func (c *Client) EditMessage(ctx context.Context, conversation, message, content string) (m Message, err error) {
	err = c.do(ctx, http.MethodPatch, conversationPath(conversation, "messages", message), nil, map[string]string{"content": content}, &m)
	return m, err
}

// DeleteMessage leaves a tombstone of an own message, or of any as a group's owner or admin.
func (c *Client) DeleteMessage(ctx context.Context, conversation, message string) error {
	return c.do(ctx, http.MethodDelete, conversationPath(conversation, "messages", message), nil, nil, nil)
}

// Changes reads what changed past afterRev; limit is 1 to 100, 0 for the server's default.
func (c *Client) Changes(ctx context.Context, conversation string, afterRev int64, limit int) (ChangePage, error) {
	var answer struct {
		Changes []json.RawMessage `json:"changes"`
		LastRev int64             `json:"lastRev"`
		HasMore bool              `json:"hasMore"`
	}
	q := pageQuery("", limit)
	q.Set("afterRev", strconv.FormatInt(afterRev, 10))
	if err := c.do(ctx, http.MethodGet, conversationPath(conversation, "changes"), q, nil, &answer); err != nil {
		return ChangePage{}, err
	}
	page := ChangePage{LastRev: answer.LastRev, HasMore: answer.HasMore}
	for _, text := range answer.Changes {
		f, err := decodeFrame(text)
		if err != nil {
			return ChangePage{}, &Error{Code: CodeInternal, Message: "The answer is not what was expected.", Err: err}
		}
		if e := f.event(); e != nil {
			page.Changes = append(page.Changes, e)
		}
	}
	return page, nil
}
