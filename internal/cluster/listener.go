package cluster

import (
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/realtime"
)

// gather is how long a loss of anything waits for others, to be told once: when Redis comes back, every node
// says so.
const gather = 100 * time.Millisecond

// listener is an ear on both paths.
type listener struct {
	bus      *Bus
	tell     func(topic string, envelope []byte)
	lose     func(topics []string)
	redis    realtime.Listener // nil without Redis
	database realtime.Listener

	// calling is held while tell or lose runs: the paths do not know of each other.
	calling sync.Mutex
	stopped bool

	mu      sync.Mutex
	forces  inForce
	owes    bool               // that anything may have been missed, within gather
	noticed map[*followed]bool // the paths on which Topic is in force
}

func newListener(b *Bus, hear func(string, []byte), lost func([]string)) *listener {
	l := &listener{bus: b, tell: hear, lose: lost, forces: newInForce(), noticed: make(map[*followed]bool)}
	l.database = b.database.Listen(l.hear, func(topics []string) { l.lost(b.database, topics) })
	l.database.Follow(Topic)
	if b.redis != nil {
		l.redis = b.redis.Listen(l.hear, func(topics []string) { l.lost(b.redis, topics) })
		l.redis.Follow(Topic)
	}
	return l
}

// Follow follows topics on both paths.
func (l *listener) Follow(topics ...string) {
	both := l.bothUp()
	l.mu.Lock()
	l.forces.follow(topics, both)
	l.mu.Unlock()
	l.database.Follow(topics...)
	if l.redis != nil {
		l.redis.Follow(topics...)
	}
	if both && !l.bothUp() {
		// A path fell meanwhile, perhaps before the listener could know that it waits for it.
		l.fell()
	}
}

// Unfollow gives topics up on both paths.
func (l *listener) Unfollow(topics ...string) {
	l.mu.Lock()
	l.forces.unfollow(topics)
	l.mu.Unlock()
	l.database.Unfollow(topics...)
	if l.redis != nil {
		l.redis.Unfollow(topics...)
	}
}

// Stop waits for the calls under way.
func (l *listener) Stop() {
	l.bus.forget(l)
	l.database.Stop()
	if l.redis != nil {
		l.redis.Stop()
	}
	l.calling.Lock()
	defer l.calling.Unlock()
	l.stopped = true
}

func (l *listener) bothUp() bool { return l.bus.redisUp() && l.bus.database.Up() }

// fell notes that a path is down: nothing is waited for from it, and anything may have been missed.
func (l *listener) fell() {
	l.mu.Lock()
	l.forces.waitNoMore()
	l.mu.Unlock()
	l.missAll()
}

func (l *listener) hear(topic string, envelope []byte) {
	if topic == Topic {
		if l.bus.readNotice(envelope) == noticeGap {
			l.missAll()
		}
		return
	}
	l.calling.Lock()
	defer l.calling.Unlock()
	l.tell(topic, envelope)
}

// lost takes what a path says was lost, or is in force.
func (l *listener) lost(by *followed, topics []string) {
	if topics == nil {
		l.missAll()
		return
	}
	if slices.Contains(topics, Topic) && l.alreadyNoticed(by) {
		// Perhaps a gap.
		l.missAll()
		return
	}
	l.mu.Lock()
	due := l.forces.told(by == l.bus.redis, topics)
	l.mu.Unlock()
	if len(due) > 0 {
		l.miss(due)
	}
}

// alreadyNoticed reports whether Topic was in force on a path before.
func (l *listener) alreadyNoticed(path *followed) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.noticed[path]
	l.noticed[path] = true
	return before
}

// missAll says soon that anything may have been missed.
func (l *listener) missAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owes {
		return
	}
	l.owes = true
	time.AfterFunc(gather, func() {
		l.mu.Lock()
		l.owes = false
		l.mu.Unlock()
		l.miss(nil)
	})
}

func (l *listener) miss(topics []string) {
	l.calling.Lock()
	defer l.calling.Unlock()
	if !l.stopped {
		l.lose(topics)
	}
}
