package cluster

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/realtime"
)

var (
	_ realtime.Bus    = (*Bus)(nil)
	_ realtime.Urgent = (*Bus)(nil)
)

const (
	// awayEvery is how often a node says that its Redis is away, and rememberAway how long the others remember it.
	awayEvery    = time.Second
	rememberAway = 3 * time.Second
)

// State is how a node reaches the others.
type State string

const (
	StateRedis    State = "redis"
	StateDatabase State = "database"
	// StateAlone: nothing reaches the others but the store.
	StateAlone State = "alone"
)

// Config names the node.
type Config struct {
	NodeID string
	// Registry knows whether there are others; nil means that there may always be.
	Registry *Registry
	Log      *slog.Logger
}

// Bus is both paths together.
type Bus struct {
	cfg      Config
	process  string
	began    time.Time
	redis    *followed // nil without Redis
	database *followed

	awayUntil atomic.Int64 // since began: so long another node's Redis counts as away
	changed   chan struct{}
	started   atomic.Bool // it was as it should be once, or had the time to

	mu        sync.Mutex
	listeners []*listener
}

// NewBus joins two paths; redis is nil where there is none. The paths must not run yet; whoever starts the bus
// runs them beside it.
func NewBus(cfg Config, redis, database Path) *Bus {
	b := &Bus{cfg: cfg, process: uuid.NewString(), began: time.Now(), changed: make(chan struct{}, 1)}
	b.database = follow(database, b.reconsider)
	if redis != nil {
		b.redis = follow(redis, b.reconsider)
	}
	if cfg.Registry != nil {
		cfg.Registry.bus = b
	}
	return b
}

// Publish hands an envelope to the paths that lead to the others now.
func (b *Bus) Publish(topic string, envelope []byte) {
	redis := b.redisUp()
	if redis {
		b.redis.Publish(topic, envelope)
	}
	if !redis || b.othersAway() {
		b.database.Publish(topic, envelope)
	}
}

// PublishUrgent hands an envelope to both paths: a Redis that hangs counts as up for a second and a half.
func (b *Bus) PublishUrgent(topic string, envelope []byte) {
	if b.redis == nil {
		b.Publish(topic, envelope)
		return
	}
	b.redis.Publish(topic, envelope)
	b.database.Publish(topic, envelope)
}

// Listen listens to both paths.
func (b *Bus) Listen(hear func(topic string, envelope []byte), lost func(topics []string)) realtime.Listener {
	l := newListener(b, hear, lost)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = append(slices.Clone(b.listeners), l)
	return l
}

func (b *Bus) forget(l *listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = slices.DeleteFunc(slices.Clone(b.listeners), func(other *listener) bool { return other == l })
}

// Peers reports whether another node may be listening.
func (b *Bus) Peers() bool { return b.cfg.Registry == nil || b.cfg.Registry.Peers() }

// State is how this node reaches the others now.
func (b *Bus) State() State {
	switch {
	case b.redisUp():
		return StateRedis
	case b.database.Up():
		return StateDatabase
	}
	return StateAlone
}

// Degraded reports that envelopes may be missing for longer than a moment without a word of it: this node has
// not the path that it should have, or shares none with another, or has a twin, which it does not hear. Whoever listens then asks the store often.
func (b *Bus) Degraded() bool {
	return b.State() != b.best() || b.cfg.Registry != nil && b.cfg.Registry.misses(b.redisUp(), b.database.Up())
}

// best is the state that this node should have.
func (b *Bus) best() State {
	if b.redis != nil {
		return StateRedis
	}
	return StateDatabase
}

func (b *Bus) redisUp() bool { return b.redis != nil && b.redis.Up() }

func (b *Bus) othersAway() bool { return time.Since(b.began) < time.Duration(b.awayUntil.Load()) }

// reconsider has Run look at the paths.
func (b *Bus) reconsider() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// Run says and hears what keeps the paths together, until ctx ends.
func (b *Bus) Run(ctx context.Context) error {
	ears := []realtime.Listener{b.database.Listen(b.hearNotice, func([]string) {})}
	if b.redis != nil {
		ears = append(ears, b.redis.Listen(b.hearNotice, func([]string) {}))
	}
	for _, ear := range ears {
		ear.Follow(Topic)
		defer ear.Stop()
	}
	tick := time.NewTicker(awayEvery)
	defer tick.Stop()
	t := turns{bus: b}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.changed:
			t.take()
		case <-tick.C:
			t.take()
			t.tell()
			b.sayAway()
		}
	}
}

// hearNotice takes what another node says about the bus. Gaps are taken by the listeners themselves.
func (b *Bus) hearNotice(_ string, envelope []byte) {
	switch b.readNotice(envelope) {
	case noticeAway:
		known := b.othersAway()
		b.awayUntil.Store(int64(time.Since(b.began) + rememberAway))
		if !known && b.redisUp() {
			b.database.Publish(Topic, b.notice(noticeGap))
		}
	case noticeHello:
		if b.cfg.Registry != nil && b.cfg.Registry.meet() {
			b.sayGap()
		}
	}
}

// sayGap says on the paths in use that something may not have arrived.
func (b *Bus) sayGap() { b.Publish(Topic, b.notice(noticeGap)) }

// sayAway says that this node hears nothing over Redis, if so: others may have one where this node has none.
func (b *Bus) sayAway() {
	if !b.redisUp() && (b.redis != nil || b.Peers()) {
		b.database.Publish(Topic, b.notice(noticeAway))
	}
}

// sayHello says on a path that this node is there.
func (b *Bus) sayHello(path *followed) {
	if path != nil && path.Up() {
		path.Publish(Topic, b.notice(noticeHello))
	}
}

// awake says hello again after this node stood still.
func (b *Bus) awake() {
	b.sayHello(b.redis)
	b.sayHello(b.database)
}

// fell tells all listeners that a path is down.
func (b *Bus) fell() {
	b.mu.Lock()
	listeners := b.listeners
	b.mu.Unlock()
	for _, l := range listeners {
		l.fell()
	}
}
