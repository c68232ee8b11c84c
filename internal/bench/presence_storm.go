package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// stormTurns is how often each crowd is measured, without a storm and then with one.
	stormTurns = 2
	// toggleEvery is how long a person stays what they became.
	toggleEvery = time.Second
	// calmWithin is how long it may take after a storm until everybody sees everybody as they are.
	calmWithin = time.Minute
)

// steps are what each person of a storm becomes, one after the other; the last is online.
type steps struct {
	name   string
	frames []string
}

// storms of presence: one of devices, which is Redis' matter, and one that changes accounts, which is the database's, too.
var presenceStorms = []steps{
	{"away, online", []string{idle, alive}},
	{"away, invisible, online", []string{idle, invisible, visible}},
}

// measureStorm is P8 while other people become away, invisible and online again, one step a second each, and without: do
// messages wait for presence? One crowd is ten conversations; the other is one, so that everybody sees everybody.
func measureStorm(ctx context.Context, r *run, s *Scenario) error {
	talks := r.talks(s)
	load, rest := talks[:20], talks[20:]
	var errs []error
	for _, crowd := range [][]talk{rest[1:], rest[:1]} {
		for _, become := range presenceStorms {
			name := fmt.Sprintf("%d × %d people, %s", len(crowd), len(crowd[0].people), become.name)
			if err := r.storm(ctx, s, name, load, crowd, become.frames); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// storming is how a turn was, without a storm or with one.
type storming struct {
	confirmed, received []time.Duration
	events, frames      int64
	toggles             int
	lasted, calm        time.Duration
	server, redis       time.Duration // of processor time
	others              float64
}

// storm measures messages in some conversations without and with a storm in others.
func (r *run) storm(ctx context.Context, s *Scenario, name string, talks, crowd []talk, become []string) error {
	var sides [2]storming
	err := r.on(ctx, s, r.presenceNodes(), func(nodes servers) (*load, error) {
		l, err := join(ctx, nodes, talks, 10)
		if err != nil {
			return nil, err
		}
		defer l.close()
		loop := newOpenLoop(l)
		l.listen()
		sight, watchers := newSight(crowd), newLoad()
		watchers.onPresence = sight.take
		if err := watchers.join(ctx, nodes, crowd, len(crowd[0].people)); err != nil {
			return nil, err
		}
		defer watchers.close()
		watchers.listen()
		if _, err := sight.until(watchers, online, seenWithin); err != nil {
			return nil, err
		}
		for range stormTurns {
			for i := range sides {
				if err := r.stormTurn(nodes, loop, sight, watchers, [][]string{nil, become}[i], &sides[i]); err != nil {
					return nil, err
				}
			}
		}
		return nil, l.settle()
	})
	if err != nil {
		return err
	}
	quiet, storm := &sides[0], &sides[1]
	s.Rows = append(s.Rows,
		ceiling(name+": send→confirmation p99", percentile(storm.confirmed, 0.99), "ms", "without a storm", percentile(quiet.confirmed, 0.99), 2),
		ceiling(name+": send→received p99", percentile(storm.received, 0.99), "ms", "without a storm", percentile(quiet.received, 0.99), 2))
	s.Notes = append(s.Notes,
		fmt.Sprintf("%s: p50 of confirmations %s ms (without %s ms), of arrivals %s ms (without %s ms); %d messages in each, all confirmed and at everybody once, in order", name,
			number(percentile(storm.confirmed, 0.5)), number(percentile(quiet.confirmed, 0.5)),
			number(percentile(storm.received, 0.5)), number(percentile(quiet.received, 0.5)), stormTurns*int((warmUp+r.during).Seconds()*openRate)),
		fmt.Sprintf("%s: %d steps, %.0f a second; told %d times in %d frames, %.0f a second (without a storm %d); %.1f s after a storm everybody saw everybody as they were", name,
			storm.toggles, float64(storm.toggles)/storm.lasted.Seconds(), storm.events, storm.frames, float64(storm.events)/storm.lasted.Seconds(), quiet.events, storm.calm.Seconds()),
		fmt.Sprintf("%s: processor time of the nodes %.2f cores (without %.2f), of Redis %.2f (without %.2f); others took %.0f %% of the processors", name,
			storm.server.Seconds()/storm.lasted.Seconds(), quiet.server.Seconds()/quiet.lasted.Seconds(),
			storm.redis.Seconds()/storm.lasted.Seconds(), quiet.redis.Seconds()/quiet.lasted.Seconds(), 100*storm.others))
	return nil
}

// stormTurn is one turn of messages, and waits until presence has come to rest after it.
func (r *run) stormTurn(nodes servers, loop *openLoop, sight *sight, watchers *load, become []string, side *storming) error {
	stop, done := make(chan struct{}), make(chan error, 1)
	events, frames := sight.events.Load(), sight.frames.Load()
	m, redis, began := startMeter(nodes.pids(), r.postgres), cpuOf(r.redis), time.Now()
	if become != nil {
		go func() {
			n, err := toggle(watchers.chatters, become, stop)
			side.toggles += n
			done <- err
		}()
	} else {
		done <- nil
	}
	confirmed, err := loop.turn(r.during)
	close(stop)
	if err = errors.Join(err, <-done, loop.load.settle()); err != nil {
		return err
	}
	calm, err := sight.until(watchers, online, calmWithin)
	if err != nil {
		return fmt.Errorf("when the storm was over: %w", err)
	}
	// What waited for messages is told afterwards, and belongs to the storm.
	cpu := m.stop()
	side.lasted, side.redis = side.lasted+time.Since(began), side.redis+cpuOf(r.redis)-redis
	side.server, side.others = side.server+cpu.Server, max(side.others, cpu.Others)
	side.confirmed, side.received = append(side.confirmed, confirmed...), append(side.received, loop.arrivals()...)
	side.events, side.frames = side.events+sight.events.Load()-events, side.frames+sight.frames.Load()-frames
	side.calm = max(side.calm, calm)
	return nil
}

// toggle has each person go through the steps, one a second, until stop; then all are online. It returns how many steps
// there were.
func toggle(people []*chatter, become []string, stop <-chan struct{}) (steps int, err error) {
	began := time.Now()
	for ; ; steps++ {
		due := began.Add(toggleEvery * time.Duration(steps) / time.Duration(len(people)))
		select {
		case <-stop:
			for _, c := range people {
				if err := c.write(become[len(become)-1], alive); err != nil {
					return steps, err
				}
			}
			return steps, nil
		case <-time.After(time.Until(due)):
		}
		if err := people[steps%len(people)].write(become[steps/len(people)%len(become)]); err != nil {
			return steps, err
		}
	}
}
