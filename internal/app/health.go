package app

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/breaker"
	"github.com/parley-chat/parley/internal/httpapi"
)

const (
	// pingEvery is how often the database is asked for a sign of life, and pingWithin how long it may take: one that answers
	// later confirms no message within 3 s (C2.6), and one that is only slow is better than no node at all.
	pingEvery  = time.Second
	pingWithin = 2500 * time.Millisecond
)

// pulse asks the database for a sign of life and remembers the answer, so that whoever asks for the node's
// health waits for nothing and costs nothing.
type pulse struct {
	ping func(context.Context) error
	log  *slog.Logger

	mu   sync.Mutex
	good time.Time // of the last sign of life
	away bool      // the last one did not come
	why  error     // for this reason
}

func newPulse(ping func(context.Context) error, log *slog.Logger) *pulse {
	return &pulse{ping: ping, log: log, good: time.Now()}
}

// beats reports whether the database answers. It does not when the last ping failed, or when one is under way
// for longer than it may be.
func (p *pulse) beats() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.away && time.Since(p.good) <= 2*pingEvery+pingWithin
}

// lost is why the database does not answer; nil while it does.
func (p *pulse) lost() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why
}

// run asks until ctx ends.
func (p *pulse) run(ctx context.Context) error {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		p.feel(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *pulse) feel(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, pingWithin)
	defer cancel()
	err := p.ping(bounded)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	was := p.away
	p.away, p.why = err != nil, err
	if err == nil {
		p.good = time.Now()
	}
	p.mu.Unlock()
	switch {
	case err != nil && !was:
		p.log.Error("the database does not answer", "event", "database.lost", "error", err)
	case err == nil && was:
		p.log.Info("the database answers again", "event", "database.back")
	}
}

// live is what /health/live answers: whether the process goes on (vitals.go).
func (n *Node) live() httpapi.Health {
	h := httpapi.NewHealth("process")
	for _, part := range n.vitals.stuck() {
		h.Fail("process", "stuck")
		h.Inside("The process does not go on, in this part: " + part + ".")
	}
	return h
}

// health is what /health/ready answers (C8.5). It waits for nothing.
func (n *Node) health() httpapi.Health {
	h := httpapi.NewHealth("database", "sockets")
	h.Warnings = n.warnings
	n.reach.report(&h, bool(n.cfg.RedisRequired))
	h.Inside(n.reach.warnings()...)
	if around, known := n.neighbours(); known {
		h.Inside(around.warnings()...)
	}
	if !n.pulse.beats() || n.store.Away() {
		h.Fail("database", "unavailable")
	}
	if reads := n.store.ReplicaReads(); reads.Configured && !reads.Well {
		h.Degrade("replica", "unavailable")
	}
	n.storage.report(&h)
	if most := bounds(&n.cfg.Config).Node; most > 0 && n.sockets.Connections() >= most {
		h.Degrade("connections", "full")
	}
	if n.draining.Load() {
		h.Fail("sockets", "draining")
	}
	return h
}

// open reports that a part did not answer a moment ago and is left alone.
func open(b *breaker.Breaker) bool { return b.State() != breaker.Closed }

// report says how the ways to the other nodes are. One that is away can be done without, unless the operator wants
// no node without Redis.
func (h *reach) report(health *httpapi.Health, redisRequired bool) {
	if h.joint == nil {
		return
	}
	health.Checks["notifications"] = "ok"
	if !h.database.Up() {
		health.Degrade("notifications", "unavailable")
	}
	switch {
	case h.redis == nil:
	case h.redis.Up() && slices.ContainsFunc(h.redis.Breakers(), open):
		health.Degrade("redis", "slow")
	case h.redis.Up():
		health.Checks["redis"] = "ok"
	case redisRequired:
		health.Degrade("redis", "unavailable")
		health.Fail("redis", "unavailable")
	default:
		health.Degrade("redis", "unavailable")
	}
}
