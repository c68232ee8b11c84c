package faults

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

var nginxKinds = []*Kind{
	{
		Name: "nginx-reload", About: "nginx reads its configuration again", Shapes: []cluster.Shape{cluster.Full}, claims: only("nginx"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			return nothing, s.Cluster.Nginx.Reload()
		},
	},
	{
		Name: "nginx-kill", About: "nginx dies and is started again", Shapes: []cluster.Shape{cluster.Full},
		Shortest: 50 * time.Millisecond, Longest: 2 * time.Second, claims: only("nginx"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			s.Cluster.Nginx.Kill()
			return func(context.Context) error { return s.Cluster.Nginx.Start() }, nil
		},
	},
}
