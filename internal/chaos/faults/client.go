package faults

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chaos/proxy"
)

var clientKinds = []*Kind{
	{
		Name: "clients-cut", About: "connections of clients are reset, all or a share of them", Shapes: everywhere,
		claims: only("clients"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			for _, door := range s.Cluster.Doors() {
				door.Cut(p.Share)
			}
			return nothing, nil
		},
	},
	{
		Name: "clients-refused", About: "no connection to one node, or to nginx, is let through", Shapes: everywhere,
		Shortest: 200 * time.Millisecond, Longest: 3 * time.Second, claims: only("clients"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			doors := s.Cluster.Doors()
			door := doors[p.Dice%uint64(len(doors))]
			door.Set(proxy.Weather{Refuse: true})
			return func(context.Context) error { door.Set(proxy.Weather{}); return nil }, nil
		},
	},
	{
		Name: "clients-half-open", About: "connections of clients stay open and carry nothing, in one direction or both, then go on or are reset", Shapes: everywhere,
		Shortest: time.Second, Longest: 25 * time.Second, claims: only("clients"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			w := held(p)
			if p.Window > longWindow {
				// While nobody gets anything through there is nothing to prove.
				w.Share = min(w.Share, 0.5)
			}
			return weather(s.Cluster.Doors(), w, p), nil
		},
	},
	{
		Name: "clients-delayed", About: "everything between clients and nodes takes up to half a second longer", Shapes: everywhere,
		Shortest: time.Second, Longest: 8 * time.Second, claims: only("clients"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			return weather(s.Cluster.Doors(), delayed(p, 250*time.Millisecond), p), nil
		},
	},
	{
		Name: "clients-throttled", About: "connections of clients carry a few kilobytes a second", Shapes: everywhere,
		Shortest: time.Second, Longest: 8 * time.Second, claims: only("clients"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			return weather(s.Cluster.Doors(), proxy.Weather{Share: p.Share, BytesPerSecond: 2000 + int(p.Dice%20000)}, p), nil
		},
	},
}

// weather changes what happens on lines and returns what makes them fair again. Now and then the lines that
// were hit are reset then, as by something on the way that has forgotten them.
func weather(lines []*proxy.Proxy, w proxy.Weather, p Planned) (mend func(context.Context) error) {
	for _, line := range lines {
		line.Set(w)
	}
	return func(context.Context) error {
		for _, line := range lines {
			if p.Dice%3 == 0 {
				line.Cut(w.Share)
			}
			line.Set(proxy.Weather{})
		}
		return nil
	}
}

// held is a network that swallows what is sent one way, the other way or both ways.
func held(p Planned) proxy.Weather {
	ways := p.Dice % 4
	return proxy.Weather{Share: p.Share, HoldUp: ways != 0, HoldDown: ways != 1}
}

func delayed(p Planned, most time.Duration) proxy.Weather {
	d := time.Duration(p.Dice>>8) % most
	return proxy.Weather{Share: p.Share, Delay: d/2 + 10*time.Millisecond, Jitter: d + time.Millisecond}
}

// lines chooses the lines of one node or, every second time, those of all.
func lines(s *Site, p Planned, of func(node int) *proxy.Proxy) []*proxy.Proxy {
	if !hitsAll(p) {
		return []*proxy.Proxy{of(p.Node)}
	}
	var out []*proxy.Proxy
	for i := range s.Cluster.Nodes {
		out = append(out, of(i))
	}
	return out
}

func hitsAll(p Planned) bool { return p.Dice&(1<<40) != 0 }

// linesOf claims what lines chooses.
func linesOf(part string) func(*Site, Planned) []string {
	return func(s *Site, p Planned) []string {
		if !hitsAll(p) {
			return one(part)(s, p)
		}
		var out []string
		for _, n := range s.Cluster.Nodes {
			out = append(out, n.Name+part)
		}
		return out
	}
}
