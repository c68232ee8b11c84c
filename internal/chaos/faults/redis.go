package faults

import (
	"context"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chaos/proxy"
)

var redisKinds = []*Kind{
	{
		Name: "redis-cut", About: "no connection to Redis, for one node (lopsided) or for all", Shapes: onRedis,
		Shortest: 200 * time.Millisecond, Longest: 10 * time.Second, claims: linesOf("→Redis"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			return weather(toRedis(s, p), proxy.Weather{Refuse: true}, p), nil
		},
	},
	{
		Name: "redis-half-open", About: "connections to Redis stay open and carry nothing, in one direction or both", Shapes: onRedis,
		Shortest: 500 * time.Millisecond, Longest: 15 * time.Second, claims: linesOf("→Redis"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			return weather(toRedis(s, p), held(p), p), nil
		},
	},
	{
		Name: "redis-delayed", About: "everything to and from Redis takes up to a third of a second longer", Shapes: onRedis,
		Shortest: time.Second, Longest: 8 * time.Second, claims: linesOf("→Redis"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			return weather(toRedis(s, p), delayed(p, 200*time.Millisecond), p), nil
		},
	},
	{
		Name: "redis-loss", About: "single envelopes on the way from Redis to a node are lost or come twice, without a word", Shapes: onRedis,
		Shortest: time.Second, Longest: 15 * time.Second, claims: linesOf("→Redis"),
		inject: func(_ context.Context, s *Site, p Planned) (func(context.Context) error, error) {
			lines := toRedis(s, p)
			for _, line := range lines {
				line.Set(proxy.Weather{Losses: lossy(p)})
			}
			return func(context.Context) error {
				for _, line := range lines {
					line.Set(proxy.Weather{})
				}
				return nil
			}, nil
		},
	},
	{
		Name: "redis-flush", About: "FLUSHALL", Shapes: onRedis, claims: only("Redis"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			_, err := s.Cluster.Redis.Do("FLUSHALL")
			return nothing, err
		},
	},
	{
		Name: "redis-pubsub", About: "CLIENT KILL TYPE pubsub: every subscription's connection ends", Shapes: onRedis, claims: only("Redis"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			_, err := s.Cluster.Redis.Do("CLIENT", "KILL", "TYPE", "pubsub")
			return nothing, err
		},
	},
	{
		Name: "redis-restart", About: "Redis is shut down and started again, empty", Shapes: onRedis,
		Shortest: 50 * time.Millisecond, Longest: 2 * time.Second, claims: only("Redis"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			s.Cluster.Redis.Stop()
			return func(context.Context) error { return s.Cluster.Redis.Restart() }, nil
		},
	},
	{
		Name: "redis-kill", About: "Redis crashes and is away for a while", Shapes: onRedis,
		Shortest: 500 * time.Millisecond, Longest: 30 * time.Second, claims: only("Redis"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			s.Cluster.Redis.Kill()
			return func(context.Context) error { return s.Cluster.Redis.Restart() }, nil
		},
	},
	{
		Name: "redis-freeze", About: "Redis stands still (SIGSTOP) and goes on", Shapes: onRedis,
		Shortest: 500 * time.Millisecond, Longest: 20 * time.Second, claims: only("Redis"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			s.Cluster.Redis.Freeze()
			return func(context.Context) error { s.Cluster.Redis.Thaw(); return nil }, nil
		},
	},
	{
		Name: "redis-memory", About: "Redis may use a megabyte and refuses what takes more", Shapes: onRedis,
		Shortest: time.Second, Longest: 5 * time.Second, claims: only("Redis"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			_, err := s.Cluster.Redis.Do("CONFIG", "SET", "maxmemory", "1mb")
			return func(context.Context) error {
				_, err := s.Cluster.Redis.Do("CONFIG", "SET", "maxmemory", "0")
				return err
			}, err
		},
	},
	{
		Name: "redis-garbage", About: "foreign garbage is published to our channels", Shapes: onRedis, claims: only("Redis"),
		inject: func(_ context.Context, s *Site, _ Planned) (func(context.Context) error, error) {
			return nothing, litter(s, func(channel, text string) error {
				_, err := s.Cluster.Redis.Do("PUBLISH", channel, text)
				return err
			})
		},
	},
}

func toRedis(s *Site, p Planned) []*proxy.Proxy {
	return lines(s, p, func(node int) *proxy.Proxy { return s.Cluster.Nodes[node].Redis })
}

// lossy loses and doubles up to a third each of the envelopes that tell of changes: the next one of the conversation
// shows that one is missing. Of what else is lost nothing would tell before the next comparison with the database.
func lossy(p Planned) *proxy.Losses {
	share := func(dice uint64) float64 { return 0.05 + 0.25*float64(dice&0xff)/0xff }
	return &proxy.Losses{
		Seed: p.Dice, Swallow: share(p.Dice), Double: share(p.Dice >> 8),
		Concerns: func(channel, envelope string) bool {
			return strings.HasPrefix(channel, "chat:conversation:") &&
				(strings.HasPrefix(envelope, `{"type":"message:received"`) || strings.HasPrefix(envelope, `{"type":"changes"`))
		},
	}
}
