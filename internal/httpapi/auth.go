package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

type newAccountBody struct {
	Username    string `json:"username" doc:"3 to 32 letters, digits, _ . or -; unique without regard to case." example:"anna"`
	Password    string `json:"password" format:"password" doc:"8 to 256 characters."`
	DisplayName string `json:"displayName,omitzero" doc:"1 to 64 characters; the username when absent." example:"Anna"`
	Email       string `json:"email,omitzero" doc:"Shown to nobody else."`
}

func (b *newAccountBody) account() auth.NewAccount {
	return auth.NewAccount{Username: b.Username, Password: b.Password, DisplayName: b.DisplayName, Email: b.Email}
}

type credentialsBody struct {
	Username string `json:"username" example:"anna"`
	Password string `json:"password" format:"password"`
}

type ownerBody struct {
	Token       string `json:"token" doc:"From the one-time owner link."`
	Username    string `json:"username" doc:"3 to 32 letters, digits, _ . or -; unique without regard to case."`
	Password    string `json:"password" format:"password" doc:"8 to 256 characters."`
	DisplayName string `json:"displayName,omitzero" doc:"1 to 64 characters; the username when absent."`
}

// SignedIn is the answer to registering, signing in and refreshing.
type SignedIn struct {
	User        protocol.Me `json:"user"`
	AccessToken string      `json:"accessToken" doc:"A JWT for the header Authorization: Bearer."`
	ExpiresIn   int         `json:"expiresIn" doc:"Seconds until the access token expires." example:"900"`
}

type signedInOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie" doc:"The refresh token, a JWT that is spent at its use."`
	Body      SignedIn
}

type signedOutOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie" doc:"Removes the refresh token."`
}

func (a *api) registerAuth() {
	sameSite := a.sameSite()
	route := func(id, path, summary, description string, status int, more ...middleware) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: http.MethodPost, Path: path, Summary: summary, Description: description, Tags: []string{"Auth"},
			DefaultStatus: status, MaxBodyBytes: maxBody + 1, BodyReadTimeout: bodyTimeout,
			Middlewares: append(huma.Middlewares{sameSite}, more...),
		}
	}
	rules := a.cfg.Limits
	handle(a, route("register", "/api/auth/register", "Make an account",
		"Makes an account and signs the device in. FORBIDDEN when registration is closed, CONFLICT when the name is taken.",
		http.StatusCreated, a.byAddress(rules.Register)), a.register)
	handle(a, route("login", "/api/auth/login", "Sign in",
		"An unknown name and a wrong password get the same answer.",
		http.StatusOK, a.byAddress(rules.LoginAddress)), a.login)
	handle(a, route("registerOwner", "/api/auth/owner", "Become the owner",
		"Spends a one-time owner link for an account that runs the server.",
		http.StatusCreated, a.byAddress(rules.LoginAddress)), a.registerOwner)
	refresh := route("refresh", "/api/auth/refresh", "Get a fresh access token",
		"Takes the cookie only. It spends the refresh token and sets its successor; a token that was spent within the last 30 seconds gets the same successor again, one that was spent before ends the login.",
		http.StatusOK, a.byAddress(rules.ConnectAddress))
	refresh.Security = []map[string][]string{{"refresh": {}}}
	handle(a, refresh, a.refresh)
	logout := route("logout", "/api/auth/logout", "Sign out",
		"Ends the login of the cookie, and of the access token if one is sent. Its tokens are refused and its sockets closed at once.",
		http.StatusNoContent)
	logout.Security = []map[string][]string{{"refresh": {}}, {"bearer": {}}}
	handle(a, logout, a.logout)
}

func (a *api) register(ctx context.Context, in *struct {
	InSlot
	Body newAccountBody
}) (*signedInOutput, error) {
	g, err := a.auth.Register(ctx, in.Body.account(), exchangeOf(ctx).request.UserAgent())
	return a.signedInAs(ctx, in.InSlot, g, err)
}

func (a *api) login(ctx context.Context, in *struct {
	InSlot
	Body credentialsBody
}) (*signedInOutput, error) {
	// Names that cannot exist are counted together.
	if err := a.take(exchangeOf(ctx), a.cfg.Limits.Login, auth.UsernameKey(in.Body.Username)); err != nil {
		return nil, err
	}
	g, err := a.auth.Login(ctx, auth.Credentials{
		Username: in.Body.Username, Password: in.Body.Password, UserAgent: exchangeOf(ctx).request.UserAgent(),
	})
	return a.signedInAs(ctx, in.InSlot, g, err)
}

func (a *api) registerOwner(ctx context.Context, in *struct {
	InSlot
	Body ownerBody
}) (*signedInOutput, error) {
	n := auth.NewAccount{Username: in.Body.Username, Password: in.Body.Password, DisplayName: in.Body.DisplayName}
	g, err := a.auth.RegisterOwner(ctx, in.Body.Token, n, exchangeOf(ctx).request.UserAgent())
	return a.signedInAs(ctx, in.InSlot, g, err)
}

func (a *api) refresh(ctx context.Context, in *struct{ InSlot }) (*signedInOutput, error) {
	cookie, err := exchangeOf(ctx).request.Cookie(in.cookieName())
	if err != nil {
		return nil, &chat.Error{Code: chat.CodeUnauthorized, Message: "Sign in first."}
	}
	g, err := a.auth.Refresh(ctx, cookie.Value)
	return a.signedInAs(ctx, in.InSlot, g, err)
}

// signedInAs answers with what a device was granted.
func (a *api) signedInAs(ctx context.Context, in InSlot, g auth.Grant, err error) (*signedInOutput, error) {
	if err != nil {
		return nil, err
	}
	me, err := a.chat.Me(ctx, g.User)
	if err != nil {
		return nil, err
	}
	return &signedInOutput{
		SetCookie: a.cookie(in, g.Refresh, g.RefreshExpires),
		Body: SignedIn{
			User: protocol.MeOf(me), AccessToken: g.Access, ExpiresIn: int(g.AccessTTL / time.Second),
		},
	}, nil
}

func (a *api) logout(ctx context.Context, in *struct{ InSlot }) (*signedOutOutput, error) {
	r := exchangeOf(ctx).request
	if cookie, err := r.Cookie(in.cookieName()); err == nil {
		if err := a.auth.Logout(ctx, cookie.Value); err != nil {
			return nil, err
		}
	}
	if token, found := bearer(r); found {
		if caller, err := a.auth.Verify(token); err == nil {
			if err := a.auth.EndLogin(ctx, caller.User, caller.Login); err != nil {
				return nil, err
			}
		}
	}
	return &signedOutOutput{SetCookie: a.cookie(in.InSlot, "", time.Unix(1, 0))}, nil
}
