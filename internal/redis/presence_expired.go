package redis

import (
	"context"
	"strings"
	"time"

	"github.com/redis/rueidis"
	"golang.org/x/sync/errgroup"
)

const (
	// expiredEvents is where Redis tells that keys have expired, if it was set up to (notify-keyspace-events).
	expiredEvents = "__keyevent@*__:expired"
	// expiredPause lies between two calls of OnLapsed, and listenPause between two tries to listen to the same Redis.
	expiredPause, listenPause = 100 * time.Millisecond, time.Minute
)

// Run tells of losses and of leases that may have ended, until ctx ends.
func (d *Devices) Run(ctx context.Context) error {
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return d.tell(ctx, d.lost, d.onLost, callRest) })
	running.Go(func() error { return d.tell(ctx, d.expired, d.onLapsed, expiredPause) })
	running.Go(func() error { return d.listen(ctx) })
	return running.Wait()
}

// tell calls f for what there is to be told, and what comes within the pause after it together.
func (d *Devices) tell(ctx context.Context, news <-chan struct{}, f func(), pause time.Duration) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-news:
			f()
		}
		if !rest(ctx, pause) {
			return nil
		}
	}
}

// listen hears which keys expire, on connections of its own: other programs' keys may expire in such numbers that whoever
// listens is cut off, and the bus must not be.
func (d *Devices) listen(ctx context.Context) error {
	for {
		if client := d.bus.current(); client != nil && notifies(ctx, client) {
			_ = d.hear(ctx) // without it the sweep does all
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.back:
		case <-time.After(listenPause):
		}
	}
}

// notifies reports whether Redis tells of keys that expire. It is never set up here: that is the administrator's.
func notifies(ctx context.Context, client rueidis.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	set, err := client.Do(ctx, client.B().ConfigGet().Parameter("notify-keyspace-events").Build()).AsStrMap()
	flags := set["notify-keyspace-events"]
	return err == nil && strings.Contains(flags, "E") && strings.ContainsAny(flags, "xA")
}

// hear listens to every server until one of the connections breaks.
func (d *Devices) hear(ctx context.Context) error {
	s := newSockets()
	defer s.close()
	defer context.AfterFunc(ctx, s.close)()
	o := d.bus.options
	s.attach(&o)
	client, err := rueidis.NewClient(o)
	if err != nil {
		return err
	}
	defer client.Close()
	hearing, ctx := errgroup.WithContext(ctx)
	for _, server := range client.Nodes() {
		hearing.Go(func() error {
			return server.Receive(ctx, server.B().Psubscribe().Pattern(expiredEvents).Build(), func(m rueidis.PubSubMessage) {
				if strings.HasPrefix(m.Message, "presence:") {
					rouse(d.expired)
				}
			})
		})
	}
	return hearing.Wait()
}

// rest waits, and reports false when ctx ends before.
func rest(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}
