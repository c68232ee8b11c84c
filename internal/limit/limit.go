// Package limit says how often something may be done (seed DOC-003, C5.9). It holds the rules and the
// contract; internal/inmem counts in this process, internal/redis for all nodes together.
package limit

import (
	"context"
	"time"
)

// Rule allows Limit uses in each Window, by the generic cell rate algorithm: a burst of a whole window
// at once, then one use every Window/Limit.
type Rule struct {
	Name   string
	Limit  int
	Window time.Duration
}

// Rules are all the limits; every number is configuration.
type Rules struct {
	Login           Rule // by account
	LoginAddress    Rule // by client address, an IPv6 one by its /64
	Register        Rule // by client address
	Send            Rule // by user, WebSocket and REST together
	History         Rule // by user
	Connect         Rule // by user
	ConnectAddress  Rule // by client address, before anybody is known
	Search          Rule // by user
	Receipts        Rule // by user, WebSocket and REST together: what they say of what they have and have read
	ChangeAnything  Rule // by user: every other write
	FramesOnASocket Rule // by live socket: every inbound frame
}

// Defaults are the seed's numbers, and ours where it gives none.
func Defaults() Rules {
	return Rules{
		Login:           Rule{"login", 5, 15 * time.Minute},
		LoginAddress:    Rule{"login-address", 50, 15 * time.Minute},
		Register:        Rule{"register", 20, time.Hour},
		Send:            Rule{"send", 30, time.Minute},
		History:         Rule{"history", 60, time.Minute},
		Connect:         Rule{"connect", 10, time.Minute},
		ConnectAddress:  Rule{"connect-address", 100, time.Minute},
		Search:          Rule{"search", 60, time.Minute},
		Receipts:        Rule{"receipts", 3000, time.Minute},
		ChangeAnything:  Rule{"change", 120, time.Minute},
		FramesOnASocket: Rule{"frames", 1200, time.Minute},
	}
}

// All are the rules in their order.
func (r Rules) All() []Rule {
	return []Rule{
		r.Login, r.LoginAddress, r.Register, r.Send, r.History, r.Connect, r.ConnectAddress, r.Search, r.Receipts,
		r.ChangeAnything, r.FramesOnASocket,
	}
}

// Result is what a limiter says of one use.
type Result struct {
	Allowed    bool
	Limit      int           // uses in a window
	Remaining  int           // uses left now
	RetryAfter time.Duration // until one use is allowed; 0 when it was allowed
	ResetAfter time.Duration // until a whole window is free again
}

// Limiter counts uses. One that is shared by the nodes counts in this process while it cannot do so for all
// (C5.9); one that cannot count at all allows.
type Limiter interface {
	// Take counts one use of the rule by key, which may be anything that a client sent. It takes a tenth of a
	// second at most, whatever else is slow.
	Take(ctx context.Context, rule Rule, key string) Result
}

// Unlimited allows everything: PARLEY_RATE_LIMITS=off.
type Unlimited struct{}

// Take allows.
func (Unlimited) Take(_ context.Context, rule Rule, _ string) Result {
	return Result{Allowed: true, Limit: rule.Limit, Remaining: rule.Limit}
}
