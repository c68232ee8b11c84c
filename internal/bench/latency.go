package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
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

// openRate is the open loop of P8, in messages a second.
const openRate = 500

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
	n := int((warmUp + r.during).Seconds() * openRate)
	due := make([]time.Time, n)
	var mu sync.Mutex
	var confirmed, received []time.Duration
	var cpu CPU
	err = r.with(ctx, s, func(nodes servers) (*load, error) {
		l, err := join(ctx, nodes, r.talks(s), 10)
		if err != nil {
			return nil, err
		}
		defer l.close()
		warm := int(warmUp.Seconds() * openRate)
		var left atomic.Int64
		left.Store(int64(n))
		all := make(chan struct{})
		note := func(to *[]time.Duration, text []byte) {
			if i := numberOf(text); i >= warm && i < n {
				took := time.Since(due[i])
				mu.Lock()
				*to = append(*to, took)
				mu.Unlock()
			}
		}
		l.onSent = func(_ *chatter, text []byte) {
			note(&confirmed, text)
			if left.Add(-1) == 0 {
				close(all)
			}
		}
		l.onEvent = func(_ *chatter, text []byte) { note(&received, text) }
		l.listen()
		m := startMeter(nodes.pids(), r.postgres)
		began := time.Now()
		for i := range n {
			due[i] = began.Add(time.Duration(i) * time.Second / openRate)
		}
		for i := range n {
			if err := l.wait(time.Until(due[i])); err != nil {
				return nil, err
			}
			// 7 and 200 have no common divisor: neighbours in time are in different conversations.
			c := l.chatters[i*7%len(l.chatters)]
			if err := c.write(sendFrame(c.target.id, c.prefix, i)); err != nil {
				return nil, err
			}
		}
		select {
		case <-all:
		case err := <-l.failed:
			return nil, err
		case <-time.After(patience):
			return nil, fmt.Errorf("%d sends are not confirmed after %v", left.Load(), patience)
		}
		cpu = m.stop()
		return l, l.settle()
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
