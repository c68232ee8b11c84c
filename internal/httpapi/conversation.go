package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

type newConversationBody struct {
	Type           string   `json:"type" enum:"direct,group"`
	ParticipantIDs []string `json:"participantIds" doc:"The others: exactly one for direct, any number for a group."`
	Title          *string  `json:"title,omitzero" doc:"Of a group, at most 100 characters."`
}

type titleBody struct {
	Title *string `json:"title" doc:"At most 100 characters; null or empty removes it."`
}

// ConversationPath names a conversation. It is exported because huma finds no parameters in an embedded
// struct that is not.
type ConversationPath struct {
	ID string `path:"id" doc:"The conversation's id."`
}

func (p *ConversationPath) conversation() chat.ConversationID { return chat.ConversationID(p.ID) }

type conversationOutput struct{ Body protocol.Conversation }

// createdConversation is answered with 201, or with 200 when it was there already.
type createdConversation struct {
	Status int
	Body   protocol.Conversation
}

// Conversations is a page of a person's conversations, newest activity first.
type Conversations struct {
	Conversations []protocol.Conversation `json:"conversations"`
	NextCursor    *string                 `json:"nextCursor" doc:"For the page after this one; null at the end."`
	HasMore       bool                    `json:"hasMore"`
	Page          int                     `json:"page,omitzero" doc:"As asked for."`
	Limit         int                     `json:"limit,omitzero" doc:"As asked for, where page was."`
}

func (a *api) registerConversations() {
	change := a.byUser(a.cfg.Limits.ChangeAnything)
	const tag = "Conversations"
	handle(a, a.member("listConversations", http.MethodGet, "/api/conversations", tag, "List conversations, newest activity first"), a.listConversations)
	create := a.member("createConversation", http.MethodPost, "/api/conversations", tag, "Open a conversation", change)
	create.Description = "A direct conversation that exists is answered with 200."
	create.DefaultStatus = http.StatusCreated
	handle(a, alsoOK(create), a.createConversation)
	handle(a, a.member("getConversation", http.MethodGet, "/api/conversations/{id}", tag, "Read a conversation"), a.getConversation)
	handle(a, a.member("renameConversation", http.MethodPatch, "/api/conversations/{id}", tag, "Give a group a title", change), a.renameConversation)
	remove := a.member("deleteConversation", http.MethodDelete, "/api/conversations/{id}", tag, "End, leave or hide a conversation", change)
	remove.Description = "The owner of a group ends it for all; a member leaves it; a direct conversation is hidden until its next message."
	handle(a, remove, a.deleteConversation)
}

func (a *api) listConversations(ctx context.Context, in *struct {
	Page   int    `query:"page" minimum:"1" maximum:"100000" doc:"The page, from 1 on. Prefer cursor."`
	Cursor string `query:"cursor" doc:"nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}) (*struct{ Body Conversations }, error) {
	q := chat.ListQuery{Viewer: actor(ctx), Limit: in.Limit}
	out := Conversations{}
	switch {
	case in.Page != 0 && in.Cursor != "":
		return nil, chat.Invalid("cursor", "Ask by page or by cursor, not by both.")
	case in.Page != 0:
		q.Offset = (in.Page - 1) * in.Limit
		out.Page, out.Limit = in.Page, in.Limit
	case in.Cursor != "":
		var err error
		if q.After, q.AfterID, err = protocol.DecodeConversationCursor(in.Cursor); err != nil {
			return nil, err
		}
	}
	list, hasMore, err := a.chat.Conversations(ctx, q)
	if err != nil {
		return nil, err
	}
	out.Conversations, out.HasMore = make([]protocol.Conversation, 0, len(list)), hasMore
	for _, c := range list {
		out.Conversations = append(out.Conversations, protocol.ConversationOf(c))
	}
	if hasMore {
		last := list[len(list)-1]
		out.NextCursor = new(protocol.EncodeConversationCursor(last.UpdatedAt, last.ID))
	}
	return &struct{ Body Conversations }{out}, nil
}

func (a *api) createConversation(ctx context.Context, in *struct{ Body newConversationBody }) (*createdConversation, error) {
	var title string
	if in.Body.Title != nil {
		title = *in.Body.Title
	}
	c, created, err := a.chat.CreateConversation(ctx, actor(ctx), chat.ConversationType(in.Body.Type), userIDs(in.Body.ParticipantIDs), title)
	if err != nil {
		return nil, err
	}
	out := &createdConversation{Status: http.StatusOK, Body: protocol.ConversationOf(c)}
	if created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (a *api) getConversation(ctx context.Context, in *ConversationPath) (*conversationOutput, error) {
	c, err := a.chat.Conversation(ctx, actor(ctx), in.conversation())
	return conversationAnswer(c, err)
}

func (a *api) renameConversation(ctx context.Context, in *struct {
	ConversationPath
	Body titleBody
}) (*conversationOutput, error) {
	var title string
	if in.Body.Title != nil {
		title = *in.Body.Title
	}
	c, err := a.chat.RenameConversation(ctx, actor(ctx), in.conversation(), title)
	return conversationAnswer(c, err)
}

func (a *api) deleteConversation(ctx context.Context, in *ConversationPath) (*struct{}, error) {
	return &struct{}{}, a.chat.DeleteConversation(ctx, actor(ctx), in.conversation())
}

func conversationAnswer(c chat.Conversation, err error) (*conversationOutput, error) {
	if err != nil {
		return nil, err
	}
	return &conversationOutput{protocol.ConversationOf(c)}, nil
}

func userIDs(texts []string) []chat.UserID {
	ids := make([]chat.UserID, len(texts))
	for i, text := range texts {
		ids[i] = chat.UserID(text)
	}
	return ids
}

// alsoOK documents that a 201 may be a 200.
func alsoOK(op huma.Operation) huma.Operation {
	op.Metadata = map[string]any{alsoOKKey: true}
	return op
}
