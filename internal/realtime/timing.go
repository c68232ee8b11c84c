package realtime

import (
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// stamp is a time by the clock that all nodes share, in microseconds since 1970; 0 where it is not known. What lies between a
// commit on one node and its delivery on another is told by it alone: their own clocks may be minutes apart.
type stamp int64

const (
	stampMember = `,"committedAt":`
	// longest is how long ago a commit may be that the bus tells of. What seems older was stamped by a clock that was wrong.
	longest = 10 * time.Minute
)

func (s stamp) append(e []byte) []byte {
	if s == 0 {
		return e
	}
	return strconv.AppendInt(append(e, stampMember...), int64(s), 10)
}

// stampIn finds the stamp in an envelope's members before its payload.
func stampIn(head string) stamp {
	_, rest, found := strings.Cut(head, stampMember)
	if !found {
		return 0
	}
	digits, _, _ := strings.Cut(rest, ",")
	micros, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return stamp(micros)
}

// stamp is a moment of this node by the clock that all share.
func (h *Hub) stamp(at time.Time) stamp {
	if at.IsZero() || h.cfg.Clock == nil {
		return 0
	}
	now, known := h.cfg.Clock()
	if !known {
		return 0
	}
	return stamp(now.Add(-time.Since(at)).UnixMicro())
}

// committed is a moment by the clock that all share as this node's own clock has it, which does not jump. One that lies ahead, by
// what the two nodes are unsure of, is now. It has the lag of the bus counted.
func (h *Hub) committed(s stamp) time.Time {
	if s == 0 || h.cfg.Clock == nil {
		return time.Time{}
	}
	shared, known := h.cfg.Clock()
	if !known {
		return time.Time{}
	}
	lag := max(shared.Sub(time.UnixMicro(int64(s))), 0)
	if lag > longest {
		return time.Time{}
	}
	if h.cfg.Heard != nil {
		h.cfg.Heard(lag)
	}
	return time.Now().Add(-lag)
}

// handed counts new messages that sessions were handed, by how long ago they were committed. Those of one batch are counted at
// once. The topic's lock is held.
func (h *Hub) handed(changes []chat.Change) {
	if h.cfg.Handed == nil {
		return
	}
	var now time.Time
	for i := 0; i < len(changes); {
		first, n := &changes[i], 0
		for ; i < len(changes) && changes[i].Committed.Equal(first.Committed); i++ {
			if changes[i].Kind == chat.MessageAdded {
				n++
			}
		}
		switch {
		case n == 0:
		case first.Committed.IsZero():
			h.counters.untimed.Add(uint64(n))
		default:
			if now.IsZero() {
				now = time.Now()
			}
			h.cfg.Handed(n, now.Sub(first.Committed))
		}
	}
}
