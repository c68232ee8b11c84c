package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

type profileBody struct {
	DisplayName         *string      `json:"displayName,omitzero" nullable:"false" doc:"1 to 64 characters."`
	Email               textOrRemove `json:"email,omitzero" doc:"null removes it."`
	ReadReceiptsEnabled *bool        `json:"readReceiptsEnabled,omitzero" nullable:"false"`
	PresenceEnabled     *bool        `json:"presenceEnabled,omitzero" nullable:"false"`
	PresenceSharing     *string      `json:"presenceSharing,omitzero" enum:"everyone,friends,nobody" nullable:"false"`
	PresenceInvisible   *bool        `json:"presenceInvisible,omitzero" nullable:"false" doc:"To all others the person looks offline, and what they read and receive stands still."`
}

// textOrRemove tells a member that is null, which removes the text, from one that is absent.
type textOrRemove struct {
	sent bool
	text string
}

// UnmarshalJSON takes a string or null.
func (t *textOrRemove) UnmarshalJSON(data []byte) error {
	t.sent = true
	return json.Unmarshal(data, &t.text)
}

// Schema is that of a string or null.
func (textOrRemove) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: true}
}

type meOutput struct{ Body protocol.Me }

// Users is a list of people.
type Users struct {
	Users      []protocol.User `json:"users"`
	NextCursor *string         `json:"nextCursor"`
	HasMore    bool            `json:"hasMore"`
}

func (a *api) registerUsers() {
	rules := a.cfg.Limits
	handle(a, a.member("me", http.MethodGet, "/api/users/me", "Users", "Read the own account"), a.me)
	handle(a, a.member("updateMe", http.MethodPatch, "/api/users/me", "Users", "Change profile and privacy",
		a.byUser(rules.ChangeAnything)), a.updateMe)
	erase := a.member("eraseMe", http.MethodDelete, "/api/users/me", "Users", "Erase the own account",
		a.byUser(rules.ChangeAnything))
	erase.Description = "Ends all logins, leaves all groups and removes name, e-mail and password for good. Messages stay, as those of a deleted user, unless withMessages is set."
	handle(a, erase, a.eraseMe)
	handle(a, a.member("searchUsers", http.MethodGet, "/api/users/search", "Users", "Find people",
		a.byUser(rules.Search)), a.searchUsers)
}

func (a *api) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	me, err := a.chat.Me(ctx, actor(ctx))
	if err != nil {
		return nil, err
	}
	return &meOutput{protocol.MeOf(me)}, nil
}

func (a *api) updateMe(ctx context.Context, in *struct{ Body profileBody }) (*meOutput, error) {
	edit := chat.ProfileEdit{
		DisplayName: in.Body.DisplayName, ReadReceiptsEnabled: in.Body.ReadReceiptsEnabled,
		PresenceEnabled: in.Body.PresenceEnabled, PresenceSharing: (*chat.Sharing)(in.Body.PresenceSharing),
		PresenceInvisible: in.Body.PresenceInvisible,
	}
	if in.Body.Email.sent {
		edit.Email = &in.Body.Email.text
	}
	me, err := a.chat.UpdateMe(ctx, actor(ctx), edit)
	if err != nil {
		return nil, err
	}
	return &meOutput{protocol.MeOf(me)}, nil
}

func (a *api) eraseMe(ctx context.Context, in *struct {
	InSlot
	WithMessages bool `query:"withMessages" doc:"Delete every message of the person as well."`
}) (*signedOutOutput, error) {
	// Without their logins nobody can see to it that the rest follows, so it does not end with the connection.
	ctx = context.WithoutCancel(ctx)
	// The logins go first: once the account is erased nobody can tell which sockets were the person's.
	if err := a.auth.EndLogins(ctx, actor(ctx)); err != nil {
		return nil, err
	}
	if err := a.chat.EraseMe(ctx, actor(ctx), in.WithMessages); err != nil {
		return nil, err
	}
	return &signedOutOutput{SetCookie: a.cookie(in.InSlot, "", time.Unix(1, 0))}, nil
}

func (a *api) searchUsers(ctx context.Context, in *struct {
	Q string `query:"q" required:"true" doc:"The beginning of a username or display name, 2 characters or more."`
}) (*struct{ Body Users }, error) {
	found, err := a.chat.SearchUsers(ctx, actor(ctx), in.Q)
	if err != nil {
		return nil, err
	}
	out := Users{Users: make([]protocol.User, 0, len(found))}
	for _, u := range found {
		out.Users = append(out.Users, protocol.UserOf(u))
	}
	return &struct{ Body Users }{out}, nil
}
