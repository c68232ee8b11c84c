package app

import "github.com/parley-chat/parley/internal/obs"

// overloaded logs when the node begins to leave work out, and when it does all of it again. Each refusal is a metric and no
// line: there are thousands.
func (n *Node) overloaded(is bool) {
	if is {
		n.log.Warn("there is more to do than this node can, and it leaves work out", "event", "node.overloaded", "waiting", n.chat.Queue().Messages)
		return
	}
	n.log.Info("all work is done again", "event", "node.calm", "refusedSends", n.chat.Overload().RefusedSends)
}

// readOverload emits how much there is to do and what is left out.
func (n *Node) readOverload(emit obs.Emit) {
	o := n.chat.Overload()
	emit(obs.OverloadLevel, float64(o.Level))
	for what, n := range o.Shed {
		emit(obs.Shed, float64(n), what.String())
	}
	emit(obs.Shed, float64(o.RefusedSends), "sends")
}
