package bench

import (
	"context"
	"fmt"
	"time"
)

// twoNodesTurns is how often P11 measures one node and then two.
const twoNodesTurns = 2

// measureTwoNodes is P11: the same load on one node without Redis and on two with it, in turns. What Redis
// itself takes is told beside it.
func measureTwoNodes(ctx context.Context, r *run, s *Scenario) error {
	type side struct {
		messages      int
		writes        int64
		server, redis time.Duration
		rate          float64
		took          []time.Duration
	}
	var sides [2]side
	for range twoNodesTurns {
		for i, n := range []int{1, 2} {
			err := r.on(ctx, s, n, func(nodes servers) (*load, error) {
				l, err := join(ctx, nodes, r.talks(s), 10)
				if err != nil {
					return nil, err
				}
				redis := cpuOf(r.redis)
				m, err := l.closedLoop(l.chatters, r.during/twoNodesTurns, nodes, r.postgres)
				d := &sides[i]
				d.messages, d.writes = d.messages+m.messages, d.writes+m.cpu.Writes
				d.server, d.redis = d.server+m.cpu.Server, d.redis+cpuOf(r.redis)-redis
				d.rate, d.took = d.rate+m.rate/twoNodesTurns, append(d.took, m.took...)
				return nil, err
			})
			if err != nil {
				return err
			}
		}
	}
	one, two := &sides[0], &sides[1]
	s.Rows = append(s.Rows, ceiling("CPU a message, both nodes", micros(two.server, two.messages), "µs", "one node", micros(one.server, one.messages), 1.3))
	s.Notes = append(s.Notes,
		fmt.Sprintf("confirmed: one node %.0f msg/s (p50 %s, p99 %s ms), two nodes %.0f msg/s (p50 %s, p99 %s ms); Redis %.1f µs a message on top",
			one.rate, number(percentile(one.took, 0.5)), number(percentile(one.took, 0.99)),
			two.rate, number(percentile(two.took, 0.5)), number(percentile(two.took, 0.99)), micros(two.redis, two.messages)),
		fmt.Sprintf("writes a message: one node %.2f, two nodes %.2f", float64(one.writes)/float64(max(1, one.messages)), float64(two.writes)/float64(max(1, two.messages))),
		"half of the people of each conversation are at each node, so that every message crosses")
	return nil
}
