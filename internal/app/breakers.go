package app

import (
	"time"

	"github.com/parley-chat/parley/internal/breaker"
	"github.com/parley-chat/parley/internal/obs"
)

// breakers are all of this node's: before the database, where it is another process, and before what is asked of Redis.
func (n *Node) breakers() []*breaker.Breaker {
	all := n.store.Breakers()
	if n.reach.redis != nil {
		all = append(all, n.reach.redis.Breakers()...)
	}
	return all
}

// listenToBreakers logs each opening and each closing once.
func (n *Node) listenToBreakers() {
	for _, b := range n.breakers() {
		b.OnChange(n.breakerChanged)
	}
}

func (n *Node) breakerChanged(c breaker.Change) {
	if n.leaving.Load() {
		// The node closes its connections: the part is well.
		return
	}
	if c.Opened {
		n.log.Warn("a part does not answer and is left alone until it does", "event", "breaker.opened", "part", c.Part, "error", c.Err)
		return
	}
	n.log.Info("a part that was left alone answers again", "event", "breaker.closed", "part", c.Part, "after", c.Lasted.Round(time.Millisecond).String())
}

// readBreakers emits in which state each is.
func (n *Node) readBreakers(emit obs.Emit) {
	for _, b := range n.breakers() {
		now := b.State()
		for _, s := range breaker.States {
			emit(obs.BreakerState, one(s == now), b.Part(), s.String())
		}
		emit(obs.BreakerOpened, float64(b.Opened()), b.Part())
	}
}
