package app

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/cluster"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/pgbus"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/redis"
)

// reach is how a node reaches the others that serve the same database. A node on SQLite is alone: all but its
// bus is nil.
type reach struct {
	bus      realtime.Bus
	joint    *cluster.Bus // the bus, of a node that is not alone
	redis    *redis.Bus   // nil without Redis
	database *pgbus.Bus
	registry *cluster.Registry
	limiter  *redis.Limiter // nil without Redis, and without limits
	readers  *redis.Readers // nil without Redis
	devices  *redis.Devices // nil without Redis
}

// openReach finds the ways to the others. A Redis that is wrong refuses the start; one that is away does not, since
// a node must be able to restart meanwhile (ADR-016).
func (n *Node) openReach(ctx context.Context) error {
	if n.store.Kind() != "postgres" {
		n.reach.bus = realtime.Alone{}
		return nil
	}
	if err := CheckKeys(ctx, &n.cfg.Config, n.store); err != nil {
		return err
	}
	keys, err := keysTaken(&n.cfg.Config)
	if err != nil {
		return err
	}
	n.reach.registry = cluster.NewRegistry(cluster.RegistryConfig{
		NodeID: n.id, Version: n.version, URL: n.address(), Keys: keys, State: n.stateForRegistry, Log: n.log,
	}, n.store)
	n.reach.database, err = pgbus.New(pgbus.Config{URL: directURL(&n.cfg.Config), NodeID: n.id, Log: n.log})
	if err != nil {
		return err
	}
	var fast cluster.Path
	if n.cfg.RedisURL != "" {
		if err := n.openRedis(ctx); err != nil {
			return err
		}
		fast = n.reach.redis
	}
	n.reach.joint = cluster.NewBus(cluster.Config{NodeID: n.id, Registry: n.reach.registry, Log: n.log}, fast, n.reach.database)
	n.reach.bus = n.reach.joint
	return nil
}

func (n *Node) openRedis(ctx context.Context) error {
	opened, err := redis.Open(redis.Config{URL: string(n.cfg.RedisURL), NodeID: n.id, Log: n.log})
	if err != nil {
		return redisProblem(err)
	}
	switch err := opened.Check(ctx); {
	case errors.Is(err, redis.ErrInPart):
		n.notes = append(n.notes, err.Error()+".")
	case errors.Is(err, redis.ErrAway):
		n.notes = append(n.notes, err.Error()+". The nodes reach each other over PostgreSQL until it is there: slower, and nothing is lost.")
	case err != nil:
		return redisProblem(err)
	}
	n.reach.redis = opened
	n.notes = append(n.notes, n.reach.warnings()...)
	return nil
}

// warnings say what an operator has to put right about the ways to the other nodes.
func (h *reach) warnings() []string {
	switch {
	case h.redis == nil:
	case h.redis.Evicts() != "":
		return []string{evicts(h.redis) + ": " + keepAll}
	case h.redis.Full():
		return []string{"Redis is full and refuses what is to be written; what people read is written to the database at once meanwhile: give it more memory (maxmemory)"}
	}
	return nil
}

// keepAll is what to do about a Redis that may throw away what it was given.
const keepAll = "set its maxmemory-policy to noeviction"

func evicts(r *redis.Bus) string {
	return "Redis throws away what it has no room for (maxmemory-policy " + r.Evicts() + "), and what people read may be lost while it waits there to be written"
}

// redisProblem is a Redis that only a change of the settings makes usable.
func redisProblem(err error) error {
	var wrong *redis.WrongError
	if errors.As(err, &wrong) {
		return problem(err, wrong.What, wrong.Next)
	}
	return err
}

// directURL leads to PostgreSQL itself, for what needs a session.
func directURL(c *config.Config) string {
	if c.DatabaseDirectURL != "" {
		return string(c.DatabaseDirectURL)
	}
	return string(c.DatabaseURL)
}

// address is where this node itself listens, for people who look at the registry.
func (n *Node) address() string {
	host := n.cfg.Host
	if host == "" || host == "0.0.0.0" || host == "::" {
		// A machine without a name is shown without one.
		host, _ = os.Hostname()
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(n.Port()))
}

// clock is the time that all nodes share; nil for one that is alone.
func (h *reach) clock() func() (now time.Time, known bool) {
	if h.registry == nil {
		return nil
	}
	return h.registry.Clock
}

// start starts everything that reaches the others, and returns what ends it: the registry last, so that the others
// know of this node as long as it may say something.
func (h *reach) start(r *running) (stop func()) {
	if h.joint == nil {
		return func() {}
	}
	stops := []func(){r.start(h.registry.Run), r.start(h.database.Run)}
	if h.redis != nil {
		stops = append(stops, r.start(h.redis.Run), r.start(h.readers.Run), r.start(h.devices.Run))
	}
	stops = append(stops, r.start(h.joint.Run))
	return func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
}

// leaving tells the others that this node takes no new connections.
func (h *reach) leaving() {
	if h.registry != nil {
		h.registry.Drain()
	}
}
