package app

import (
	"log/slog"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/obs"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/redis"
)

// devices know who is connected. Several nodes without Redis have nothing in common but the store, which nobody asks so
// often: each knows of those who are connected to it (knowsOwnOnly).
func (n *Node) devices() chat.Devices {
	if n.reach.redis == nil {
		return inmem.NewDevices()
	}
	n.reach.devices = redis.NewDevices(n.reach.redis)
	n.reach.devices.OnLost(func() { n.chat.BeatAgain() })
	n.reach.devices.OnLapsed(func() { n.chat.LapseSoon() })
	return n.reach.devices
}

// knowsOwnOnly reports whether this node knows of its own people only, though there may be others.
func (h *reach) knowsOwnOnly() bool { return h.joint != nil && h.redis == nil }

// apart is the announcer of a node that knows of its own people only.
type apart struct{ *realtime.Hub }

// PresenceChanged tells this node's sessions.
func (a apart) PresenceChanged(changed []chat.Presence) { a.PresenceChangedHere(changed) }

// announcer is who the rules tell what has happened.
func (n *Node) announcer() chat.Announcer {
	if n.reach.knowsOwnOnly() {
		return apart{n.hub}
	}
	return n.hub
}

// ownOnly is what an operator has to know of several nodes without Redis.
const ownOnly = "Without Redis each node knows only of its own people whether they are there (presence): give all nodes the same REDIS_URL."

// presenceTold logs what others are told of somebody's presence.
func (n *Node) presenceTold(p chat.Presence, of chat.Trace) {
	n.write(presenceChanged, "presence.changed", func() []slog.Attr {
		return []slog.Attr{
			slog.String("traceId", of.TraceID()), slog.String("userId", string(p.User)), slog.String("status", string(p.Status)),
			slog.String("deviceType", string(p.Device)),
		}
	})
}

// presenceFailed logs when a part of presence begins to fail and when it is well again.
func (n *Node) presenceFailed(part string, err error) {
	if err != nil {
		n.log.Warn("presence cannot be kept and is tried again each second", "event", "presence.failing", "part", part, "error", err)
		return
	}
	n.log.Info("presence is kept again", "event", "presence.back", "part", part)
}

// readPresence emits what this node does for presence.
func (n *Node) readPresence(emit obs.Emit) {
	s := n.chat.PresenceStats()
	emit(obs.PresenceDevices, float64(s.Online), "online")
	emit(obs.PresenceDevices, float64(s.Away), "away")
	emit(obs.PresenceBeats, float64(s.Beats))
	emit(obs.PresenceTold, float64(s.Told))
	emit(obs.PresenceLapsed, float64(s.Lapsed))
	emit(obs.PresenceFailures, float64(s.FailedBeats), "beats")
	emit(obs.PresenceFailures, float64(s.FailedLapses), "lapses")
}
