package auth

import (
	"sync/atomic"

	"github.com/parley-chat/parley/internal/chat"
)

// Stats is how attempts went since the start.
type Stats struct {
	In, Refused, Crowded, Failed  uint64 // to sign in with a password
	Made, NotMade, MakingFailed   uint64 // to make an account
	Fresh, Graced, Reused         uint64 // of refresh tokens handed in that were looked up and known
	RefreshRefused, RefreshFailed uint64 // of the others
}

type counters struct {
	in, refused, crowded, failed  atomic.Uint64
	made, notMade, makingFailed   atomic.Uint64
	fresh, graced, reused         atomic.Uint64
	refreshRefused, refreshFailed atomic.Uint64
}

// Stats returns the counters as they are now.
func (s *Service) Stats() Stats {
	c := &s.counters
	return Stats{
		In: c.in.Load(), Refused: c.refused.Load(), Crowded: c.crowded.Load(), Failed: c.failed.Load(),
		Made: c.made.Load(), NotMade: c.notMade.Load(), MakingFailed: c.makingFailed.Load(),
		Fresh: c.fresh.Load(), Graced: c.graced.Load(), Reused: c.reused.Load(),
		RefreshRefused: c.refreshRefused.Load(), RefreshFailed: c.refreshFailed.Load(),
	}
}

// login counts an attempt to sign in.
func (c *counters) login(err error) {
	switch {
	case err == nil:
		c.in.Add(1)
	case chat.AsError(err).Code == chat.CodeRateLimited:
		c.crowded.Add(1)
	case ofCaller(err):
		c.refused.Add(1)
	default:
		c.failed.Add(1)
	}
}

// making counts an attempt to make an account.
func (c *counters) making(err error) {
	switch {
	case err == nil:
		c.made.Add(1)
	case ofCaller(err):
		c.notMade.Add(1)
	default:
		c.makingFailed.Add(1)
	}
}

// refresh counts a refresh token that came to an end without being looked up, or unknown, or with a fault.
func (c *counters) refresh(err error) {
	switch {
	case err == nil:
	case ofCaller(err):
		c.refreshRefused.Add(1)
	default:
		c.refreshFailed.Add(1)
	}
}

// ofCaller reports whether an error says something of the caller and not of the server.
func ofCaller(err error) bool { return chat.AsError(err).Code.Info().Status < 500 }
