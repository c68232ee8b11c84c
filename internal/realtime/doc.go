// Package realtime brings what was committed to everyone who is connected, on this node and on the
// others, each conversation in rev order, once, and without gaps (C3.1).
//
// A [Session] is one live socket with a bounded [Outbox]. The [Hub] knows this node's sessions, by
// conversation (a topic, topic.go), by person and by login. A change takes this way:
//
//	Announce   the rules hand over committed changes of one conversation          (announce.go)
//	topic      delivers rev n only after n−1, encoded once, to every subscriber   (topic.go)
//	           holds what came too early; reads a gap from the store              (repair.go)
//	notices    tells participants that are not subscribed, off the hot path       (notice.go, settle.go)
//	bus        hands the same changes to the other nodes' hubs                    (bus.go, envelope.go)
//
// A subscriber that comes back joins the live order without a hole and without a double
// (subscribe.go).
//
// The store is the truth and the bus a hint. What the bus loses, doubles or turns round is noticed by rev in
// the conversations that somebody follows. For the others there is a book (book.go) of the people who are here:
// which conversations are theirs, and up to where each was told. It is filled before a session begins (load.go),
// it says which topics of the bus are followed (follow.go), and it is held against the store (compare.go): when
// the bus may have lost something, every five seconds, so far as that fits, and every 400 ms while the bus is
// [Degrading] (watch.go). What differs is told. A node that is [Alone] has no book.
//
// The bus is trusted as the database is: whoever can publish on it can say things in other people's names. What
// is heard is checked all the same, so that garbage harms nobody: its size, its shape, that it is about its
// topic; and a change with a gap before it is only delivered as the store has it. Types and members that are not
// known are passed over, so that nodes of two versions can run together; a kind of change that is not known is
// looked up in the store. [Stats] counts all of this.
//
// Presence goes beside all of this, since it must never delay a message (C7.5). One goroutine knows who watches whom on
// this node and what they were told (presences.go, viewer.go, target.go); the others put what they know into its mail
// (mail.go). It reads whom people watch after their sessions have begun (sight.go), and who is there, when that is not known
// or the bus may have lost it (doubt.go). Who watches is told what differs from what they were told (telling.go): a change
// once, and nothing of one that was taken back meanwhile. A session that reads slowly gets none of it, and everything when
// it has read. Each pair of two people is judged here by the privacy of the one and what they are to each other.
//
// Locks: a topic's lock, then an outbox's, then the gate's, is one nesting. The book's, then those of the follows
// and of the compares, is another; a turn's, then an outbox's, a third. Nothing waits for a socket or the store
// while it holds any. The registry's and the notices' locks are taken alone.
package realtime
