package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

var nodeKinds = []*Kind{
	{
		Name: "kill", About: "a node dies (SIGKILL) and is started again", Shapes: everywhere,
		Shortest: 50 * time.Millisecond, Longest: 4 * time.Second, claims: one(""),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			n := s.Cluster.Nodes[p.Node]
			n.Kill()
			return func(ctx context.Context) error { return bringBack(ctx, n) }, nil
		},
	},
	{
		Name: "freeze", About: "a node stands still (SIGSTOP) for up to a minute and goes on", Shapes: everywhere,
		Shortest: time.Second, Longest: time.Minute, claims: one(""),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			n := s.Cluster.Nodes[p.Node]
			n.Freeze()
			return func(context.Context) error { n.Thaw(); return nil }, nil
		},
	},
	{
		Name: "drain", About: "a node leaves (SIGTERM) and comes back", Shapes: everywhere,
		Shortest: 50 * time.Millisecond, Longest: 2 * time.Second, claims: one(""),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			n := s.Cluster.Nodes[p.Node]
			if err := leave(s, n); err != nil {
				return nil, errors.Join(err, bringBack(context.Background(), n))
			}
			return func(ctx context.Context) error { return bringBack(ctx, n) }, nil
		},
	},
	{
		Name: "rolling", About: "every node in turn leaves and comes back, as when a new version is rolled out", Shapes: []cluster.Shape{cluster.Full},
		alone: true, claims: allNodes,
		inject: func(ctx context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			for _, n := range s.Cluster.Nodes {
				if err := errors.Join(leave(s, n), bringBack(ctx, n)); err != nil {
					return nil, err
				}
			}
			return nothing, nil
		},
	},
	{
		Name: "clock", About: "a node comes back with a clock that is up to five minutes off", Shapes: everywhere,
		Shortest: 50 * time.Millisecond, Longest: time.Second, claims: one(""),
		Lacks: func(s *Site) string {
			if s.Clocks {
				return ""
			}
			return "the program was not built with a clock that can be set"
		},
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			n := s.Cluster.Nodes[p.Node]
			n.Kill()
			n.SetClock(WrongClock(p.Dice))
			return func(ctx context.Context) error { return bringBack(ctx, n) }, nil
		},
	},
	{
		Name: "version", About: "a node leaves and comes back as another version", Shapes: everywhere,
		Shortest: 50 * time.Millisecond, Longest: time.Second, claims: one(""),
		Lacks: func(s *Site) string {
			if len(s.Programs) > 1 {
				return ""
			}
			return "there is one version of the program only"
		},
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			n := s.Cluster.Nodes[p.Node]
			err := leave(s, n)
			n.SetProgram(s.Programs[p.Dice%uint64(len(s.Programs))])
			if err != nil {
				return nil, errors.Join(err, bringBack(context.Background(), n))
			}
			return func(ctx context.Context) error { return bringBack(ctx, n) }, nil
		},
	},
}

// WrongClock draws how wrong a clock is: up to five minutes to either side.
func WrongClock(dice uint64) time.Duration {
	return time.Duration(rand.New(rand.NewPCG(dice, 1)).Int64N(int64(10*time.Minute))) - 5*time.Minute
}

func allNodes(s *Site, _ Planned) []string {
	var out []string
	for _, n := range s.Cluster.Nodes {
		out = append(out, n.Name)
	}
	return out
}

// leave has a node leave. While the database is away it may fail at what it has to write, but must be gone in
// time all the same.
func leave(s *Site, n *cluster.Node) error {
	broken := s.Broken()
	err := n.Drain()
	if errors.Is(err, cluster.ErrLeftBadly) && slices.ContainsFunc(append(broken, s.Broken()...), isDatabase) {
		return nil
	}
	return err
}

func isDatabase(claim string) bool {
	return strings.HasSuffix(claim, "PostgreSQL") || claim == "disk" || claim == "file"
}

// bringBack starts a node as often as it takes, as whoever supervises it does: while the database is away
// no node can start.
func bringBack(ctx context.Context, n *cluster.Node) error {
	ctx, cancel := context.WithTimeout(ctx, mendWithin)
	defer cancel()
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for {
		err := n.Start(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return err
		}
	}
}
