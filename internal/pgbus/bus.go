package pgbus

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/realtime"
)

var _ realtime.Bus = (*Bus)(nil)

// Channel is the one channel that all nodes listen to.
const Channel = "parley"

// Config says how a node reaches the database's notifications.
type Config struct {
	// URL is a postgres:// URL that leads to the server itself, or to a pooler in session mode.
	URL string
	// NodeID stands in the names of the connections (pg_stat_activity.application_name).
	NodeID string
	// Peers answers for realtime.Bus; nil means that another node may always be listening.
	Peers func() bool
	Log   *slog.Logger
}

// Bus is one node's way to the others. It carries something while [Bus.Run] runs.
type Bus struct {
	cfg    Config
	server *pgx.ConnConfig
	sender string // tells our own notifications from others', whatever their NodeID
	out    outbox
	counts counters

	failure atomic.Pointer[error] // why the last statement did not go through; nil when it did

	mu        sync.Mutex
	listeners []*listener
	up        bool
	probe     chan struct{} // closed when the probe under way is heard; nil when none is

	changed atomic.Pointer[func(up bool)]
}

// New checks the settings. It does not connect: a node starts while the database's notifications are away.
func New(cfg Config) (*Bus, error) {
	server, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		// The URL holds a password, and pgx masks it only in some of its errors.
		return nil, errors.New("this is not a PostgreSQL URL of the form postgres://user:password@host:port/database")
	}
	b := &Bus{cfg: cfg, server: server, sender: strings.ReplaceAll(uuid.NewString(), "-", "")[:16]}
	b.out.wake = make(chan struct{}, 1)
	return b, nil
}

// Run keeps both connections until ctx ends, and then publishes what is left for a second at most.
func (b *Bus) Run(ctx context.Context) error {
	var publisher sync.WaitGroup
	publisher.Go(func() { b.publish(ctx) })
	b.listen(ctx)
	publisher.Wait()
	return nil
}

// Publish queues an envelope for the next statement.
func (b *Bus) Publish(topic string, envelope []byte) {
	b.counts.published.Add(1)
	if text, fits := encodeEnvelope(b.sender, b.out.number.Add(1), topic, envelope); !fits {
		b.counts.oversize.Add(1)
		b.out.lose(topic)
	} else if !b.out.put(letter{topic, text}) {
		b.counts.dropped.Add(1)
		b.out.lose(topic)
	}
	b.out.rouse()
}

// Listen calls hear and lost in a goroutine of its own.
func (b *Bus) Listen(hear func(topic string, envelope []byte), lost func(topics []string)) realtime.Listener {
	l := newListener(b, hear, lost)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = append(slices.Clone(b.listeners), l)
	l.connected = b.up
	go l.run()
	return l
}

func (b *Bus) forget(l *listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = slices.DeleteFunc(slices.Clone(b.listeners), func(other *listener) bool { return other == l })
}

// Peers reports whether another node may be listening.
func (b *Bus) Peers() bool { return b.cfg.Peers == nil || b.cfg.Peers() }

// Up reports whether what others publish is heard.
func (b *Bus) Up() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.up
}

// OnChange sets what is called whenever Up has changed, one call at a time. It must not block.
func (b *Bus) OnChange(changed func(up bool)) { b.changed.Store(&changed) }

// setUp notes that the bus is up or down. Coming up, it tells every listener that it may have missed anything:
// whatever is published from now on is heard. It holds the lock of the bus, and takes those of its listeners
// one after the other: a listener that is just being made must see it as well.
func (b *Bus) setUp(up bool) {
	b.mu.Lock()
	was := b.up
	b.up = up
	for _, l := range b.listeners {
		l.connect(up)
	}
	b.mu.Unlock()
	if up != was {
		if changed := b.changed.Load(); changed != nil {
			(*changed)(up)
		}
	}
}

// everyListener calls visit for each that is there.
func (b *Bus) everyListener(visit func(*listener)) {
	b.mu.Lock()
	listeners := b.listeners
	b.mu.Unlock()
	for _, l := range listeners {
		visit(l)
	}
}
