package pgbus

import "sync/atomic"

// Stats is what a bus has done since it was made.
type Stats struct {
	Published  uint64 // envelopes handed to it
	Statements uint64 // that published them, and notices of losses
	Failed     uint64 // statements that did not go through
	Oversize   uint64 // envelopes that cannot travel, told as lost
	Dropped    uint64 // envelopes that the queue had no room for, told as lost
	Heard      uint64 // envelopes of topics followed
	Overflowed uint64 // envelopes that a listener was too slow for, told to it as lost
	Foreign    uint64 // notifications that are not ours
	Unknown    uint64 // notifications that only a newer version reads, told as lost
	Connected  uint64 // times that the bus came up
}

type counters struct {
	published, statements, failed, oversize, dropped, heard, overflowed, foreign, unknown, connected atomic.Uint64
}

// Stats is a snapshot.
func (b *Bus) Stats() Stats {
	c := &b.counts
	return Stats{
		Published: c.published.Load(), Statements: c.statements.Load(), Failed: c.failed.Load(),
		Oversize: c.oversize.Load(), Dropped: c.dropped.Load(), Heard: c.heard.Load(), Overflowed: c.overflowed.Load(),
		Foreign: c.foreign.Load(), Unknown: c.unknown.Load(), Connected: c.connected.Load(),
	}
}
