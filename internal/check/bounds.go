package check

import (
	"cmp"
	"time"
)

// Bounds say how long what is promised may take. What is zero has the value that is promised.
type Bounds struct {
	// Slack is added to every bound, for a machine that has more to do than to be fast.
	Slack time.Duration
	// Send is how long a send may wait for its answer while nothing is broken; 3 s (C2.6).
	Send time.Duration
	// Request is how long any other operation may take while nothing is broken; 5 s.
	Request time.Duration
	// Removal is how long after its answer a removal may take to reach every node; 1 s (C3.7).
	Removal time.Duration
	// Recovery is how long after a fault the system may still show it: the bounds of what goes on
	// meanwhile are not asked for; 10 s.
	Recovery time.Duration
	// FirstSend is how long after the last fault a send may still fail; 10 s.
	FirstSend time.Duration
	// AllLive is how long after the last fault a client may be without a connection; 30 s.
	AllLive time.Duration
	// Mended are the kinds of faults under which a live connection must not have a hole either: what they
	// lose is read from the database at once (C3.1). Under all others it may, since the database, the node or
	// the link may be what is broken.
	Mended []string
	// Ahead are the kinds of faults under which what runs ahead of the store may be away: then an own read position in a
	// large conversation is answered as the store has it, and that may be behind until it is back (ADR-020).
	Ahead []string
	// Uncounted are the kinds of faults under which counts of readers may be wrong for a moment, or come late: whoever was to
	// have them counted anew died, or what runs ahead of the store is away, or the client or a node stands still.
	Uncounted []string
	// Forgotten are the sets of kinds of faults that, all together, may lose what was read in a large conversation shortly
	// before: it is in the store within 10 seconds, and until then with one node, or with a node and Redis (ADR-020).
	Forgotten [][]string
	// Large is how many people make a conversation large: its readers are counted and not named; 10 (C6.3).
	Large int
	// There is how long after a connect its person may be told to be offline; 2 s, and 5 s while something is broken (C7.1).
	There time.Duration
	// Gone is how long after their last connection a person may be told to be there; 40 s (C7.3).
	Gone time.Duration
	// Left is how long after a logout that may be; 2 s (C7.1).
	Left time.Duration
	// Lease is how long a person at least is there after their last connection; 30 s (C7.5). Bereft is the same when their node
	// died or stood still, which may not have told of their last signs of life; 15 s.
	Lease, Bereft time.Duration
	// Rebuilt is how long after a fault of a kind that is not in Hearing presence may be behind; 35 s.
	Rebuilt time.Duration
	// Hearing are the kinds of faults under which all nodes and clients hear at once of what changes. Under all others who is
	// there, and who may know it, may be told late.
	Hearing []string
	// Lapsing are the kinds of faults under which signs of life may not reach whoever counts them. Together they may last as long
	// as Unrenewed, 10 s, and nobody is offline by them.
	Lapsing   []string
	Unrenewed time.Duration
	// Emptied are the kinds of faults that may lose who is there for Lease.
	Emptied []string
	// Delivery bounds the 95th percentile from a send to its reception by a connected client, by the kind
	// of the fault that was on; "" is outside of faults. What is not named is not bounded.
	Delivery map[string]time.Duration
}

func (b Bounds) filled() Bounds {
	fill := func(d *time.Duration, promised time.Duration) {
		if *d == 0 {
			*d = promised
		}
		*d += b.Slack
	}
	fill(&b.Send, 3*time.Second)
	fill(&b.Request, 5*time.Second)
	fill(&b.Removal, time.Second)
	fill(&b.Recovery, 10*time.Second)
	fill(&b.FirstSend, 10*time.Second)
	fill(&b.AllLive, 30*time.Second)
	fill(&b.There, 2*time.Second)
	fill(&b.Gone, 40*time.Second)
	fill(&b.Left, 2*time.Second)
	fill(&b.Rebuilt, 35*time.Second)
	b.Lease = cmp.Or(b.Lease, 30*time.Second)
	b.Bereft = cmp.Or(b.Bereft, 15*time.Second)
	b.Unrenewed = cmp.Or(b.Unrenewed, 10*time.Second)
	if b.Large == 0 {
		b.Large = 10
	}
	return b
}
