package bench

import (
	"context"
	"fmt"
	"time"
)

// settleFor is how long P6 lets idle sockets lie before it reads the memory: past the garbage of their
// handshakes and the first pings.
const settleFor = 20 * time.Second

// measureIdle is P6: the memory of a socket that does nothing, and how long it takes until everybody is
// back after a restart, against a server that only accepts.
func measureIdle(ctx context.Context, r *run, s *Scenario) error {
	if r.remote() {
		return errOwnServer
	}
	people := r.world.people[:r.idle]
	token := func(i int) string { return people[i].Token }
	bare, bareTook, err := bareAccept(ctx, len(people))
	if err != nil {
		return err
	}
	srv, err := r.start(ctx, s, false)
	if err != nil {
		return err
	}
	empty := rssOf(srv.pid)
	first := time.Now()
	crowd, err := openIdle(srv.address, len(people), token)
	firstTook := time.Since(first)
	if err == nil {
		err = crowd.lie(ctx, settleFor)
	}
	full := rssOf(srv.pid)
	if err != nil {
		crowd.close()
		srv.kill()
		return err
	}
	left := time.Now()
	err = srv.stop()
	stopTook := time.Since(left)
	crowd.close()
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	began := time.Now()
	if srv, err = r.start(ctx, s, false); err != nil {
		return err
	}
	startTook := time.Since(began)
	began = time.Now()
	crowd, err = openIdle(srv.address, len(people), token)
	backTook := time.Since(began)
	crowd.close()
	if stopErr := srv.stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return fmt.Errorf("after the restart: %w", err)
	}
	_, again, err := bareAccept(ctx, len(people))
	if err != nil {
		return err
	}
	n := float64(len(people))
	s.Rows = append(s.Rows,
		ceiling("memory of an idle connection", float64(full-empty)/n/1000, "kB", "the goal's kB", 6, 1),
		ceiling("all connected again", backTook.Seconds(), "s", "bare accept", (bareTook+again).Seconds()/2, 2))
	s.Notes = append(s.Notes,
		fmt.Sprintf("RSS %.1f MB empty, %.1f MB with %d sockets after %v; a goroutine with a 4 kB buffer in the bare server takes %.1f kB",
			float64(empty)/1e6, float64(full)/1e6, len(people), settleFor, float64(bare)/n/1000),
		fmt.Sprintf("first connect %.2f s; stop %.2f s, start %.2f s; nobody was refused", firstTook.Seconds(), stopTook.Seconds(), startTook.Seconds()))
	return nil
}

// bareAccept measures a server that only accepts, upgrades and answers one frame: its memory for all, and
// the time until all are in.
func bareAccept(ctx context.Context, n int) (rss int64, took time.Duration, err error) {
	bare, err := startBare(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer bare.stop()
	empty := rssOf(bare.cmd.Process.Pid)
	began := time.Now()
	peers, err := joinBare(bare.address, n, 512)
	defer closeAll(peers)
	return rssOf(bare.cmd.Process.Pid) - empty, time.Since(began), err
}

// idlers are sockets that answer pings and nothing else.
type idlers struct {
	peers []*peer
	load  *load
}

func openIdle(address string, n int, token func(int) string) (*idlers, error) {
	peers, err := openAll(address, n, 512, token)
	i := &idlers{peers: peers, load: &load{failed: make(chan error, 1)}}
	if err != nil {
		return i, err
	}
	for _, p := range peers {
		i.load.readers.Go(func() {
			for {
				if _, err := p.read(); err != nil {
					i.load.fail(err)
					return
				}
			}
		})
	}
	return i, nil
}

// lie keeps them for a while and fails when one is lost.
func (i *idlers) lie(ctx context.Context, during time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-i.load.failed:
		return fmt.Errorf("an idle connection was lost: %w", err)
	case <-time.After(during):
		return nil
	}
}

func (i *idlers) close() {
	closeAll(i.peers)
	i.load.readers.Wait()
}
