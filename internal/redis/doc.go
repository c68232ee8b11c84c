// Package redis joins nodes through Redis: [Bus] carries envelopes between them by publish and subscribe,
// [Limiter] counts uses for all of them together. Both are fast and neither is trusted with anything that
// must last (ADR-014). [Readers] know who has read what ahead of the database, which has it seconds later (ADR-020).
// [Devices] know who is there, with a lease for each device (ADR-021).
//
// The client library hides a broken connection: it dials again by itself, retries, and queues behind what
// hangs. A bus must not hide it, since whatever was published meanwhile is lost and has to be told. So the
// library's own recovery is switched off and a [connection] is one connected period: its sockets are dialled
// before it is used, none is dialled later (sockets.go), and when one breaks or falls silent all are closed.
// Then [Bus.Run] makes a new one, subscribes again to all that is followed, and says that anything may have
// been missed.
//
//	Publish ─▶ outgoing ─▶ connection.publish ─▶ Redis ─▶ link ─▶ topics ─▶ listener ─▶ hear, lost
//	           bounded     bursts, one goroutine          one a server      bounded, one goroutine each
//
// What tells of a loss: a new connection, the node's own probe that does not come back (probe.go), a clock
// that jumped, another node that reports what it could not publish or that falls silent (peers.go), and a
// full queue at either end.
package redis
