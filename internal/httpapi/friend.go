package httpapi

import (
	"context"
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

type personBody struct {
	UserID string `json:"userId" doc:"The other person's id."`
}

// PersonPath names another person.
type PersonPath struct {
	UserID string `path:"userId" doc:"The other person's id."`
}

func (p *PersonPath) person() chat.UserID { return chat.UserID(p.UserID) }

// Friends is a page of a person's friends and requests, newest first.
type Friends struct {
	Friends    []protocol.Friend `json:"friends"`
	NextCursor *string           `json:"nextCursor" doc:"For the page after this one; null at the end."`
	HasMore    bool              `json:"hasMore"`
}

type friendOutput struct{ Body protocol.Friend }

// createdFriend is answered with 201, or with 200 when it was there already.
type createdFriend struct {
	Status int
	Body   protocol.Friend
}

func (a *api) registerFriends() {
	change := a.byUser(a.cfg.Limits.ChangeAnything)
	const tag, path = "Friends", "/api/friends"
	handle(a, a.member("listFriends", http.MethodGet, path, tag, "List friends and requests, newest first"), a.listFriends)
	befriend := a.member("befriend", http.MethodPost, path, tag, "Ask somebody for friendship", change)
	befriend.Description = "Answers 201 with a new request; 200 when they had asked before, which accepts, and when nothing changed. Somebody with whom there is a block is answered as one who does not exist."
	befriend.DefaultStatus = http.StatusCreated
	handle(a, alsoOK(befriend), a.befriend)
	handle(a, a.member("acceptFriend", http.MethodPost, path+"/{userId}/accept", tag, "Accept a request", change), a.acceptFriend)
	unfriend := a.member("unfriend", http.MethodDelete, path+"/{userId}", tag, "Remove a friend, withdraw or decline a request", change)
	handle(a, unfriend, a.unfriend)
}

func (a *api) listFriends(ctx context.Context, in *struct {
	Cursor string `query:"cursor" doc:"nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}) (*struct{ Body Friends }, error) {
	var after chat.PersonCursor
	if in.Cursor != "" {
		var err error
		if after, err = protocol.DecodeFriendCursor(in.Cursor); err != nil {
			return nil, err
		}
	}
	list, hasMore, err := a.chat.Friends(ctx, actor(ctx), after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := Friends{Friends: make([]protocol.Friend, 0, len(list)), HasMore: hasMore}
	for _, f := range list {
		out.Friends = append(out.Friends, protocol.FriendOf(f))
	}
	if hasMore {
		last := list[len(list)-1]
		out.NextCursor = new(protocol.EncodeFriendCursor(chat.PersonCursor{Since: last.Since, User: last.User.ID}))
	}
	return &struct{ Body Friends }{out}, nil
}

func (a *api) befriend(ctx context.Context, in *struct{ Body personBody }) (*createdFriend, error) {
	f, changed, err := a.chat.Befriend(ctx, actor(ctx), chat.UserID(in.Body.UserID))
	if err != nil {
		return nil, err
	}
	out := &createdFriend{Status: http.StatusOK, Body: protocol.FriendOf(f)}
	if changed && f.Friendship == chat.Outgoing {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (a *api) acceptFriend(ctx context.Context, in *PersonPath) (*friendOutput, error) {
	f, err := a.chat.AcceptFriend(ctx, actor(ctx), in.person())
	if err != nil {
		return nil, err
	}
	return &friendOutput{protocol.FriendOf(f)}, nil
}

func (a *api) unfriend(ctx context.Context, in *PersonPath) (*struct{}, error) {
	return &struct{}{}, a.chat.Unfriend(ctx, actor(ctx), in.person())
}
