package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/realtime"
)

const (
	// maxChannels is how many channels one SUBSCRIBE names, maxCommands how many commands one trip carries.
	maxChannels, maxCommands = 500, 32
	// subscribeTimeout bounds one trip.
	subscribeTimeout = 2 * time.Second
)

// errMoved ends a connection to a cluster that has moved slots: the next one finds them.
var errMoved = errors.New("the cluster moved a channel to another server")

// link is the socket on which one server's messages come in. A single Redis has one link, a cluster one to
// each primary.
type link struct {
	c     *connection
	conn  rueidis.DedicatedClient
	probe string        // the channel on which this node hears itself
	over  chan struct{} // nothing is heard any more

	hearing atomic.Bool  // it has heard itself
	heard   atomic.Int64 // when last, in nanoseconds since the connection began
}

// open subscribes to the link's probe.
func (l *link) open(ctx context.Context) error {
	l.over = make(chan struct{})
	ended := l.conn.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: l.message, OnSubscription: l.subscription})
	go func() {
		err := <-ended
		if err == nil {
			err = rueidis.ErrClosing
		}
		l.c.end(err)
		close(l.over)
	}()
	return l.subscribe(ctx, []string{l.probe})
}

// close returns when nothing is heard any more.
func (l *link) close() {
	l.conn.Close()
	if l.over != nil {
		<-l.over
	}
}

// hear notes that the node hears itself.
func (l *link) hear(now time.Time) {
	l.heard.Store(int64(now.Sub(l.c.began)))
	if l.hearing.CompareAndSwap(false, true) {
		rouse(l.c.alive)
	}
}

// deaf reports whether the node has not heard itself for too long.
func (l *link) deaf(now time.Time) bool {
	return now.Sub(l.c.began)-time.Duration(l.heard.Load()) > deafAfter
}

// subscribe returns when all channels are in force: Redis carries out a command as a whole before it
// confirms the first channel of it.
func (l *link) subscribe(ctx context.Context, channels []string) error {
	return l.each(ctx, channels, func(b rueidis.Builder, chunk ...string) rueidis.Completed {
		if l.c.sharded() {
			return b.Ssubscribe().Channel(chunk...).Build().SetSlot(l.probe)
		}
		return b.Subscribe().Channel(chunk...).Build()
	})
}

func (l *link) unsubscribe(ctx context.Context, channels []string) error {
	return l.each(ctx, channels, func(b rueidis.Builder, chunk ...string) rueidis.Completed {
		if l.c.sharded() {
			return b.Sunsubscribe().Channel(chunk...).Build().SetSlot(l.probe)
		}
		return b.Unsubscribe().Channel(chunk...).Build()
	})
}

func (l *link) each(ctx context.Context, channels []string, command func(rueidis.Builder, ...string) rueidis.Completed) error {
	size := maxChannels
	if l.c.sharded() {
		size = 1 // a command to a cluster names channels of one slot only
	}
	for len(channels) > 0 {
		var commands []rueidis.Completed
		for len(channels) > 0 && len(commands)*size < maxChannels*maxCommands {
			n := min(size, len(channels))
			commands = append(commands, command(l.conn.B(), channels[:n]...))
			channels = channels[n:]
		}
		if err := l.do(ctx, commands); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) do(ctx context.Context, commands []rueidis.Completed) error {
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	for _, result := range l.conn.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

// message runs in the library's reading goroutine, which must not wait.
func (l *link) message(m rueidis.PubSubMessage) {
	if m.Channel == l.probe || m.Channel == realtime.SystemTopic {
		if p, ok := decodeProbe(m.Message); ok {
			l.c.hearProbe(l, p, m.Channel)
			return
		}
	}
	if strings.HasPrefix(m.Message, l.c.bus.own) {
		// Redis sends a publisher what it published. Nobody here needs to wake up for that.
		return
	}
	if listeners := l.c.bus.topics.listeners(m.Channel); len(listeners) > 0 {
		l.c.bus.stats.heard.Add(1)
		// Nobody changes it, and the library's text is nobody else's.
		envelope := unsafe.Slice(unsafe.StringData(m.Message), len(m.Message))
		for _, each := range listeners {
			each.deliver(letter{m.Channel, envelope})
		}
	}
}

// subscription notices a cluster that gives a channel up by itself, as it does when it moves a slot.
func (l *link) subscription(s rueidis.PubSubSubscription) {
	if s.Kind == "sunsubscribe" && (s.Channel == l.probe || l.c.bus.topics.isAsked(s.Channel)) {
		l.c.end(errMoved)
	}
}

// probeOf names a channel of this node that is served where serves says so.
func probeOf(nodeID string, serves func(channel string) bool) string {
	for i := 0; ; i++ {
		if name := "chat:node:" + nodeID + ":" + strconv.Itoa(i); serves(name) {
			return name
		}
	}
}
