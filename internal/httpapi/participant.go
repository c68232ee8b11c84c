package httpapi

import (
	"context"
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

type participantsBody struct {
	ParticipantIDs []string `json:"participantIds" doc:"Who comes in. Those who are in already stay as they are."`
}

type roleBody struct {
	Role string `json:"role" enum:"owner,admin,member" doc:"Naming somebody owner hands the group over."`
}

// ParticipantPath names a person in a conversation.
type ParticipantPath struct {
	ConversationPath
	UserID string `path:"userId" doc:"The person's id."`
}

// Participants is a page of who is in a conversation, in order of joining.
type Participants struct {
	Participants []protocol.Participant `json:"participants"`
	NextCursor   *string                `json:"nextCursor" doc:"For the page after this one; null at the end."`
	HasMore      bool                   `json:"hasMore"`
}

func (a *api) registerParticipants() {
	change := a.byUser(a.cfg.Limits.ChangeAnything)
	const tag, path = "Participants", "/api/conversations/{id}/participants"
	handle(a, a.member("listParticipants", http.MethodGet, path, tag, "List participants in order of joining"), a.listParticipants)
	handle(a, a.member("addParticipants", http.MethodPost, path, tag, "Bring people into a group", change), a.addParticipants)
	handle(a, a.member("changeRole", http.MethodPatch, path+"/{userId}", tag, "Change a role", change), a.changeRole)
	remove := a.member("removeParticipant", http.MethodDelete, path+"/{userId}", tag, "Take somebody out of a group, or leave it", change)
	remove.Description = "The userId \"me\" is leaving."
	handle(a, remove, a.removeParticipant)
}

func (a *api) listParticipants(ctx context.Context, in *struct {
	ConversationPath
	Cursor string `query:"cursor" doc:"nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}) (*struct{ Body Participants }, error) {
	var after chat.ParticipantCursor
	if in.Cursor != "" {
		var err error
		if after, err = protocol.DecodeParticipantCursor(in.Cursor); err != nil {
			return nil, err
		}
	}
	list, hasMore, err := a.chat.Participants(ctx, actor(ctx), in.conversation(), after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := Participants{Participants: make([]protocol.Participant, 0, len(list)), HasMore: hasMore}
	for _, p := range list {
		out.Participants = append(out.Participants, protocol.ParticipantOf(p))
	}
	if hasMore {
		last := list[len(list)-1]
		out.NextCursor = new(protocol.EncodeParticipantCursor(chat.ParticipantCursor{JoinedAt: last.JoinedAt, User: last.User.ID}))
	}
	return &struct{ Body Participants }{out}, nil
}

func (a *api) addParticipants(ctx context.Context, in *struct {
	ConversationPath
	Body participantsBody
}) (*conversationOutput, error) {
	c, err := a.chat.AddParticipants(ctx, actor(ctx), in.conversation(), userIDs(in.Body.ParticipantIDs))
	return conversationAnswer(c, err)
}

func (a *api) changeRole(ctx context.Context, in *struct {
	ParticipantPath
	Body roleBody
}) (*conversationOutput, error) {
	c, err := a.chat.ChangeRole(ctx, actor(ctx), in.conversation(), chat.UserID(in.UserID), chat.Role(in.Body.Role))
	return conversationAnswer(c, err)
}

func (a *api) removeParticipant(ctx context.Context, in *ParticipantPath) (*struct{}, error) {
	target := chat.UserID(in.UserID)
	if target == "me" {
		target = actor(ctx)
	}
	return &struct{}{}, a.chat.RemoveParticipant(ctx, actor(ctx), in.conversation(), target)
}
