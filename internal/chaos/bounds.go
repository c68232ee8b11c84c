package chaos

import (
	"strings"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/check"
)

// mended are the faults that take nothing from the database: a node reads there at once what it did not hear
// (C3.1), so that no live connection has a hole.
var mended = []string{
	"redis-cut", "redis-half-open", "redis-delayed", "redis-loss", "redis-flush", "redis-pubsub", "redis-restart", "redis-kill", "redis-freeze", "redis-memory",
	"redis-garbage", "database-garbage",
}

// ahead are the faults under which Redis may be away, and with it what was read and is not written yet.
var ahead = []string{
	"redis-cut", "redis-half-open", "redis-delayed", "redis-flush", "redis-restart", "redis-kill", "redis-freeze", "redis-memory",
}

// uncounted are the faults under which counts may be wrong for a moment, or late: all but those of the bus alone.
var uncounted = append([]string{
	"clients-cut", "clients-refused", "clients-half-open", "clients-delayed", "clients-throttled", "nginx-reload", "nginx-kill",
	"kill", "freeze", "drain", "rolling", "clock", "version",
	"database-cut", "database-half-open", "database-delayed", "postgres-restart", "postgres-crash", "postgres-backends", "row-lock", "table-lock",
	"disk-full", "file-lock",
}, ahead...)

// deadly are the faults that end a node without a word, so that it writes nothing of what it remembers.
var deadly = []string{"kill", "clock"}

// forgotten are the faults that lose what one node alone knew, or what a node and Redis knew (ADR-020).
func forgotten(shape cluster.Shape) (out [][]string) {
	for _, death := range deadly {
		if shape != cluster.Full {
			out = append(out, []string{death})
			continue
		}
		for _, loss := range []string{"redis-flush", "redis-restart", "redis-kill"} {
			out = append(out, []string{death, loss})
		}
	}
	return out
}

// bounds are those that a history is held to.
func bounds(b check.Bounds, shape cluster.Shape) check.Bounds {
	if b.Mended == nil {
		b.Mended = mended
	}
	b.Ahead, b.Uncounted, b.Forgotten = ahead, uncounted, forgotten(shape)
	return b
}

// shapeOf is the shape of the cluster that a history's name tells of (describe).
func shapeOf(name string) cluster.Shape {
	if strings.Contains(name, "Redis") {
		return cluster.Full
	}
	return cluster.SQLite
}
