package bench

import (
	"context"
	"fmt"
	"time"
)

// measureLatency is P2: one message at a time, its confirmation and its arrival at the other person,
// in turns with single inserts.
func measureLatency(ctx context.Context, r *run, s *Scenario) error {
	probe, err := r.prober(ctx)
	if err != nil {
		return err
	}
	defer probe.close()
	var confirmed, received, inserted []time.Duration
	err = r.with(ctx, s, func(nodes servers) (*load, error) {
		l, err := join(ctx, nodes, r.talks(s), 2)
		if err != nil {
			return nil, err
		}
		defer l.close()
		sender := l.chatters[0]
		sentAt, gotAt := make(chan time.Time, 1), make(chan time.Time, 1)
		l.onSent = func(*chatter, []byte) { sentAt <- time.Now() }
		l.onEvent = func(*chatter, []byte) { gotAt <- time.Now() }
		l.listen()
		for end, turn := time.Now().Add(r.during), 0; time.Now().Before(end); turn++ {
			some, err := probe.single(ctx, 50)
			if err != nil {
				return nil, err
			}
			if turn > 0 {
				inserted = append(inserted, some...)
			}
			for range 50 {
				if err := sender.send(); err != nil {
					return nil, err
				}
				began := sender.sentAt
				for range 2 {
					select {
					case at := <-sentAt:
						if turn > 0 {
							confirmed = append(confirmed, at.Sub(began))
						}
					case at := <-gotAt:
						if turn > 0 {
							received = append(received, at.Sub(began))
						}
					case err := <-l.failed:
						return nil, err
					}
				}
			}
		}
		return l, l.settle()
	})
	if err != nil {
		return err
	}
	c, g, i := percentile(confirmed, 0.5), percentile(received, 0.5), percentile(inserted, 0.5)
	s.Rows = append(s.Rows,
		ceiling("send→confirmation p50", c, "ms", "one insert p50", i, 1.5),
		ceiling("send→received p50", g, "ms", "send→confirmation p50", c, 1.2))
	s.Notes = append(s.Notes, fmt.Sprintf("p99: confirmation %s ms, received %s ms, insert %s ms; %d of each, fifty of one, then fifty of the other",
		number(percentile(confirmed, 0.99)), number(percentile(received, 0.99)), number(percentile(inserted, 0.99)), len(confirmed)))
	return nil
}

// measureOpenLoop is P8: messages come when they come, whether those before are confirmed or not, and
// a time counts from when its message was due.
func measureOpenLoop(ctx context.Context, r *run, s *Scenario) error {
	probe, err := r.prober(ctx)
	if err != nil {
		return err
	}
	defer probe.close()
	inserted, err := probe.single(ctx, openRate)
	if err != nil {
		return err
	}
	var confirmed, received []time.Duration
	var cpu CPU
	n := 0
	err = r.with(ctx, s, func(nodes servers) (*load, error) {
		l, err := join(ctx, nodes, r.talks(s), 10)
		if err != nil {
			return nil, err
		}
		defer l.close()
		loop := newOpenLoop(l)
		n = loop.messages(r.during)
		l.listen()
		m := startMeter(nodes.pids(), r.postgres)
		if confirmed, err = loop.turn(r.during); err != nil {
			return nil, err
		}
		cpu = m.stop()
		if err := l.settle(); err != nil {
			return nil, err
		}
		received = loop.arrivals()
		return l, nil
	})
	if err != nil {
		return err
	}
	more, err := probe.single(ctx, openRate)
	if err != nil {
		return err
	}
	i := percentile(append(inserted, more...), 0.5)
	c, g := percentile(confirmed, 0.99), percentile(received, 0.99)
	s.Rows = append(s.Rows,
		ceiling("send→confirmation p99", c, "ms", "one insert p50", i, 10),
		ceiling("send→received p99", g, "ms", "send→confirmation p99", c, 2))
	s.Notes = append(s.Notes, fmt.Sprintf("p50: confirmation %s ms, received %s ms", number(percentile(confirmed, 0.5)), number(percentile(received, 0.5))))
	s.cpu(cpu, n, true, r.postgres != 0)
	return nil
}
