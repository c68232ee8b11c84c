package redis

import (
	"sync/atomic"
	"time"
)

// Stats is what a bus has done since it was opened, and how it stands.
type Stats struct {
	Up         bool
	UpFor      time.Duration // since when; 0 while it is down
	Published  uint64        // envelopes that Redis took
	Heard      uint64        // envelopes that came in for a topic followed here
	Dropped    uint64        // of those, the ones a listener was too slow for
	Lost       uint64        // envelopes that could not be published
	Reconnects uint64        // connections after the first
	Deaf       uint64        // of those, the ones made because the node did not hear itself
	Topics     int           // subscribed, or to be
	Peers      int           // other nodes that are heard
	PeerFell   time.Time     // when one of them fell silent last; zero if none did
}

type counters struct {
	published, heard, dropped, lost, reconnects, deaf atomic.Uint64
}

// Stats takes a snapshot.
func (b *Bus) Stats() Stats {
	var upFor time.Duration
	if since := b.upSince.Load(); since != nil {
		upFor = time.Since(*since)
	}
	peers, fell := b.peers.count()
	return Stats{
		Up: b.Up(), UpFor: upFor,
		Published: b.stats.published.Load(), Heard: b.stats.heard.Load(),
		Dropped: b.stats.dropped.Load(), Lost: b.stats.lost.Load(),
		Reconnects: b.stats.reconnects.Load(), Deaf: b.stats.deaf.Load(),
		Topics: b.topics.count(), Peers: peers, PeerFell: fell,
	}
}
