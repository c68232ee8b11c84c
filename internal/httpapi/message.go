package httpapi

import (
	"context"
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

type newMessageBody struct {
	Content         string `json:"content" doc:"1 to 4,000 characters, not only white space, no NUL. Stored byte for byte."`
	ClientMessageID string `json:"clientMessageId" doc:"1 to 64 printable ASCII characters, best a UUID. The same one again is the same message."`
	ContentType     string `json:"contentType,omitzero" enum:"text" doc:"text when absent."`
}

type contentBody struct {
	Content string `json:"content" doc:"1 to 4,000 characters, not only white space, no NUL."`
}

// MessagePath names a message in a conversation.
type MessagePath struct {
	ConversationPath
	MessageID string `path:"messageId" doc:"The message's id."`
}

type messageOutput struct{ Body protocol.Message }

// storedMessage is answered with 201, or with 200 when an earlier try had stored it.
type storedMessage struct {
	Status int
	Body   protocol.Message
}

// Messages is a page of history: newest first, or oldest first with direction=newer.
type Messages struct {
	Messages    []protocol.Message `json:"messages"`
	NextCursor  *string            `json:"nextCursor" doc:"For the page after this one in the same direction (older ones for around); null at the end."`
	HasMore     bool               `json:"hasMore"`
	NewerCursor *string            `json:"newerCursor,omitzero" nullable:"false" doc:"Of a page around a message: for direction=newer. Absent when nothing is newer."`
}

func (a *api) registerMessages() {
	rules := a.cfg.Limits
	const tag, path = "Messages", "/api/conversations/{id}/messages"
	handle(a, a.member("listMessages", http.MethodGet, path, tag, "Read history", a.byUser(rules.History)), a.listMessages)
	send := a.member("sendMessage", http.MethodPost, path, tag, "Send a message", a.byUser(rules.Send))
	send.Description = "201 means that the message is committed on disk; 200 that an earlier try had stored it. The same write path and the same rate limit as the WebSocket."
	send.DefaultStatus = http.StatusCreated
	handle(a, alsoOK(send), a.sendMessage)
	handle(a, a.member("editMessage", http.MethodPatch, path+"/{messageId}", tag, "Edit an own message", a.byUser(rules.ChangeAnything)), a.editMessage)
	remove := a.member("deleteMessage", http.MethodDelete, path+"/{messageId}", tag, "Delete a message", a.byUser(rules.ChangeAnything))
	remove.Description = "The own one, or any as a group's owner or admin. A tombstone stays in its place."
	handle(a, remove, a.deleteMessage)
}

func (a *api) listMessages(ctx context.Context, in *struct {
	ConversationPath
	Cursor    string `query:"cursor" doc:"nextCursor of the page before."`
	Limit     int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
	Direction string `query:"direction" enum:"older,newer" default:"older" doc:"older: newest first, from the cursor back. newer: oldest first, from the cursor on."`
	Around    string `query:"around" doc:"The id of a message to show with what surrounds it."`
}) (*struct{ Body Messages }, error) {
	q := chat.HistoryRequest{
		HistoryQuery: chat.HistoryQuery{Conversation: in.conversation(), Newer: in.Direction == "newer", Limit: in.Limit},
		Around:       chat.MessageID(in.Around),
	}
	if in.Around != "" && (in.Cursor != "" || q.Newer) {
		return nil, chat.Invalid("around", "Ask around a message, or by cursor and direction, not by both.")
	}
	if in.Cursor != "" {
		var err error
		if q.CreatedAt, q.ID, err = protocol.DecodeMessageCursor(in.Cursor); err != nil {
			return nil, err
		}
	}
	page, err := a.chat.Messages(ctx, actor(ctx), q)
	if err != nil {
		return nil, err
	}
	out := Messages{Messages: make([]protocol.Message, 0, len(page.Messages)), HasMore: page.HasMore}
	for _, m := range page.Messages {
		out.Messages = append(out.Messages, protocol.MessageOf(m))
	}
	if page.HasMore {
		out.NextCursor = positionOf(page.Messages[len(page.Messages)-1])
	}
	if page.HasNewer {
		out.NewerCursor = positionOf(page.Messages[0])
	}
	return &struct{ Body Messages }{out}, nil
}

func positionOf(m chat.Message) *string {
	return new(protocol.EncodeMessageCursor(m.CreatedAt, m.ID))
}

func (a *api) sendMessage(ctx context.Context, in *struct {
	ConversationPath
	Body newMessageBody
}) (*storedMessage, error) {
	type answer struct {
		sent chat.Sent
		err  error
	}
	answered := make(chan answer, 1)
	a.chat.SendMessage(chat.Submission{
		Conversation: in.conversation(), Sender: actor(ctx), ClientMessageID: in.Body.ClientMessageID,
		Content: in.Body.Content, ContentType: in.Body.ContentType, Trace: exchangeOf(ctx).trace.Step(),
	}, func(sent chat.Sent, err error) { answered <- answer{sent, err} })
	// It answers within 3 seconds whatever happens (C2.6), so the client's patience is not asked.
	got := <-answered
	if got.err != nil {
		return nil, got.err
	}
	out := &storedMessage{Status: http.StatusCreated, Body: protocol.MessageOf(got.sent.Message)}
	if got.sent.Duplicate {
		out.Status = http.StatusOK
	}
	return out, nil
}

func (a *api) editMessage(ctx context.Context, in *struct {
	MessagePath
	Body contentBody
}) (*messageOutput, error) {
	m, err := a.chat.EditMessage(ctx, actor(ctx), in.conversation(), chat.MessageID(in.MessageID), in.Body.Content)
	if err != nil {
		return nil, err
	}
	return &messageOutput{protocol.MessageOf(m)}, nil
}

func (a *api) deleteMessage(ctx context.Context, in *MessagePath) (*struct{}, error) {
	_, err := a.chat.DeleteMessage(ctx, actor(ctx), in.conversation(), chat.MessageID(in.MessageID))
	return &struct{}{}, err
}
