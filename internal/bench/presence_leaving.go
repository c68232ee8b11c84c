package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/client"
)

const (
	// leavingRounds is how often somebody becomes invisible and comes back, one of ten at most.
	leavingRounds = 20
	// leavers is how many sign out, and as many close their socket.
	leavers = 5
	// offlineWithin is when a person whose socket was closed is offline at the latest: the lease, and the sweep (C7.1).
	offlineWithin = 32 * time.Second
	// flipEvery is how often a person may become something else (C7.1).
	flipEvery = 1100 * time.Millisecond
)

// measureLeaving measures how long it takes until the last of those who watch somebody knows that they are gone.
func measureLeaving(ctx context.Context, r *run, s *Scenario) error {
	var hidden, shown, signedOut, closed, messages []time.Duration
	watchers := 0
	err := r.on(ctx, s, r.presenceNodes(), func(nodes servers) (*load, error) {
		talks := r.talks(s)
		sight, l := newSight(talks), newLoad()
		l.onPresence, l.ackAtOnce = sight.take, true
		if err := l.join(ctx, nodes, talks, len(talks[0].people)); err != nil {
			return nil, err
		}
		defer l.close()
		v := newLeaving(l, sight)
		watchers = len(v.staying) - 1
		l.listen()
		if _, err := sight.until(l, online, seenWithin); err != nil {
			return nil, err
		}
		for i := range min(leavingRounds, len(l.chatters)/10) {
			c := v.staying[i%len(v.staying)]
			for _, step := range []struct {
				frame string
				to    status
				took  *[]time.Duration
			}{{invisible, offline, &hidden}, {visible, online, &shown}} {
				took, err := v.seen(c, step.to, patience, func() error { return c.write(step.frame) })
				if err != nil {
					return nil, fmt.Errorf("after %s: %w", step.frame, err)
				}
				*step.took = append(*step.took, took)
				if err := l.wait(flipEvery); err != nil {
					return nil, err
				}
			}
			took, err := v.message(c)
			if err != nil {
				return nil, err
			}
			messages = append(messages, took)
		}
		for _, c := range v.signingOut {
			c.leaving.Store(true)
			took, err := v.seen(c, offline, patience, func() error { return signOut(ctx, nodes.address(0), c.person.Token) })
			if err != nil {
				return nil, fmt.Errorf("after signing out: %w", err)
			}
			signedOut = append(signedOut, took)
		}
		var err error
		closed, err = v.close()
		return nil, err
	})
	if err != nil {
		return err
	}
	name := func(what string) string { return fmt.Sprintf("%s→the last of %d has it", what, watchers) }
	s.Rows = append(s.Rows,
		ceiling(name("invisible")+" p50", percentile(hidden, 0.5), "ms", "a second", 1000, 1),
		ceiling(name("visible")+" p50", percentile(shown, 0.5), "ms", "a second", 1000, 1),
		ceiling(name("signed out")+" p50", percentile(signedOut, 0.5), "ms", "a second", 1000, 1),
		ceiling(name("socket closed")+" max", percentile(closed, 1), "ms", "the lease and the sweep", millis(offlineWithin), 1))
	s.Notes = append(s.Notes,
		fmt.Sprintf("max: invisible %s ms, visible %s ms, signed out %s ms; a message is at the last of them after %s ms (p50; max %s ms)",
			number(percentile(hidden, 1)), number(percentile(shown, 1)), number(percentile(signedOut, 1)), number(percentile(messages, 0.5)), number(percentile(messages, 1))),
		fmt.Sprintf("socket closed: min %s ms, p50 %s ms, max %s ms of %d", number(percentile(closed, 0)), number(percentile(closed, 0.5)), number(percentile(closed, 1)), len(closed)))
	return nil
}

// leaving is a crowd of which some go while the others watch.
type leaving struct {
	load                         *load
	sight                        *sight
	staying, signingOut, closing []*chatter
	departures                   map[place]*departure
	has                          *countdown // of a message
}

// departure is how many of those who stay have yet to be told that a person is something else.
type departure struct {
	*countdown
	to atomic.Uint32 // a status
}

func newLeaving(l *load, s *sight) *leaving {
	few := min(leavers, len(l.chatters)/10)
	n := len(l.chatters) - 2*few
	v := &leaving{
		load: l, sight: s, staying: l.chatters[:n], signingOut: l.chatters[n : n+few], closing: l.chatters[n+few:],
		departures: map[place]*departure{}, has: newCountdown(),
	}
	stays := map[place]bool{}
	for i, c := range l.chatters {
		stays[s.placeOf(c)] = i < n
		v.departures[s.placeOf(c)] = &departure{countdown: newCountdown()}
	}
	s.onTold = func(viewer, viewed place, is status) {
		if d := v.departures[viewed]; stays[viewer] && d.to.Load() == uint32(is) {
			d.done()
		}
	}
	l.onSent = func(*chatter, []byte) { v.has.done() }
	l.onEvent = func(*chatter, []byte) { v.has.done() }
	return v
}

// expect begins to count who is told that a person is something else.
func (v *leaving) expect(c *chatter, is status) (all <-chan time.Time) {
	d, n := v.departures[v.sight.placeOf(c)], len(v.staying)
	if slices.Contains(v.staying, c) {
		n--
	}
	all = d.from(n)
	d.to.Store(uint32(is))
	return all
}

// seen returns how long it takes after an act until all who stay have been told what the person is then.
func (v *leaving) seen(c *chatter, is status, within time.Duration, act func() error) (time.Duration, error) {
	all, began := v.expect(c, is), time.Now()
	if err := act(); err != nil {
		return 0, err
	}
	at, err := v.await(c, is, all, within)
	return at.Sub(began), err
}

// await waits until all are told, and checks that none was told twice instead of another.
func (v *leaving) await(c *chatter, is status, all <-chan time.Time, within time.Duration) (at time.Time, err error) {
	d := v.departures[v.sight.placeOf(c)]
	select {
	case at = <-all:
	case err := <-v.load.failed:
		return at, err
	case <-time.After(within):
		return at, fmt.Errorf("after %v %d people of %d were not told", within, d.left.Load(), len(v.staying))
	}
	d.to.Store(0)
	for _, viewer := range v.staying {
		if viewer != c && v.sight.has(viewer, c) != is {
			return at, errors.New("somebody was told twice")
		}
	}
	return at, nil
}

// message returns how long it takes until a message of the person is at everybody.
func (v *leaving) message(c *chatter) (time.Duration, error) {
	all, began := v.has.from(len(v.load.chatters)), time.Now()
	if err := c.send(); err != nil {
		return 0, err
	}
	select {
	case at := <-all:
		return at.Sub(began), nil
	case err := <-v.load.failed:
		return 0, err
	case <-time.After(patience):
		return 0, fmt.Errorf("%d clients did not get a message within %v", v.has.left.Load(), patience)
	}
}

// close closes the sockets of some at one moment, and returns for each how long it takes until all know.
func (v *leaving) close() (took []time.Duration, err error) {
	var all []<-chan time.Time
	for _, c := range v.closing {
		all = append(all, v.expect(c, offline))
	}
	began := time.Now()
	for _, c := range v.closing {
		c.leaving.Store(true)
		if err := c.conn.Close(); err != nil {
			return nil, err
		}
	}
	for i, c := range v.closing {
		at, err := v.await(c, offline, all[i], 2*offlineWithin)
		if err != nil {
			return nil, fmt.Errorf("after its socket was closed: %w", err)
		}
		took = append(took, at.Sub(began))
	}
	return took, nil
}

// signOut ends a login over REST.
func signOut(ctx context.Context, address, token string) error {
	c, err := client.New("http://"+address, client.Options{AccessToken: token})
	if err != nil {
		return err
	}
	return c.Logout(ctx)
}
