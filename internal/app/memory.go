package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heapRoom is how much a small heap may grow before it is collected. A chat server keeps little and
	// makes much garbage: with Go's rule, collect when it has doubled, a busy node with 20 MB of live data
	// would spend a tenth of its processor time on collecting.
	heapRoom = 64 << 20
	// defaultGC is Go's own GOGC, in percent of what is live.
	defaultGC = 100
	// lookAtMemory is how often the heap is looked at; quietFor how many looks in a row have to find next
	// to nothing allocated before what is free goes back to the system.
	lookAtMemory = time.Second
	quietFor     = 5
	// quiet is what a node that only pings allocates between two looks, at most; worthwhile what must be
	// free before it is given back.
	quiet      = 1 << 20
	worthwhile = 8 << 20
)

// memory keeps collections rare while the node is busy and its size small while it is idle, such as after
// ten thousand clients have come back at once. GOGC in the environment switches it off.
type memory struct {
	samples   []metrics.Sample
	allocated uint64 // by the last look
	percent   int
	idle      int  // looks in a row
	given     bool // back to the system, since something was last going on
}

func newMemory() *memory {
	return &memory{percent: defaultGC, samples: []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}}
}

// tend runs until ctx ends.
func (m *memory) tend(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	for {
		m.look()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *memory) look() {
	metrics.Read(m.samples)
	live, allocated := m.samples[0].Value.Uint64(), m.samples[1].Value.Uint64()
	held := m.samples[2].Value.Uint64() + m.samples[3].Value.Uint64()
	if percent := gcPercent(live); percent != m.percent {
		m.percent = percent
		debug.SetGCPercent(percent)
	}
	if allocated-m.allocated > quiet {
		m.idle, m.given = 0, false
	} else {
		m.idle++
	}
	m.allocated = allocated
	if m.idle >= quietFor && !m.given && held > live+worthwhile {
		m.given = true
		debug.FreeOSMemory()
	}
}

// gcPercent lets a heap of live bytes grow by heapRoom, or double when that is more. It moves in steps, so
// that it is not set anew all the time.
func gcPercent(live uint64) int {
	const step = 50
	return max(defaultGC, int(heapRoom*100/max(live, 4<<20))/step*step)
}
