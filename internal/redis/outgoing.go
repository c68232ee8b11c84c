package redis

import "sync"

const (
	// What waits to be published is bounded: past either figure an envelope is lost.
	maxOutgoing      = 10_000
	maxOutgoingBytes = 16 << 20
	// A burst is what one trip to Redis carries.
	maxBurst      = 256
	maxBurstBytes = 1 << 20
)

// letter is an envelope and where it goes.
type letter struct {
	topic    string
	envelope []byte
}

// outgoing is what waits to be published. It takes nothing while there is no connection: typing that is
// told a minute late is worse than not told.
type outgoing struct {
	wake chan struct{}

	mu      sync.Mutex
	open    bool
	letters []letter
	bytes   int
}

func newOutgoing() *outgoing { return &outgoing{wake: make(chan struct{}, 1)} }

// put takes a letter, or reports that it is lost.
func (o *outgoing) put(l letter) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.open || len(o.letters) >= maxOutgoing || o.bytes+len(l.envelope) > maxOutgoingBytes {
		return false
	}
	o.letters = append(o.letters, l)
	o.bytes += len(l.envelope)
	if len(o.letters) == 1 {
		rouse(o.wake)
	}
	return true
}

// burst takes the next letters out, at least one if any waits.
func (o *outgoing) burst() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, bytes := 0, 0
	for n < len(o.letters) && n < maxBurst && (n == 0 || bytes+len(o.letters[n].envelope) <= maxBurstBytes) {
		bytes += len(o.letters[n].envelope)
		n++
	}
	burst := o.letters[:n:n]
	o.letters = o.letters[n:]
	o.bytes -= bytes
	if len(o.letters) == 0 {
		o.letters = nil
	} else {
		rouse(o.wake)
	}
	return burst
}

func (o *outgoing) start() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open = true
}

// end takes nothing any more and returns what still waits.
func (o *outgoing) end() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := o.letters
	o.open, o.letters, o.bytes = false, nil, 0
	return rest
}

// rouse wakes who waits on a channel of one place.
func rouse(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
