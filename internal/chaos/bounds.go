package chaos

import "github.com/parley-chat/parley/internal/check"

// mended are the faults that take nothing from the database: a node reads there at once what it did not hear
// (C3.1), so that no live connection has a hole.
var mended = []string{
	"redis-cut", "redis-half-open", "redis-delayed", "redis-loss", "redis-flush", "redis-pubsub", "redis-restart", "redis-kill", "redis-freeze", "redis-memory",
	"redis-garbage", "database-garbage",
}

// bounds are those that a history is held to.
func bounds(b check.Bounds) check.Bounds {
	if b.Mended == nil {
		b.Mended = mended
	}
	return b
}
