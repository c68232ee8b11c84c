package app

import (
	"fmt"
	"syscall"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/obs"
	"github.com/parley-chat/parley/internal/ws"
)

// leastReserve is how many file descriptors are kept for the database, for REST and for files, however few there are.
const leastReserve = 100

// bounds are how many connections there may be. What people and addresses may have is a limit like the others, and off
// with them; how many the node can have is not.
func bounds(c *config.Config) ws.Bounds {
	b := ws.Bounds{Node: c.MaxConnections}
	if b.Node == 0 {
		b.Node = fromDescriptors()
	}
	if c.RateLimits {
		b.User, b.Address = c.MaxUser, c.MaxAddress
	}
	return b
}

// fromDescriptors is how many connections the process may have file descriptors for; 0, no bound, where nobody knows.
// Go raises the soft limit to the hard one at the start.
func fromDescriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return 0
	}
	descriptors := int(limit.Cur)
	return max(1, descriptors-max(leastReserve, descriptors/8))
}

// tooManyPlaces says that a node may not have as many connections as it was told to take.
func tooManyPlaces(asked, most int) string {
	return fmt.Sprintf("PARLEY_MAX_CONNECTIONS is %d, and the file descriptors of this process are enough for %d: give it more (LimitNOFILE, ulimit -n).", asked, most)
}

// readPlaces emits how many connections there may be and how many were refused.
func (n *Node) readPlaces(emit obs.Emit) {
	refused := n.sockets.Refused()
	emit(obs.ConnectionsMax, float64(bounds(&n.cfg.Config).Node))
	emit(obs.ConnectionsRefused, float64(refused.Node), "node")
	emit(obs.ConnectionsRefused, float64(refused.User), "user")
	emit(obs.ConnectionsRefused, float64(refused.Address), "address")
}
