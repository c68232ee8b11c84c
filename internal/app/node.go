// Package app builds a node from its settings and runs it. It is the only package that knows all the
// others, and it decides nothing about the domain.
//
// [New] opens everything, in the order store → auth → port → reach (the bus and the other nodes) → hub → rules →
// sockets → REST; whoever comes to the port before all of it is there waits for a moment. [Node.Run] runs it until its context ends, then drains
// it (drain.go). A start that fails says what to do next ([StartError]).
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/demo"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/obs"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/span"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/ws"
	"github.com/parley-chat/parley/web"
)

// Node is one Parley: the database, the rules, this node's sockets and its HTTP server.
type Node struct {
	cfg      *config.Loaded
	version  string
	id       string // serverId
	log      *slog.Logger
	store    *store.Store
	auth     *auth.Service
	reach    reach
	hub      *realtime.Hub
	chat     *chat.Service
	sockets  *ws.Server
	bot      *demo.Bot // nil without the demo
	server   *http.Server
	listener net.Listener
	pulse    *pulse
	vitals   *vitals
	recent   *obs.Recent // sends of the last minute
	storage  *storage
	metrics  *obs.Metrics
	spans    *span.Recorder // nil without a collector
	// metricsListener is nil when there are no metrics to be served.
	metricsListener net.Listener

	draining atomic.Bool
	leaving  atomic.Bool // it closes what it reaches the others with
	requests underWay
	warnings []string // what /health/ready says as long as the node runs
	notes    []string // what the start alone says
	began    time.Time
	startup  time.Duration
}

// New builds a node of the version given: everything is open, and the port is taken, when it returns. ctx
// bounds the start alone. A node that is not run must be closed.
func New(ctx context.Context, c *config.Loaded, version string, log *slog.Logger) (n *Node, err error) {
	id := nodeID(&c.Config)
	log = log.With(serverID, id)
	n = &Node{cfg: c, version: version, id: id, log: log, began: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
			n = nil
		}
	}()
	if n.store, err = openStore(ctx, &c.Config, store.Config{NodeID: n.id, Locked: sayLocked(log), Record: n.recording()}); err != nil {
		return n, err
	}
	if err = Migrate(ctx, &c.Config, n.store); err != nil {
		return n, err
	}
	if n.storage, err = newStorage(&c.Config, n.store.SetReadOnly, log); err != nil {
		return n, err
	}
	if n.auth, err = OpenAuth(&c.Config, n.store, log); err != nil {
		return n, err
	}
	if err = n.seedDemo(ctx); err != nil {
		return n, err
	}
	n.warnings = append(n.warnings, n.warn(ctx)...)
	if reads := n.store.ReplicaReads(); reads.Configured && !reads.Well {
		n.notes = append(n.notes, "The replica does not answer (DATABASE_REPLICA_URL): the primary reads everything until it does.")
	}
	if err = n.listenMetrics(ctx); err != nil {
		return n, err
	}
	if err = n.listen(ctx); err != nil {
		return n, err
	}
	if err = n.openReach(ctx); err != nil {
		return n, err
	}
	if err = n.openSpans(ctx); err != nil {
		return n, err
	}
	if err = n.build(); err != nil {
		return n, err
	}
	n.startup = time.Since(n.began)
	return n, nil
}

// build wires the rules to what brings messages in and out.
func (n *Node) build() error {
	addresses, err := limit.TrustProxies(n.cfg.TrustedProxies)
	if err != nil {
		return err
	}
	rules := n.cfg.Limits.Rules()
	n.metrics = obs.New(names(rules), n.readNode, n.readSockets, n.readPlaces, n.readOverload, n.readHub, n.readRules, n.readAuth, n.readPresence, n.readReach, n.readBreakers, n.readPool, n.storage.read, n.readReplica, n.readLog, n.readSpans)
	limiter := n.limiter()
	n.hub = realtime.NewHub(realtime.Config{
		NodeID: n.id, Log: n.log, Clock: n.reach.clock(), Handed: n.handed, Heard: n.heard, Delivered: n.recordDelivery, Published: n.recordPublish, Written: n.writing(), Panicked: n.faulted(obs.InHub),
	}, n.reach.bus)
	n.chat = chat.New(chat.Config{
		NewID: newID, MaxGroup: n.cfg.MaxGroup, Lanes: lanes(n.cfg), Sent: n.sent, Committed: n.committed, Delivered: n.delivered, ReadShown: n.readShown,
		Readers: n.readers(), ReadThreshold: n.cfg.ReadThreshold, Flushed: (&flushes{node: n}).flushed, Begin: n.begin, Panicked: n.panicked, Overloaded: n.overloaded,
		Devices: n.devices(), Remembered: n.hub.Remembered, OwnDevices: n.reach.redis == nil, PresenceTold: n.presenceTold, PresenceFailed: n.presenceFailed,
	}, n.store, n.announcer())
	n.auth.OnEnd(func(ctx context.Context, e auth.EndedLogin) {
		n.hub.EndLogin(e.ID)
		n.chat.LoginEnded(e.User, e.ID, chat.TraceOf(ctx))
	})
	n.sockets = ws.New(ws.Config{
		Rules: rules, Addresses: addresses, Origins: n.cfg.AllowedOrigins, Compression: bool(n.cfg.Compression), Log: n.log,
		Bounds: bounds(&n.cfg.Config), Trace: n.step, Refuse: httpapi.Refuse,
		Panicked: n.faulted(obs.InWebSocket),
	}, n.chat, n.hub, n.auth, limiter)
	rest := httpapi.New(httpapi.Config{
		Limits: rules, Addresses: addresses, Origins: n.cfg.AllowedOrigins, InsecureCookie: plainHTTP(n.cfg.PublicURL),
		Assets: web.Assets, Health: n.health, Live: n.live, Log: n.log, Answered: n.answered, Trace: n.step, Recorded: n.recordRequest, Panicked: n.faulted(obs.InHTTP),
	}, n.chat, n.auth, limiter)

	n.listenToBreakers()
	n.pulse = newPulse(n.store.Ping, n.log)
	n.vitals, n.recent = n.watched(), obs.NewRecent(n.metrics)
	routes := http.NewServeMux()
	routes.Handle("/ws", n.sockets)
	routes.Handle("/", rest)
	n.server = httpapi.NewServer(n.counted(routes), n.log)
	return nil
}

// listen takes the port.
func (n *Node) listen(ctx context.Context) error {
	host := n.cfg.Host
	if host == "" && bool(n.cfg.Demo) {
		// The passwords of the demo are known to everybody.
		host = "127.0.0.1"
	}
	address := net.JoinHostPort(host, strconv.Itoa(n.cfg.Port))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return listenProblem(address, err)
	}
	n.listener = listener
	return nil
}

// URL is where people open this node.
func (n *Node) URL() string { return URL(&n.cfg.Config, n.Port()) }

// Port is the port that the node listens on.
func (n *Node) Port() int { return n.listener.Addr().(*net.TCPAddr).Port }

// Close gives back what New took. Run does it by itself.
func (n *Node) Close() error {
	var errs []error
	for _, listener := range []net.Listener{n.listener, n.metricsListener} {
		if listener != nil {
			if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}
