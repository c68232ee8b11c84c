package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/tally"
)

const (
	// heartbeatEvery is how often a client says that its person is there (seed DOC-006).
	heartbeatEvery = 15 * time.Second
	// steadyFor is how long the steady state is measured: three times as long as everything in it takes to come round.
	steadyFor = 3 * heartbeatEvery
	// seenWithin is how long everybody may take to see everybody, after all have connected at once.
	seenWithin = time.Minute
	// calmAfter is when what belongs to connecting is over: the second beat of a device, the last acknowledgement.
	calmAfter = 5 * time.Second
	// calculatedFor is how many people the costs are calculated for.
	calculatedFor = 100_000
)

const (
	alive     = `{"type":"presence:heartbeat","status":"online"}`
	idle      = `{"type":"presence:heartbeat","status":"away"}`
	invisible = `{"type":"presence:set","status":"invisible"}`
	visible   = `{"type":"presence:set","status":"online"}`
)

// upkeep is what presence costs while nothing changes.
type upkeep struct {
	people        int
	lasted        time.Duration
	asked         tally.Asked
	redis, server time.Duration // of processor time
	database      time.Duration
}

// aSecond is what something is in a second.
func (u upkeep) aSecond(of float64) float64 { return of / u.lasted.Seconds() }

// measurePresence is what it costs to know who is there: everybody is connected and says so every 15 seconds, and nothing
// changes. A fifth of the people is measured first: what many cost is calculated from few, and this checks the calculation.
func measurePresence(ctx context.Context, r *run, s *Scenario) error {
	var few, all upkeep
	var seen time.Duration
	err := r.on(ctx, s, r.presenceNodes(), func(nodes servers) (*load, error) {
		talks := r.talks(s)
		part := len(talks) / 5
		var joined []*load
		defer func() {
			for _, l := range joined {
				l.close()
			}
		}()
		measure := func(talks []talk, out *upkeep) error {
			sight, l := newSight(talks), newLoad()
			l.onPresence = sight.take
			if err := l.join(ctx, nodes, talks, len(talks[0].people)); err != nil {
				return err
			}
			joined = append(joined, l)
			l.listen()
			var err error
			if seen, err = sight.until(l, online, seenWithin); err != nil {
				return err
			}
			*out, err = r.keepUp(ctx, nodes, joined)
			return err
		}
		if err := measure(talks[:part], &few); err != nil {
			return nil, fmt.Errorf("with a fifth: %w", err)
		}
		return nil, measure(talks[part:], &all)
	})
	if err != nil {
		return err
	}
	s.upkeep(few, all, r.postgres != 0)
	s.Notes = append(s.Notes, fmt.Sprintf("after the last had connected everybody saw everybody of their conversation within %.1f s", seen.Seconds()))
	return nil
}

// presenceNodes is how many nodes the scenarios of presence have.
func (r *run) presenceNodes() int {
	if r.startPostgres {
		return max(2, r.nodes)
	}
	return 1
}

// keepUp has everybody say every 15 seconds that they are there, and measures what that costs.
func (r *run) keepUp(ctx context.Context, nodes servers, joined []*load) (out upkeep, err error) {
	var people []*chatter
	for _, l := range joined {
		people = append(people, l.chatters...)
	}
	stop := make(chan struct{})
	beaten := make(chan error, 1)
	go func() { beaten <- beat(people, stop) }()
	defer func() {
		close(stop)
		err = errors.Join(err, <-beaten)
	}()
	last := joined[len(joined)-1]
	if err := last.wait(min(calmAfter, r.steady)); err != nil {
		return out, err
	}
	work := func() error {
		m, redis, began := startMeter(nodes.pids(), r.postgres), cpuOf(r.redis), time.Now()
		err := last.wait(r.steady)
		cpu := m.stop()
		out.lasted, out.redis = time.Since(began), cpuOf(r.redis)-redis
		out.server, out.database = cpu.Server, cpu.Database
		return err
	}
	out.people = len(people)
	if !r.startPostgres {
		return out, work()
	}
	counters, err := r.counters(ctx)
	if err != nil {
		return out, err
	}
	defer counters.Close(ctx)
	asked, err := counters.Over(ctx, work)
	out.asked = asked
	return out, err
}

// beat has each say every 15 seconds that they are there, spread over that time, until stop.
func beat(people []*chatter, stop <-chan struct{}) error {
	began := time.Now()
	for i := 0; ; i++ {
		due := began.Add(heartbeatEvery * time.Duration(i) / time.Duration(len(people)))
		select {
		case <-stop:
			return nil
		case <-time.After(time.Until(due)):
		}
		if err := people[i%len(people)].write(alive); err != nil {
			return err
		}
	}
}

// upkeep tells what the steady state costs, beside what few people let expect.
func (s *Scenario) upkeep(few, all upkeep, counted bool) {
	times := float64(all.people) / float64(few.people)
	expected := fmt.Sprintf("%.3g times that of %d", times, few.people)
	name := func(what string) string { return fmt.Sprintf("%s a second, %d people", what, all.people) }
	s.Rows = append(s.Rows,
		ceiling(name("nodes' processor time"), all.aSecond(millis(all.server)), "ms", expected, times*few.aSecond(millis(few.server)), 1.25))
	person := func(of float64) float64 { return all.aSecond(of) / float64(all.people) }
	many := func(of float64) float64 { return calculatedFor * person(of) }
	server := fmt.Sprintf("nodes %.2f cores", many(all.server.Seconds()))
	if !counted {
		s.Notes = append(s.Notes, fmt.Sprintf("calculated for %d people: %s (with the pings and pongs of idle sockets)", calculatedFor, server))
		return
	}
	beats := float64(all.people) / heartbeatEvery.Seconds()
	s.Rows = append(s.Rows,
		ceiling(name("Redis' processor time"), all.aSecond(millis(all.redis)), "ms", expected, times*few.aSecond(millis(few.redis)), 1.25),
		ceiling(name("Redis commands"), all.aSecond(float64(all.asked.Commands)), "", "one SET a person every 15 s", beats, 1.25),
		ceiling(name("SQL statements"), all.aSecond(float64(all.asked.Statements)), "", "one a person every 15 s", beats, 0.1),
		ceiling(fmt.Sprintf("Redis' processor, calculated for %d people", calculatedFor), many(all.redis.Seconds()), "cores", "one core", 1, 0.5))
	s.Notes = append(s.Notes,
		fmt.Sprintf("a person and second: %.4f Redis commands and %.4f inside of its scripts, %.2f µs of Redis' processor, %.2f µs of the nodes', %.2f µs of PostgreSQL's, %.5f SQL statements",
			person(float64(all.asked.Commands)), person(float64(all.asked.Scripted)), 1000*person(millis(all.redis)), 1000*person(millis(all.server)),
			1000*person(millis(all.database)), person(float64(all.asked.Statements))),
		fmt.Sprintf("of %d people: %.1f Redis commands, %.2f ms of Redis' processor, %.1f SQL statements a second", few.people,
			few.aSecond(float64(few.asked.Commands)), few.aSecond(millis(few.redis)), few.aSecond(float64(few.asked.Statements))),
		fmt.Sprintf("calculated for %d people: %.0f Redis commands a second, Redis %.2f cores, %s, %.0f SQL statements a second (with the pings and pongs of idle sockets)",
			calculatedFor, many(float64(all.asked.Commands)), many(all.redis.Seconds()), server, many(float64(all.asked.Statements))))
}
