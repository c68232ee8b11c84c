package httpapi

import (
	"context"
	"net/http"

	"github.com/parley-chat/parley/internal/protocol"
)

func (a *api) registerChanges() {
	op := a.member("listChanges", http.MethodGet, "/api/conversations/{id}/changes", "Conversations", "Catch up by revision",
		a.byUser(a.cfg.Limits.History))
	op.Description = "What changed past afterRev, in rev order: the events of the WebSocket. A message that changed several times comes once, as it is now. Go on from the rev of the last event while hasMore is true."
	handle(a, op, a.listChanges)
}

func (a *api) listChanges(ctx context.Context, in *struct {
	ConversationPath
	AfterRev int64 `query:"afterRev" minimum:"0" doc:"The revision up to which the client is complete; 0 has seen nothing."`
	Limit    int   `query:"limit" minimum:"1" maximum:"100" default:"50"`
}) (*struct{ Body protocol.Changes }, error) {
	changes, err := a.chat.Changes(ctx, actor(ctx), in.conversation(), in.AfterRev, in.Limit)
	if err != nil {
		return nil, err
	}
	return &struct{ Body protocol.Changes }{protocol.ChangesOf(changes)}, nil
}
