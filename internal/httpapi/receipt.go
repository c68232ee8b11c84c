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

// Receipts is a page of those who have read a message, in the order in which they did.
type Receipts struct {
	Receipts   []protocol.Reader `json:"receipts"`
	ReadCount  int64             `json:"readCount" doc:"How many they are, on all pages together."`
	NextCursor *string           `json:"nextCursor" doc:"For the page after this one; null at the end."`
	HasMore    bool              `json:"hasMore"`
}

func (a *api) registerReceipts() {
	op := a.member("markRead", http.MethodPost, "/api/conversations/{id}/read", "Conversations", "Move the own read position forward",
		a.byUser(a.cfg.Limits.Receipts))
	op.Description = "It never moves back. The person's other sessions are told."
	handle(a, op, a.markRead)
	list := a.member("listReceipts", http.MethodGet, "/api/conversations/{id}/messages/{messageId}/receipts", "Messages", "List who has read a message, and when",
		a.byUser(a.cfg.Limits.History))
	list.Description = "Its sender is not listed, nor who lets nobody know (readReceiptsEnabled)."
	handle(a, list, a.listReceipts)
}

func (a *api) listReceipts(ctx context.Context, in *struct {
	MessagePath
	Cursor string `query:"cursor" doc:"nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}) (*struct{ Body Receipts }, error) {
	var after chat.ReaderCursor
	if in.Cursor != "" {
		var err error
		if after, err = protocol.DecodeReaderCursor(chat.MessageID(in.MessageID), in.Cursor); err != nil {
			return nil, err
		}
	}
	page, err := a.chat.MessageReaders(ctx, actor(ctx), in.conversation(), chat.MessageID(in.MessageID), after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := Receipts{Receipts: make([]protocol.Reader, 0, len(page.Readers)), ReadCount: page.Count, HasMore: page.HasMore}
	for _, r := range page.Readers {
		out.Receipts = append(out.Receipts, protocol.Reader{User: protocol.UserOf(r.User), ReadAt: protocol.FormatTime(r.ReadAt)})
	}
	if page.HasMore {
		last := page.Readers[len(page.Readers)-1]
		out.NextCursor = new(protocol.EncodeReaderCursor(chat.MessageID(in.MessageID), chat.ReaderCursor{ReadAt: last.ReadAt, User: last.User.ID}))
	}
	return &struct{ Body Receipts }{out}, nil
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
