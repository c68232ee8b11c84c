package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// NewConversation is what a conversation starts as.
type NewConversation struct {
	Type           string   `json:"type"` // direct or group
	ParticipantIDs []string `json:"participantIds"`
	Title          string   `json:"title,omitempty"` // only of a group
}

// ConversationPage is a page of the own list, newest activity first.
type ConversationPage struct {
	Conversations []Conversation `json:"conversations"`
	NextCursor    *string        `json:"nextCursor"`
	HasMore       bool           `json:"hasMore"`
}

// ParticipantPage is a page of who is in a conversation, in order of joining.
type ParticipantPage struct {
	Participants []Participant `json:"participants"`
	NextCursor   *string       `json:"nextCursor"`
	HasMore      bool          `json:"hasMore"`
}

// Conversations lists the own conversations. cursor is the NextCursor of the page before, "" for the
// first; limit is 1 to 100, 0 for the server's default.
func (c *Client) Conversations(ctx context.Context, cursor string, limit int) (page ConversationPage, err error) {
	err = c.do(ctx, http.MethodGet, "/api/conversations", pageQuery(cursor, limit), nil, &page)
	return page, err
}

// CreateConversation opens a conversation with others. A direct one that exists is returned (C5.4).
func (c *Client) CreateConversation(ctx context.Context, n NewConversation) (out Conversation, err error) {
	err = c.do(ctx, http.MethodPost, "/api/conversations", nil, n, &out)
	return out, err
}

// Conversation returns one conversation, or [CodeNotInConversation].
func (c *Client) Conversation(ctx context.Context, id string) (out Conversation, err error) {
	err = c.do(ctx, http.MethodGet, conversationPath(id), nil, nil, &out)
	return out, err
}

// Rename gives a group a new title.
func (c *Client) Rename(ctx context.Context, id, title string) (out Conversation, err error) {
	err = c.do(ctx, http.MethodPatch, conversationPath(id), nil, map[string]string{"title": title}, &out)
	return out, err
}

// RemoveConversation ends a group that one owns, leaves a group, or hides a direct conversation until its
// next message (C5.4).
func (c *Client) RemoveConversation(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, conversationPath(id), nil, nil, nil)
}

// Participants pages through who is in a conversation.
func (c *Client) Participants(ctx context.Context, id, cursor string, limit int) (page ParticipantPage, err error) {
	err = c.do(ctx, http.MethodGet, conversationPath(id, "participants"), pageQuery(cursor, limit), nil, &page)
	return page, err
}

// AddParticipants takes people into a group.
func (c *Client) AddParticipants(ctx context.Context, id string, users ...string) (out Conversation, err error) {
	err = c.do(ctx, http.MethodPost, conversationPath(id, "participants"), nil, map[string][]string{"participantIds": users}, &out)
	return out, err
}

// ChangeRole makes somebody owner, admin or member of a group.
func (c *Client) ChangeRole(ctx context.Context, id, user, role string) error {
	return c.do(ctx, http.MethodPatch, conversationPath(id, "participants", user), nil, map[string]string{"role": role}, nil)
}

// RemoveParticipant takes somebody out of a group; user "me" leaves it.
func (c *Client) RemoveParticipant(ctx context.Context, id, user string) error {
	return c.do(ctx, http.MethodDelete, conversationPath(id, "participants", user), nil, nil, nil)
}

func conversationPath(parts ...string) string {
	path := "/api/conversations"
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

func pageQuery(cursor string, limit int) url.Values {
	q := url.Values{}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q
}
