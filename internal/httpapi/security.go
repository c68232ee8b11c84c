package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/parley-chat/parley/internal/chat"
)

// The content security policies: nothing inline, nothing from elsewhere, no frames around us.
const (
	clientPolicy = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	apiPolicy    = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// secured sets the headers that every answer has.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", clientPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if ofAPI(r.URL.Path) {
			h.Set("Content-Security-Policy", apiPolicy)
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// ofAPI reports whether a path is none of the web client's: the API's, or one of those that are served beside the metrics
// alone, where there is nothing here and nobody shall take a page of the client for it.
func ofAPI(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first == "api" || first == "health" || slices.Contains(operatorPaths, first)
}

// operatorPaths begin the paths of the address of the metrics.
var operatorPaths = []string{"metrics", "status", "debug"}

// noTokenInURL refuses a token in a query: URLs end up in logs, histories and other people's sight.
func noTokenInURL(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "token") {
			query := r.URL.Query()
			if query.Has("token") || query.Has("access_token") {
				writeInvalid(w, r, http.StatusBadRequest,
					"A token must not be in the URL. Send it in the header: Authorization: Bearer <token>.")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// sameSite guards the routes that the refresh cookie goes to. SameSite=Strict keeps the cookie from
// other sites; this keeps out sibling domains, and sign-ins that another site wants to plant.
func (a *api) sameSite() middleware {
	check := http.NewCrossOriginProtection()
	for _, origin := range a.cfg.Origins {
		// Origins are checked by config; one that is not well-formed allows nothing.
		_ = check.AddTrustedOrigin(origin)
	}
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if err := check.Check(r); err != nil {
			writeProblem(w, r, &chat.Error{Code: chat.CodeForbidden, Message: "The request came from another site.", Err: err})
			return
		}
		next(ctx)
	}
}

// signedIn demands a valid access token.
func (a *api) signedIn(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	token, found := bearer(r)
	if !found {
		writeProblem(w, r, &chat.Error{Code: chat.CodeUnauthorized, Message: "Sign in first."})
		return
	}
	caller, err := a.auth.Verify(token)
	if err != nil {
		writeProblem(w, r, err)
		return
	}
	exchangeOf(r.Context()).caller = caller
	next(ctx)
}

// bearer takes the token out of the Authorization header.
func bearer(r *http.Request) (token string, found bool) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), found && strings.EqualFold(scheme, "Bearer")
}
