package cluster

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/store"
)

const (
	// beatEvery is how often a node says in the registry that it is there, and looks who else is.
	beatEvery = 5 * time.Second
	// beatAgain is how soon it tries again when the database did not take it.
	beatAgain = time.Second
	// beatWithin bounds one beat with its look.
	beatWithin = 3 * time.Second
	// late is the time between two beats after which the others may have given this node up.
	late = 15 * time.Second
	// linger is how long after the last sight of another node this one does not count as alone: that one may
	// stand still and come back.
	linger = 2 * time.Minute
	// maxSkew is how far this node's clock may be off the database's without a word.
	maxSkew = 10 * time.Second
	// leaving bounds the last statement.
	leaving = 2 * time.Second
)

// Nodes is where the registry is kept. *store.Store satisfies it.
type Nodes interface {
	// Beat says that a node is there. rival reports that another process has said so under the same ID lately.
	Beat(ctx context.Context, n store.Node) (beaten store.Node, rival bool, err error)
	// Nodes returns those that are there, in order of their ids.
	Nodes(ctx context.Context) ([]store.Node, error)
	// Leave takes a node out.
	Leave(ctx context.Context, n store.Node) error
}

// RegistryConfig is what a node says about itself.
type RegistryConfig struct {
	NodeID  string // serverId
	Version string
	URL     string // where it listens, for people
	Keys    string // fingerprints of the signing keys that it takes, as in store.Node
	// State says with each beat how the node is, as in store.Node. It must not wait. Nil says nothing.
	State func() string
	Log   *slog.Logger
}

// Registry keeps a node in the table of nodes while it runs, and knows the others.
type Registry struct {
	cfg   RegistryConfig
	nodes Nodes
	bus   *Bus // set by NewBus; nil without one
	now   chan struct{}

	mu       sync.Mutex
	self     store.Node
	seen     []store.Node // at the last look, this node among them
	looked   bool
	othersAt time.Time // when another node was last seen
	beatenAt time.Time
	twin     bool
	twinAt   time.Time // when a twin last showed
	found    bool      // another process had the serverId at the first beat

	said  sayings
	clock clock
}

// NewRegistry builds a registry that is not kept yet.
func NewRegistry(cfg RegistryConfig, nodes Nodes) *Registry {
	return &Registry{
		cfg: cfg, nodes: nodes, now: make(chan struct{}, 1), said: sayings{log: cfg.Log},
		self: store.Node{ID: cfg.NodeID, Process: uuid.NewString(), Version: cfg.Version, URL: cfg.URL, Keys: cfg.Keys},
	}
}

// Run beats and looks until ctx ends, and then takes the node out.
func (r *Registry) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.leave(ctx)
			return nil
		case <-timer.C:
		case <-r.now:
		}
		err := r.beat(ctx)
		r.said.failing(err)
		next := beatEvery
		if err != nil {
			next = beatAgain
			r.keepPeers()
		}
		timer.Reset(next)
	}
}

// Drain says that the node takes no new connections any more.
func (r *Registry) Drain() {
	r.mu.Lock()
	r.self.Draining = true
	r.mu.Unlock()
	r.beatNow()
}

// beatNow has Run beat before its time: something about this node has changed.
func (r *Registry) beatNow() {
	select {
	case r.now <- struct{}{}:
	default:
	}
}

// Peers reports whether there may be other nodes: there were lately, or it is not known.
func (r *Registry) Peers() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peers()
}

// peers is Peers under the lock.
func (r *Registry) peers() bool {
	return !r.looked || !r.othersAt.IsZero() && time.Since(r.othersAt) < linger
}

// keepPeers leaves open whether there are others as long as nobody can look.
func (r *Registry) keepPeers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.looked && r.peers() {
		r.othersAt = time.Now()
	}
}

// Nodes returns the nodes that were there at the last look, this one among them, in order of their ids.
func (r *Registry) Nodes() []store.Node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// Look returns the same with the moment of that look.
func (r *Registry) Look() (seen []store.Node, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen), r.beatenAt
}

// Process is the UUID of this start.
func (r *Registry) Process() string { return r.self.Process }

// Twin reports that another process has this node's serverId: neither hears the other. Each needs its own.
func (r *Registry) Twin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.twin
}

// Intruder reports that this node has a twin which was there first.
func (r *Registry) Intruder() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.twin && r.found
}

// meet notes that another node is there. It reports whether this one thought itself alone.
func (r *Registry) meet() (wasAlone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wasAlone = !r.peers()
	r.othersAt = time.Now()
	return wasAlone
}

// misses reports whether another node is not heard by the paths that are up here: a twin, or one that shares none
// of them, as far as it says which it uses.
func (r *Registry) misses(redis, database bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.twin || slices.ContainsFunc(r.seen, func(n store.Node) bool {
		shared := redis && n.Bus == string(StateRedis) || database && n.Bus != string(StateAlone)
		return n.Process != r.self.Process && !shared
	})
}

// beat beats once, looks at the others, and draws the consequences.
func (r *Registry) beat(ctx context.Context) error {
	// The end of the node does not cut a beat off: the database might carry it out after the node has left.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatWithin)
	defer cancel()
	self := r.introduce()
	began := time.Now()
	beaten, rival, err := r.nodes.Beat(ctx, self)
	if err != nil {
		return err
	}
	ended := time.Now()
	seen, err := r.nodes.Nodes(ctx)
	if err != nil {
		return err
	}
	r.said.clock(beaten.SeenAt, began, ended)
	r.clock.answered(beaten.SeenAt, began, ended)
	first, stoodStill := r.note(seen, rival, ended)
	r.said.nodes(seen, self.Process, first)
	if stoodStill && r.bus != nil {
		r.bus.awake()
	}
	return nil
}

// introduce is what the node says about itself now.
func (r *Registry) introduce() store.Node {
	var bus State
	if r.bus != nil && r.bus.started.Load() {
		bus = r.bus.State()
	}
	state := ""
	if r.cfg.State != nil {
		state = r.cfg.State()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.self.Bus, r.self.State = string(bus), state
	return r.self
}

// note takes in who was seen. It reports whether this was the first look, and whether the last one is so long
// ago that others may have given this node up.
func (r *Registry) note(seen []store.Node, rival bool, now time.Time) (first, stoodStill bool) {
	r.mu.Lock()
	wasAlone := !r.peers()
	first, stoodStill = !r.looked, r.looked && now.Sub(r.beatenAt) > late
	r.seen, r.looked, r.beatenAt = seen, true, now
	// At the first beat the rival is the process before this one, killed a moment ago.
	if rival && !first {
		r.twinAt = now
	}
	// Two processes that beat together may come twice each before the other: one look without a rival says little.
	r.twin = !r.twinAt.IsZero() && now.Sub(r.twinAt) < 3*beatEvery
	twin := r.twin
	if r.twin || slices.ContainsFunc(seen, func(n store.Node) bool { return n.Process != r.self.Process }) {
		r.othersAt = now
	}
	if first {
		r.found = rival
	}
	isAlone := !r.peers()
	r.mu.Unlock()
	r.said.twin(twin)
	if wasAlone && !isAlone && r.bus != nil {
		r.bus.sayGap()
	}
	return first, stoodStill
}

// leave takes the node out.
func (r *Registry) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer cancel()
	if err := r.nodes.Leave(ctx, r.introduce()); err != nil {
		r.cfg.Log.Info("the node could not be taken out of the registry; the others see it for half a minute", "event", "registry.left", "error", err)
	}
}
