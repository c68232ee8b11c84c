package httpapi

import (
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
)

type usedLimit struct {
	rule   limit.Rule
	result limit.Result
}

// take counts one use of a rule, tells the client where it stands (the RateLimit header fields of the
// IETF draft draft-ietf-httpapi-ratelimit-headers), and answers RATE_LIMITED when there was none left.
func (a *api) take(x *exchange, rule limit.Rule, key string) error {
	r := a.limiter.Take(x.request.Context(), rule, key)
	if r.Limit > 0 {
		x.limits = append(x.limits, usedLimit{rule, r})
		var policies, states []string
		for _, used := range x.limits {
			policies = append(policies, fmt.Sprintf("%q;q=%d;w=%s", used.rule.Name, used.rule.Limit, seconds(used.rule.Window)))
			states = append(states, fmt.Sprintf("%q;r=%d;t=%s", used.rule.Name, used.result.Remaining, seconds(used.result.ResetAfter)))
		}
		x.header.Set("RateLimit-Policy", strings.Join(policies, ", "))
		x.header.Set("RateLimit", strings.Join(states, ", "))
	}
	if r.Allowed {
		return nil
	}
	return &chat.Error{Code: chat.CodeRateLimited, Message: "Too many requests.", RetryAfter: r.RetryAfter}
}

type middleware = func(huma.Context, func(huma.Context))

// byAddress limits a route by the client's address.
func (a *api) byAddress(rule limit.Rule) middleware {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if err := a.take(exchangeOf(r.Context()), rule, limit.AddressKey(a.cfg.Addresses.Of(r))); err != nil {
			writeProblem(w, r, err)
			return
		}
		next(ctx)
	}
}

// byUser limits a route by who is signed in.
func (a *api) byUser(rule limit.Rule) middleware {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		x := exchangeOf(r.Context())
		if err := a.take(x, rule, string(x.caller.User)); err != nil {
			writeProblem(w, r, err)
			return
		}
		next(ctx)
	}
}
