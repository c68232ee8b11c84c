// Package realtime brings what was committed to everyone who is connected, on this node and on the
// others, each conversation in rev order, once, and without gaps (C3.1).
//
// A [Session] is one live socket with a bounded [Outbox]. The [Hub] knows this node's sessions, by
// conversation (a topic, topic.go), by person and by login. A change takes this way:
//
//	Announce   the rules hand over committed changes of one conversation          (announce.go)
//	topic      delivers rev n only after n−1, encoded once, to every subscriber   (topic.go)
//	           holds what came too early; reads a gap from the store              (repair.go)
//	notices    tells participants that are not subscribed, off the hot path       (notice.go)
//	bus        hands the same changes to the other nodes' hubs                    (bus.go)
//
// A subscriber that comes back joins the live order without a hole and without a double
// (subscribe.go).
//
// The store is the truth and the bus a hint: whatever the bus loses, doubles or turns round is
// noticed by rev, and what is missing is read from the store.
//
// Locks: a topic's lock, then an outbox's, then the gate's, is the only nesting. Nothing waits for a socket or the
// store while it holds either. The registry's and the notices' locks are taken alone.
package realtime
