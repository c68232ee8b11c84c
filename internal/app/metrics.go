package app

import (
	"context"
	"net"
	"runtime"

	"github.com/parley-chat/parley/internal/cluster"
	"github.com/parley-chat/parley/internal/obs"
)

// listenMetrics takes the address of /metrics. One that somebody chose must be free. The default is what
// Prometheus itself likes: when that is in use the node runs without metrics and says so.
func (n *Node) listenMetrics(ctx context.Context) error {
	address := n.cfg.MetricsListen
	if address == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		n.metricsListener = listener
	case n.cfg.Origin("metrics_listen") == "default":
		n.warnings = append(n.warnings, "There are no metrics, because "+address+" is in use: name another address in PARLEY_METRICS_LISTEN, or nothing to go without.")
	default:
		return metricsProblem(address, err)
	}
	return nil
}

// readNode emits what the node itself knows.
func (n *Node) readNode(emit obs.Emit) {
	health := n.health()
	emit(obs.NodeInfo, 1, n.id, n.version, n.store.Kind())
	emit(obs.BuildInfo, 1, n.version, runtime.Version())
	emit(obs.Ready, one(health.Ready()))
	emit(obs.DatabaseUp, one(n.pulse.beats()))
}

// readSockets emits what became of connections.
func (n *Node) readSockets(emit obs.Emit) {
	s := n.sockets.Stats()
	emit(obs.Connections, float64(s.Connections))
	emit(obs.FramesBroken, float64(s.Commands), "command")
	emit(obs.FramesBroken, float64(s.Faults), "protocol")
	for how, ended := range s.Closed {
		emit(obs.SessionsClosed, float64(ended), how)
	}
}

// readAuth emits how attempts to sign in went.
func (n *Node) readAuth(emit obs.Emit) {
	s := n.auth.Stats()
	emit(obs.Logins, float64(s.In), "in")
	emit(obs.Logins, float64(s.Refused), "refused")
	emit(obs.Logins, float64(s.Crowded), "crowded")
	emit(obs.Logins, float64(s.Failed), "failed")
	emit(obs.Registrations, float64(s.Made), "made")
	emit(obs.Registrations, float64(s.NotMade), "refused")
	emit(obs.Registrations, float64(s.MakingFailed), "failed")
	emit(obs.Refreshes, float64(s.Fresh), "fresh")
	emit(obs.Refreshes, float64(s.Graced), "graced")
	emit(obs.Refreshes, float64(s.Reused), "reused")
	emit(obs.Refreshes, float64(s.RefreshRefused), "refused")
	emit(obs.Refreshes, float64(s.RefreshFailed), "failed")
}

// readHub emits what the hub delivers and what it had to make up for.
func (n *Node) readHub(emit obs.Emit) {
	s := n.hub.Stats()
	emit(obs.Sessions, float64(s.Sessions))
	emit(obs.FollowedTopics, float64(s.Topics))
	emit(obs.Comparisons, float64(s.Comparisons))
	emit(obs.ComparisonsBehind, float64(s.Behind))
	emit(obs.GapsRepaired, float64(s.GapsRepaired))
	emit(obs.BusLost, float64(s.Lost))
	emit(obs.BusMisheard, float64(s.Misheard))
	emit(obs.DeliveryUntimed, float64(s.Untimed))
	emit(obs.Dropped, float64(s.TypingDropped), "typing")
	emit(obs.Dropped, float64(s.PresenceDropped), "presence")
	emit(obs.CatchUps, float64(s.CatchUps), "whole")
	emit(obs.CatchUps, float64(s.CatchUpsCut), "cut")
	emit(obs.CaughtUp, float64(s.CaughtUp))
	bytes, half := n.hub.Outboxes()
	emit(obs.OutboxBytes, float64(bytes))
	emit(obs.OutboxesHalf, float64(half))
	emit(obs.PresencePairs, float64(s.Pairs))
	emit(obs.PresenceOwed, float64(s.StatesOwed))
	emit(obs.PresenceEvents, float64(s.PresencesTold))
	emit(obs.PresenceStates, float64(s.StatesTold))
	emit(obs.PresenceReads, float64(s.WatchingReads))
}

// readRules emits what the rules gather, and what waits to be stored.
func (n *Node) readRules(emit obs.Emit) {
	reads, hands := n.chat.Gathered()
	emit(obs.ReadsGathered, float64(reads))
	emit(obs.ReadsHanded, float64(hands))
	q := n.chat.Queue()
	emit(obs.QueueMessages, float64(q.Messages))
	emit(obs.QueueBytes, float64(q.Bytes))
	emit(obs.QueueFull, q.Full)
}

// readReach emits how the other nodes are reached.
func (n *Node) readReach(emit obs.Emit) {
	state, nodes := cluster.StateAlone, 1
	if n.reach.joint != nil {
		state, nodes = n.reach.joint.State(), max(1, len(n.reach.registry.Nodes()))
		d := n.reach.database.Stats()
		emit(obs.BusPublished, float64(d.Published), "database")
		emit(obs.BusHeard, float64(d.Heard), "database")
		emit(obs.BusDropped, float64(d.Oversize+d.Dropped+d.Overflowed), "database")
		emit(obs.BusReconnects, float64(max(1, d.Connected)-1), "database")
		if ahead, within, known := n.reach.registry.ClockAhead(); known {
			emit(obs.ClockAhead, ahead.Seconds())
			emit(obs.ClockUnsure, within.Seconds())
		}
	}
	emit(obs.Nodes, float64(nodes))
	for _, s := range []cluster.State{cluster.StateRedis, cluster.StateDatabase, cluster.StateAlone} {
		emit(obs.BusState, one(s == state), string(s))
	}
	if n.reach.redis != nil {
		r := n.reach.redis.Stats()
		emit(obs.BusPublished, float64(r.Published), "redis")
		emit(obs.BusHeard, float64(r.Heard), "redis")
		emit(obs.BusDropped, float64(r.Lost+r.Dropped), "redis")
		emit(obs.BusReconnects, float64(r.Reconnects), "redis")
		emit(obs.RedisUp, one(r.Up))
		emit(obs.RedisEvicts, one(n.reach.redis.Evicts() != ""))
	}
	if n.reach.limiter != nil {
		shared, local := n.reach.limiter.Stats()
		emit(obs.LimitsCounted, float64(shared), "shared")
		emit(obs.LimitsCounted, float64(local), "local")
	}
}

// readPool emits how the database's connections are used.
func (n *Node) readPool(emit obs.Emit) {
	p := n.store.Pool()
	emit(obs.DatabaseConnections, float64(p.Used), "used")
	emit(obs.DatabaseConnections, float64(p.Idle), "idle")
	emit(obs.DatabaseMax, float64(p.Max))
	emit(obs.DatabaseWaits, float64(p.Waits))
	emit(obs.DatabaseWaited, p.Waited.Seconds())
}

// readReplica emits what became of the reads that a replica may answer.
func (n *Node) readReplica(emit obs.Emit) {
	r := n.store.ReplicaReads()
	emit(obs.ReplicaReads, float64(r.Served), "served")
	emit(obs.ReplicaReads, float64(r.Behind), "behind")
	emit(obs.ReplicaReads, float64(r.Failed), "failed")
	emit(obs.ReplicaReads, float64(r.Passed), "passed")
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
