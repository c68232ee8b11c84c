package ws

import (
	"strconv"
	"sync/atomic"

	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

// Stats is what the server has done since its start, and what it holds now.
type Stats struct {
	Connections int
	// Closed are the connections that ended by how: the code of [protocol.CloseCodes] that they were closed with, "lost" for those
	// that broke off, "other" for a code that only the client knows.
	Closed map[string]uint64
	// Commands are frames that were no command that there is, Faults those that broke the WebSocket protocol.
	Commands, Faults uint64
}

// counters are of the whole server. closed has an entry for each key of [Stats.Closed], and is not changed once it is made.
type counters struct {
	closed           map[string]*atomic.Uint64
	commands, faults atomic.Uint64
}

const (
	closedLost  = "lost"
	closedOther = "other"
)

func newCounters() counters {
	closed := map[string]*atomic.Uint64{closedLost: new(atomic.Uint64), closedOther: new(atomic.Uint64)}
	for _, row := range protocol.CloseCodes {
		closed[strconv.Itoa(int(row.Code))] = new(atomic.Uint64)
	}
	return counters{closed: closed}
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	out := Stats{
		Connections: s.Connections(), Closed: make(map[string]uint64, len(s.counters.closed)),
		Commands: s.counters.commands.Load(), Faults: s.counters.faults.Load(),
	}
	for how, n := range s.counters.closed {
		out.Closed[how] = n.Load()
	}
	return out
}

// close counts the end of a connection.
func (c *counters) close(how realtime.Closing) {
	key := strconv.Itoa(int(how.Code))
	if how == gone {
		key = closedLost
	}
	n, known := c.closed[key]
	if !known {
		n = c.closed[closedOther]
	}
	n.Add(1)
}
