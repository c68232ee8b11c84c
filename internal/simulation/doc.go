// Package simulation plays a small Parley with everything that can happen to it, thousands of times: three
// nodes in one process and in the time of testing/synctest, each with its own hub, rules and WebSocket
// layer, over one real SQLite file, and people who chat over them. Minutes take milliseconds.
//
// What is between the parts is made here and does what a bad day does:
//
//	store.go    a node's way to the database: slow, cut off, locked; it fails before a commit, commits and
//	            says that it does not know, commits after it was given up
//	bus.go      envelopes are lost, doubled, late and out of order; nodes are cut off from each other; what
//	            was lost is said late
//	stream.go   sockets with a latency and a small buffer, which break with bytes on their way
//	node.go     a process is killed between any two steps, held for up to a minute, drained; its clock is
//	            minutes ahead
//	device.go   clients that come and go, land on any node, read slowly, send again what was not answered
//
// Everything that is decided is decided by one number, the seed ([chance]). A run has four parts: people chat
// while things break; the weather clears and everybody comes back; probes measure that what is promised
// within a second comes within a second (probe.go); then everything is read by everybody. What was done and
// seen goes to internal/check, together with what the database holds.
//
// What a seed repeats: the conversations, what is done when and by whom, and which call of which node to the
// store or the bus meets which fault. Steps of goroutines that fall on the same instant of the fake time are
// taken in the order of Go's scheduler, and a few waits in the product are drawn from its own random numbers.
// So a failing seed mostly fails again, nine times of ten (ADR-017), and not always in the same step.
package simulation
