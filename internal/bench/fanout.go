package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// fanRounds is how many messages P5 sends one at a time, in turns of ten with the bare loop.
	fanRounds = 100
	// fanSenders are those that send at once: so many that about ten of their messages share a commit, and
	// so ten frames a write. Some are always on their way back.
	fanSenders = 13
)

// measureFanOut is P5: what a delivery costs the server, when each comes in a write of its own and when
// about ten share one, against a bare loop of writes to as many sockets.
func measureFanOut(ctx context.Context, r *run, s *Scenario) error {
	talks := r.talks(s)
	n := len(talks[0].people)
	loop, err := newBareLoop(ctx, n)
	if err != nil {
		return err
	}
	defer loop.close()
	var one, ten spent
	var m measured
	err = r.with(ctx, s, func(nodes servers) (*load, error) {
		if len(nodes.pids()) == 0 {
			return nil, fmt.Errorf("P5 reads the server's processor time: name its process with --server-pid")
		}
		if one, err = oneAtATime(ctx, nodes, talks[0], loop); err != nil {
			return nil, err
		}
		l, err := join(ctx, nodes, talks[1:], n)
		if err != nil {
			return nil, err
		}
		m, err = l.closedLoop(l.chatters[:fanSenders], r.during, nodes, r.postgres)
		return l, err
	})
	if err != nil {
		return err
	}
	if ten, err = loop.rounds(fanRounds, 10); err != nil {
		return err
	}
	deliveries := float64(n - 1)
	bareOne := micros(one.bare, fanRounds*n)
	s.Rows = append(s.Rows,
		ceiling("CPU a delivery, one message at a time", float64(one.server.Nanoseconds())/1000/fanRounds/deliveries, "µs", "bare write of one frame", bareOne, 1.25),
		ceiling("CPU a delivery, about ten frames a write", micros(m.cpu.Server, m.messages)/deliveries, "µs", "bare write of one frame", bareOne, 0.15),
		ceiling("send→last received p50", percentile(one.serverLast, 0.5), "ms", "bare loop, order→last received", percentile(one.bareLast, 0.5), 1.3))
	s.Notes = append(s.Notes,
		fmt.Sprintf("send→last received p99 %s ms (bare %s ms); a bare write of ten frames takes %.2f µs a frame; %d senders: %.1f frames a write, %.0f deliveries/s",
			number(percentile(one.serverLast, 0.99)), number(percentile(one.bareLast, 0.99)), micros(ten.bare, fanRounds*n*10),
			fanSenders, float64(m.messages)*deliveries/float64(max(1, m.cpu.Writes)), m.rate*deliveries),
		"CPU a delivery is all that the server's process used, commit and acknowledgements included; a bare write's is that of the thread that writes")
	s.cpu(m.cpu, m.messages, true, r.postgres != 0)
	return nil
}

// spent is the processor time of rounds, and how long each took to reach the last reader.
type spent struct {
	server, bare         time.Duration
	serverLast, bareLast []time.Duration
}

// oneAtATime sends ten messages one after the other, then has the bare loop write ten times, and so on.
func oneAtATime(ctx context.Context, nodes servers, t talk, loop *bareLoop) (spent, error) {
	var out spent
	l, err := join(ctx, nodes, []talk{t}, len(t.people))
	if err != nil {
		return out, err
	}
	defer l.close()
	everybody := newCountdown()
	l.onSent = func(*chatter, []byte) { everybody.done() }
	l.onEvent = func(*chatter, []byte) { everybody.done() }
	l.listen()
	for turn := range fanRounds/10 + 1 {
		before := sum(nodes.pids(), cpuOf)
		var last []time.Duration
		for range 10 {
			zero := everybody.from(len(l.chatters))
			began := time.Now()
			if err := l.chatters[0].send(); err != nil {
				return out, err
			}
			select {
			case at := <-zero:
				last = append(last, at.Sub(began))
			case err := <-l.failed:
				return out, err
			case <-time.After(patience):
				return out, fmt.Errorf("%d clients did not get a message within %v", everybody.left.Load(), patience)
			}
		}
		took := sum(nodes.pids(), cpuOf) - before
		bare, err := loop.rounds(10, 1)
		if err != nil {
			return out, err
		}
		if turn == 0 {
			continue // caches fill and buffers grow
		}
		out.server, out.bare = out.server+took, out.bare+bare.bare
		out.serverLast, out.bareLast = append(out.serverLast, last...), append(out.bareLast, bare.bareLast...)
	}
	return out, l.settle()
}

// countdown tells when n things have happened.
type countdown struct {
	left atomic.Int64
	zero chan time.Time
}

func newCountdown() *countdown { return &countdown{zero: make(chan time.Time, 1)} }

func (c *countdown) from(n int) <-chan time.Time {
	c.left.Store(int64(n))
	return c.zero
}

func (c *countdown) done() {
	if c.left.Add(-1) == 0 {
		c.zero <- time.Now()
	}
}

// bareLoop is a bare server with readers at all its sockets.
type bareLoop struct {
	server  *bareServer
	peers   []*peer
	arrived *countdown
	readers sync.WaitGroup
}

func newBareLoop(ctx context.Context, n int) (*bareLoop, error) {
	server, err := startBare(ctx)
	if err != nil {
		return nil, err
	}
	b := &bareLoop{server: server, arrived: newCountdown()}
	if b.peers, err = joinBare(server.address, n, 8<<10); err != nil {
		b.close()
		return nil, err
	}
	for _, p := range b.peers {
		b.readers.Go(func() {
			for {
				if _, err := p.read(); err != nil {
					return
				}
				b.arrived.done()
			}
		})
	}
	return b, nil
}

// rounds has frames written to every socket, so many times, each after the last reader has the one before.
func (b *bareLoop) rounds(n, frames int) (spent, error) {
	var out spent
	for range n {
		zero := b.arrived.from(len(b.peers) * frames)
		began := time.Now()
		took, err := b.server.writeAll(frames)
		if err != nil {
			return out, err
		}
		select {
		case at := <-zero:
			out.bareLast = append(out.bareLast, at.Sub(began))
		case <-time.After(patience):
			return out, fmt.Errorf("%d frames of the bare loop did not arrive", b.arrived.left.Load())
		}
		out.bare += took
	}
	return out, nil
}

func (b *bareLoop) close() {
	closeAll(b.peers)
	b.readers.Wait()
	_ = b.server.stop()
}

// joinBare opens n sockets at a bare server and signs in.
func joinBare(address string, n, buffer int) ([]*peer, error) {
	return openAll(address, n, buffer, func(int) string { return "bare" })
}

// openAll opens n sockets, 256 at a time, and signs in at each.
func openAll(address string, n, buffer int, token func(int) string) ([]*peer, error) {
	peers := make([]*peer, n)
	var group errgroup.Group
	group.SetLimit(256)
	for i := range n {
		group.Go(func() error {
			p, err := connect(address, buffer)
			if err != nil {
				return err
			}
			peers[i] = p
			return p.signIn(token(i))
		})
	}
	return peers, group.Wait()
}

func closeAll(peers []*peer) {
	for _, p := range peers {
		if p != nil {
			p.conn.Close()
		}
	}
}
