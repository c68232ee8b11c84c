package realtime

import (
	"context"
	"sync"

	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// maxOutboxBytes bounds what waits for one socket, frames on their way included. With the buffers of
	// four joins at once (maxJoinBuffer) it stays under the 1 MiB of C3.6.
	maxOutboxBytes = 896 << 10
	// maxOutboxFrames bounds the number of frames, however small.
	maxOutboxFrames = 8192
	// roomAt is what may wait at most while catching up goes on; live events have the rest.
	roomAt = 256 << 10
	// frameOverhead is what a waiting frame costs besides its shared bytes.
	frameOverhead = 24
)

// Closing says how a socket is to be closed.
type Closing struct {
	Code   protocol.CloseCode
	Reason string
}

// Outbox holds the frames that wait for one socket. Nobody waits for it: one that is full ends its
// session with 4413 (C3.6). Frames are shared between sessions and must not be changed.
//
// There is at most one writer at a time. wake is called when there is something to write and no writer;
// the writer then calls Take until it has nothing more, which ends its turn.
type Outbox struct {
	wake  func()
	ended func(Closing)

	mu       sync.Mutex
	frames   [][]byte
	head     int // frames before it are taken
	bytes    int // of frames waiting and in flight
	inFlight int
	writing  bool
	closing  *Closing
	room     chan struct{}
}

// NewOutbox makes an outbox. wake starts a writer and must not block; ended is told once how the
// socket is to be closed, before the writer gets there. Both are called under the outbox's lock.
func NewOutbox(wake func(), ended func(Closing)) *Outbox { return &Outbox{wake: wake, ended: ended} }

// Send puts frames into the outbox, in order. It reports false when the session has ended or ends now
// because they do not fit.
func (o *Outbox) Send(frames ...[]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.send(frames)
}

func (o *Outbox) send(frames [][]byte) bool {
	if o.closing != nil {
		return false
	}
	for _, f := range frames {
		o.bytes += len(f) + frameOverhead
	}
	if o.bytes > maxOutboxBytes || len(o.frames)-o.head+len(frames) > maxOutboxFrames {
		o.end(Closing{protocol.CloseSlow, "SLOW_CONSUMER"}, true)
		return false
	}
	if o.head > len(o.frames)/2 && len(o.frames)+len(frames) > cap(o.frames) {
		// An outbox that is never quite empty must not grow with all that went through it.
		waiting := copy(o.frames, o.frames[o.head:])
		clear(o.frames[waiting:])
		o.frames, o.head = o.frames[:waiting], 0
	}
	o.frames = append(o.frames, frames...)
	o.start()
	return true
}

// SendIfQuiet sends what may be lost (typing), or told later (presence), only while the outbox is nearly empty. It
// reports whether it did.
func (o *Outbox) SendIfQuiet(frames ...[]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes < maxOutboxBytes/8 && o.send(frames)
}

// End closes the socket after what waits has been written. Only the first call counts.
func (o *Outbox) End(c Closing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end(c, false)
}

func (o *Outbox) end(c Closing, drop bool) {
	if o.closing != nil {
		return
	}
	o.closing = &c
	if drop {
		o.frames, o.head, o.bytes = nil, 0, o.inFlight
	}
	o.makeRoom()
	o.ended(c)
	o.start()
}

// waiting is how many bytes wait, those on their way included, and whether that is half of what may, or more.
func (o *Outbox) waiting() (bytes int, half bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes, o.bytes >= maxOutboxBytes/2 || len(o.frames)-o.head >= maxOutboxFrames/2
}

// Ended reports whether the outbox takes no more frames.
func (o *Outbox) Ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing != nil
}

func (o *Outbox) start() {
	if !o.writing {
		o.writing = true
		o.wake()
	}
}

// Take appends to into the frames to write next, about max bytes of them; what was taken before counts
// as written. With no frames left it returns how to close, or nil, and in both cases the writer's
// turn is over: after a Closing there is no other.
func (o *Outbox) Take(into [][]byte, max int) ([][]byte, *Closing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= o.inFlight
	o.inFlight = 0
	n := 0
	for _, f := range o.frames[o.head:] {
		if n > 0 && o.inFlight+len(f) > max {
			break
		}
		into = append(into, f)
		o.inFlight += len(f) + frameOverhead
		n++
	}
	clear(o.frames[o.head : o.head+n])
	o.head += n
	if o.head == len(o.frames) {
		o.head = 0
		if o.frames = o.frames[:0]; cap(o.frames) > 8 {
			o.frames = nil
		}
	}
	if o.bytes < roomAt {
		o.makeRoom()
	}
	if n > 0 {
		return into, nil
	}
	// A writer that has the close to write stays the only one for good.
	o.writing = o.closing != nil
	return into, o.closing
}

func (o *Outbox) makeRoom() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// WaitForRoom waits until the client has read enough for catching up to go on. It reports false when
// the session or ctx ended meanwhile.
func (o *Outbox) WaitForRoom(ctx context.Context) bool {
	for {
		o.mu.Lock()
		if o.closing != nil || o.bytes < roomAt {
			defer o.mu.Unlock()
			return o.closing == nil
		}
		if o.room == nil {
			o.room = make(chan struct{})
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}
