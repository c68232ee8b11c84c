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

// hearing are the faults under which every node and every client hears at once of what changes.
var hearing = []string{
	"clients-cut", "clients-refused", "nginx-reload", "nginx-kill", "kill", "drain", "rolling", "clock", "version", "redis-garbage", "database-garbage",
}

// lapsing are the faults under which signs of life may not come to where they are counted.
var lapsing = []string{
	"freeze", "clients-half-open", "clients-throttled", "redis-cut", "redis-half-open", "redis-kill", "redis-freeze", "redis-restart", "redis-memory",
}

// emptied are the faults that may lose who is there: of the only node those that end it.
func emptied(shape cluster.Shape) []string {
	if shape == cluster.Full {
		return []string{"redis-flush", "redis-restart", "redis-kill"}
	}
	return []string{"kill", "drain", "clock", "version"}
}

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
	b.Hearing, b.Lapsing, b.Emptied = hearing, lapsing, emptied(shape)
	return b
}

// shapeOf is the shape of the cluster that a history's name tells of (describe).
func shapeOf(name string) cluster.Shape {
	if strings.Contains(name, "Redis") {
		return cluster.Full
	}
	return cluster.SQLite
}
