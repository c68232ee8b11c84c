package httpapi

import (
	"context"
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

type readBody struct {
	MessageID string `json:"messageId" minLength:"1" doc:"The last message that was read. Everything before it counts as read too."`
}

func (a *api) registerReceipts() {
	op := a.member("markRead", http.MethodPost, "/api/conversations/{id}/read", "Conversations", "Move the own read position forward",
		a.byUser(a.cfg.Limits.ChangeAnything))
	op.Description = "It never moves back. The person's other sessions are told."
	handle(a, op, a.markRead)
}

func (a *api) markRead(ctx context.Context, in *struct {
	ConversationPath
	Body readBody
}) (*struct{ Body protocol.ReadState }, error) {
	state, err := a.chat.AdvanceRead(ctx, actor(ctx), in.conversation(), chat.MessageID(in.Body.MessageID))
	if err != nil {
		return nil, err
	}
	return &struct{ Body protocol.ReadState }{protocol.ReadStateOf(state)}, nil
}
