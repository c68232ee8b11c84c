package cluster

import (
	"sync/atomic"

	"github.com/parley-chat/parley/internal/realtime"
)

// Path is one way between nodes. *redis.Bus and *pgbus.Bus are paths.
type Path interface {
	realtime.Bus
	// Up reports whether what is published now is heard by others and what they publish is heard here, as far
	// as this node can know.
	Up() bool
	// OnChange sets what is called whenever Up has changed, one call at a time. It is called before the path runs.
	OnChange(func(up bool))
}

// followed is a path with the changes that were not dealt with yet.
type followed struct {
	Path
	rises, falls atomic.Int64
}

// follow counts the changes of a path, so that none is overlooked however short, and calls changed at each.
func follow(p Path, changed func()) *followed {
	f := &followed{Path: p}
	p.OnChange(func(up bool) {
		if up {
			f.rises.Add(1)
		} else {
			f.falls.Add(1)
		}
		changed()
	})
	return f
}
