package redis

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/realtime"
)

const (
	// Between two tries to connect lies a random time up to a bound that doubles from the first to the last.
	firstPause, lastPause = 100 * time.Millisecond, time.Second
	// steadyAfter is how long a connection must have lasted for the bound to start anew.
	steadyAfter = 5 * time.Second
)

// Bus carries envelopes between nodes through Redis. It satisfies realtime.Bus.
type Bus struct {
	cfg      Config
	log      *slog.Logger
	options  rueidis.ClientOption
	instance string
	own      string // how envelopes begin that the hub of this node passes over

	topics   *topics
	outgoing *outgoing
	losses   losses
	peers    peers
	stats    counters

	up      atomic.Bool
	upSince atomic.Pointer[time.Time] // nil while it is down
	evicts  atomic.Pointer[string]    // nil until Redis has said
	full    atomic.Bool               // it refused what is to be written when it was asked last

	mu        sync.Mutex
	onChange  []func(up bool)
	guards    []guard
	guarded   chan struct{} // one is new
	listeners map[*listener]struct{}
	client    rueidis.Client // of the connection of now, for the limiter
	twin      atomic.Bool
	trouble   string // the last thing logged as wrong
}

// Open reads the URL and does not connect. The error is a *WrongError.
func Open(c Config) (*Bus, error) {
	o, err := options(c)
	if err != nil {
		return nil, err
	}
	b := &Bus{
		cfg: c, log: c.Log, options: o, instance: newInstance(), own: realtime.MessagesOf(c.NodeID),
		topics: newTopics(), outgoing: newOutgoing(), listeners: make(map[*listener]struct{}),
		guarded: make(chan struct{}, 1),
	}
	if b.log == nil {
		b.log = slog.Default()
	}
	return b, nil
}

// OnChange has f called, beside those given before, whenever [Bus.Up] changes, one call at a time. What changes before
// is not told; f must not wait.
func (b *Bus) OnChange(f func(up bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onChange = append(b.onChange, f)
}

// Up reports whether what is published now reaches the other nodes as far as this one can know: it is
// subscribed and hears itself.
func (b *Bus) Up() bool { return b.up.Load() }

// Publish queues an envelope. What the queue has no room for, and everything while there is no connection,
// is lost and told to the others when they are reached again.
func (b *Bus) Publish(topic string, envelope []byte) {
	if l := (letter{topic, envelope}); !b.outgoing.put(l) {
		b.lose(l)
	}
}

// Peers reports true: a node that is not heard may be listening.
func (b *Bus) Peers() bool { return true }

// Listen calls hear and lost in a goroutine of its own, until the listener is stopped.
func (b *Bus) Listen(hear func(topic string, envelope []byte), lost func(topics []string)) realtime.Listener {
	return b.listen(hear, lost)
}

// Run connects, and connects again, until ctx ends. Then it publishes what is still queued, for a second
// at most.
func (b *Bus) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	watching.Go(func() { b.watch(ctx) })
	defer watching.Wait()
	pause := firstPause
	for {
		again := b.topics.wereInForce()
		c, err := b.connect(ctx)
		if err == nil {
			since := time.Now()
			err = b.serve(ctx, c, again)
			if time.Since(since) > steadyAfter {
				pause = firstPause
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		b.away(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rand.N(pause)):
		}
		pause = min(2*pause, lastPause)
	}
}

// serve lives through one connection. again says that topics were in force before it: something may have been
// missed since.
func (b *Bus) serve(ctx context.Context, c *connection, again bool) error {
	defer c.close()
	if again {
		b.stats.reconnects.Add(1)
		b.tellAllLost()
	}
	b.outgoing.start()
	b.use(c.client)
	err := c.run(ctx)
	b.use(nil)
	rest := b.outgoing.end()
	if ctx.Err() != nil {
		c.drain(rest)
	} else {
		b.lose(rest...)
	}
	b.setUp(false)
	return err
}

// use names the client of the connection of now, or none.
func (b *Bus) use(client rueidis.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.client = client
}

func (b *Bus) setUp(up bool) {
	if b.up.Swap(up) == up {
		return
	}
	b.upSince.Store(nil)
	if up {
		now := time.Now()
		b.upSince.Store(&now)
		b.trouble = ""
		b.log.Info("Redis carries envelopes", "event", "bus.up", "topics", b.topics.count())
	}
	b.mu.Lock()
	told := slices.Clone(b.onChange)
	b.mu.Unlock()
	for _, f := range told {
		f(up)
	}
}

// away logs why there is no connection, once for each reason.
func (b *Bus) away(err error) {
	level := slog.LevelDebug
	if why := reason(err); why != b.trouble {
		level, b.trouble = slog.LevelWarn, why
	}
	b.log.Log(context.Background(), level, "Redis carries nothing", "event", "bus.down", "error", err)
}

// reason is an error without the addresses of its socket: those of each attempt are its own.
func reason(err error) string {
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		return failed.Err.Error()
	}
	return err.Error()
}

func (b *Bus) lose(letters ...letter) {
	b.stats.lost.Add(uint64(len(letters)))
	b.losses.add(letters...)
}

func (b *Bus) tellAllLost() {
	for _, l := range b.all() {
		l.tellAllLost()
	}
}

// tellLost tells each listener which of the topics that it follows were lost.
func (b *Bus) tellLost(topics []string) {
	for _, topic := range topics {
		for _, l := range b.topics.listeners(topic) {
			l.tellLost(topic)
		}
	}
}

func (b *Bus) all() []*listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*listener, 0, len(b.listeners))
	for l := range b.listeners {
		all = append(all, l)
	}
	return all
}
