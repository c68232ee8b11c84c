package httpapi

import (
	"context"
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// maxAsked is how many people one request asks for.
const maxAsked = 100

// Presences is what the caller may know of people's presence.
type Presences struct {
	Presences []protocol.Presence `json:"presences"`
}

// FollowedPath names somebody whose presence is followed.
type FollowedPath struct {
	UserID string `path:"userId" doc:"Of the person."`
}

func (a *api) registerPresence() {
	op := a.member("readPresences", http.MethodGet, "/api/presence", "Presence", "Read whether people are there",
		a.byUser(a.cfg.Limits.History))
	op.Description = "In the order in which they are named. Somebody of whom the caller may know nothing, and an id of nobody, is offline without lastSeenAt. While Redis is away it is what the node told its sockets last, and REDIS_UNAVAILABLE when it told nothing of one of them."
	handle(a, op, a.readPresences)
	list := a.member("listPresenceSubscriptions", http.MethodGet, "/api/presence/subscriptions", "Presence", "List whose presence is followed explicitly",
		a.byUser(a.cfg.Limits.History))
	list.Description = "All of them, 1,000 at most, in order of username."
	handle(a, list, a.listPresenceSubscriptions)
	for _, route := range []struct {
		id, method, summary, description string
		do                               func(context.Context, chat.UserID, []chat.UserID) error
	}{
		{"followPresence", http.MethodPut, "Follow somebody's presence", "It shows nothing that the person does not let the caller know. An id of nobody is passed over.", a.chat.FollowPresence},
		{"unfollowPresence", http.MethodDelete, "Follow somebody's presence no more", "Who is a friend, or in a conversation with the caller, is still shown.", a.chat.UnfollowPresence},
	} {
		op := a.member(route.id, route.method, "/api/presence/subscriptions/{userId}", "Presence", route.summary, a.byUser(a.cfg.Limits.ChangeAnything))
		op.Description, op.DefaultStatus = route.description, http.StatusNoContent
		handle(a, op, follows(route.do))
	}
}

func (a *api) readPresences(ctx context.Context, in *struct {
	UserIDs []string `query:"userIds" required:"true" minItems:"1" doc:"1 to 100 ids of people, separated by commas."`
}) (*struct{ Body Presences }, error) {
	if len(in.UserIDs) > maxAsked {
		return nil, chat.Invalid("userIds", "Ask for at most %d people at once.", maxAsked)
	}
	users := make([]chat.UserID, len(in.UserIDs))
	for i, id := range in.UserIDs {
		users[i] = chat.UserID(id)
	}
	seen, err := a.chat.SeePresences(ctx, actor(ctx), users)
	if err != nil {
		return nil, err
	}
	out := Presences{Presences: make([]protocol.Presence, 0, len(seen))}
	for _, p := range seen {
		out.Presences = append(out.Presences, protocol.PresenceOf(p, true))
	}
	return &struct{ Body Presences }{out}, nil
}

func (a *api) listPresenceSubscriptions(ctx context.Context, _ *struct{}) (*struct{ Body Users }, error) {
	followed, err := a.chat.FollowedPresence(ctx, actor(ctx))
	if err != nil {
		return nil, err
	}
	out := Users{Users: make([]protocol.User, 0, len(followed))}
	for _, u := range followed {
		out.Users = append(out.Users, protocol.UserOf(u))
	}
	return &struct{ Body Users }{out}, nil
}

func follows(do func(context.Context, chat.UserID, []chat.UserID) error) func(context.Context, *FollowedPath) (*struct{}, error) {
	return func(ctx context.Context, in *FollowedPath) (*struct{}, error) {
		return nil, do(ctx, actor(ctx), []chat.UserID{chat.UserID(in.UserID)})
	}
}
