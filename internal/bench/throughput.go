package bench

import (
	"context"
	"fmt"
	"time"
)

// measureThroughput is P1 and, on SQLite, P7: everybody sends, and the probe inserts a hundred rows at a
// time, before and after.
func measureThroughput(ctx context.Context, r *run, s *Scenario) error {
	probe, err := r.prober(ctx)
	if err != nil {
		return err
	}
	defer probe.close()
	before, err := probe.batch(ctx, 100, r.probeFor())
	if err != nil {
		return err
	}
	var m measured
	err = r.with(ctx, s, func(nodes servers) (*load, error) {
		l, err := join(ctx, nodes, r.talks(s), 10)
		if err != nil {
			return nil, err
		}
		m, err = l.closedLoop(l.chatters, r.during, nodes, r.postgres)
		return l, err
	})
	if err != nil {
		return err
	}
	after, err := probe.batch(ctx, 100, r.probeFor())
	if err != nil {
		return err
	}
	goal := 0.75
	if s.Name == "P7" {
		goal = 0.7
	}
	s.Rows = append(s.Rows, floor("confirmed", m.rate, "msg/s", "insert, 100 rows a commit", (before+after)/2, goal))
	s.Notes = append(s.Notes,
		fmt.Sprintf("send→confirmation p50 %s ms, p99 %s ms; %.0f deliveries a second; probe %.0f before, %.0f after",
			number(percentile(m.took, 0.5)), number(percentile(m.took, 0.99)), 9*m.rate, before, after),
		"every client saw every message once, in order; the database has as many as were confirmed")
	s.cpu(m.cpu, m.messages, true, r.postgres != 0)
	return nil
}

// measureFew is P3: few messages in flight, each in a conversation of its own.
func measureFew(ctx context.Context, r *run, s *Scenario) error {
	probe, err := r.prober(ctx)
	if err != nil {
		return err
	}
	defer probe.close()
	twenty, err := probe.batch(ctx, 20, r.probeFor())
	if err != nil {
		return err
	}
	socket, err := echoRate(ctx, 20, r.probeFor())
	if err != nil {
		return err
	}
	plain, err := probe.parallel(ctx, 8, r.probeFor())
	if err != nil {
		return err
	}
	var few [2]measured
	for i, n := range []int{20, 8} {
		// A few more people would only listen: who sends is all there is.
		err := r.with(ctx, s, func(nodes servers) (*load, error) {
			l, err := join(ctx, nodes, r.talks(s)[:n], 1)
			if err != nil {
				return nil, err
			}
			few[i], err = l.closedLoop(l.chatters, r.during/2, nodes, r.postgres)
			return nil, err
		})
		if err != nil {
			return err
		}
	}
	again, err := probe.parallel(ctx, 8, r.probeFor())
	if err != nil {
		return err
	}
	ceilingRate := 1 / (1/twenty + 1/socket)
	s.Rows = append(s.Rows,
		floor("20 in flight", few[0].rate, "msg/s", "computed ceiling", ceilingRate, 0.75),
		floor("8 in flight", few[1].rate, "msg/s", "8 connections inserting", (plain+again)/2, 1))
	s.Notes = append(s.Notes, fmt.Sprintf("ceiling: a row takes its share of a commit of 20 (%.0f rows/s) and then of 20 sockets that echo (%.0f/s), one after the other",
		twenty, socket))
	s.cpu(few[0].cpu, few[0].messages, true, r.postgres != 0)
	return nil
}

// echoRate is how many frames a second n sockets echo, one outstanding on each.
func echoRate(ctx context.Context, n int, during time.Duration) (float64, error) {
	bare, err := startBare(ctx)
	if err != nil {
		return 0, err
	}
	defer bare.stop()
	peers, err := joinBare(bare.address, n, 4<<10)
	defer closeAll(peers)
	if err != nil {
		return 0, err
	}
	frame := sendFrame(newID(), "0123456789abc", 1000)
	return together(n, during, func(i int) error {
		if err := peers[i].write(frame); err != nil {
			return err
		}
		_, err := peers[i].read()
		return err
	})
}

// measureBatches is P4: how many messages share a sync of the disk.
func measureBatches(ctx context.Context, r *run, s *Scenario) error {
	if r.remote() {
		return errOwnServer
	}
	count := commitsOnSQLite
	if r.config.databaseURL != "" {
		count = commitsOnPostgres
	}
	before, err := count(ctx, r, s)
	if err != nil {
		return err
	}
	var m measured
	var confirmed int64
	err = r.with(ctx, s, func(nodes servers) (*load, error) {
		l, err := join(ctx, nodes, r.talks(s), 10)
		if err != nil {
			return nil, err
		}
		m, err = l.closedLoop(l.chatters, r.during, nodes, r.postgres)
		confirmed = l.confirmed.Load()
		return l, err
	})
	if err != nil {
		return err
	}
	after, err := count(ctx, r, s)
	if err != nil {
		return err
	}
	s.Rows = append(s.Rows, floor("messages a sync", float64(confirmed)/float64(after-before), "", "one message a sync", 1, 60))
	how := "counted: pg_stat_wal.wal_sync from before the server's start to after its end, everything else that it wrote included"
	if r.config.databaseURL == "" {
		how = "counted: groups of messages whose created_at lie within 20 µs of each other, which is one transaction and so one sync of the log; " +
			"syncs of checkpoints come on top"
	}
	s.Notes = append(s.Notes, how)
	s.cpu(m.cpu, m.messages, true, r.postgres != 0)
	return nil
}
