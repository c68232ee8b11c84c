package httpapi

import (
	"context"
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Blocks is a page of whom a person has blocked, newest first.
type Blocks struct {
	Blocks     []protocol.Block `json:"blocks"`
	NextCursor *string          `json:"nextCursor" doc:"For the page after this one; null at the end."`
	HasMore    bool             `json:"hasMore"`
}

// createdBlock is answered with 201, or with 200 when it was there already.
type createdBlock struct {
	Status int
	Body   protocol.Block
}

func (a *api) registerBlocks() {
	change := a.byUser(a.cfg.Limits.ChangeAnything)
	const tag, path = "Blocks", "/api/blocks"
	handle(a, a.member("listBlocks", http.MethodGet, path, tag, "List whom the caller has blocked, newest first"), a.listBlocks)
	block := a.member("block", http.MethodPost, path, tag, "Block somebody", change)
	block.Description = "Ends a friendship and requests. Neither writes in the direct conversation of the two, sees the other's presence, finds or befriends the other, or brings them into a conversation. The other is not told."
	block.DefaultStatus = http.StatusCreated
	handle(a, alsoOK(block), a.block)
	handle(a, a.member("unblock", http.MethodDelete, path+"/{userId}", tag, "Lift a block", change), a.unblock)
}

func (a *api) listBlocks(ctx context.Context, in *struct {
	Cursor string `query:"cursor" doc:"nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}) (*struct{ Body Blocks }, error) {
	var after chat.PersonCursor
	if in.Cursor != "" {
		var err error
		if after, err = protocol.DecodeBlockCursor(in.Cursor); err != nil {
			return nil, err
		}
	}
	list, hasMore, err := a.chat.Blocks(ctx, actor(ctx), after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := Blocks{Blocks: make([]protocol.Block, 0, len(list)), HasMore: hasMore}
	for _, b := range list {
		out.Blocks = append(out.Blocks, protocol.BlockOf(b))
	}
	if hasMore {
		last := list[len(list)-1]
		out.NextCursor = new(protocol.EncodeBlockCursor(chat.PersonCursor{Since: last.Since, User: last.User.ID}))
	}
	return &struct{ Body Blocks }{out}, nil
}

func (a *api) block(ctx context.Context, in *struct{ Body personBody }) (*createdBlock, error) {
	b, changed, err := a.chat.Block(ctx, actor(ctx), chat.UserID(in.Body.UserID))
	if err != nil {
		return nil, err
	}
	out := &createdBlock{Status: http.StatusOK, Body: protocol.BlockOf(b)}
	if changed {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (a *api) unblock(ctx context.Context, in *PersonPath) (*struct{}, error) {
	return &struct{}{}, a.chat.Unblock(ctx, actor(ctx), in.person())
}
