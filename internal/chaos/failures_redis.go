package chaos

import (
	"context"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/proxy"
)

const (
	redisAway = "DOC-006 Redis away; DOC-008 `REDIS_UNAVAILABLE`"
	// nothingRefused is what C3.2 promises of every outage of Redis.
	nothingRefused = "every first try is confirmed within 3 s; no connection is lost; messages cross between nodes"
	// lateCrossing is the 95th percentile between nodes when nothing is away and envelopes are late or lost: what is missing is
	// read from the database (C3.1).
	lateCrossing = 3 * time.Second
)

// redisScenes are those of Redis and of what it carries.
func redisScenes() (out []FailureScene) {
	for _, lasts := range []time.Duration{2 * time.Second, 10 * time.Second, time.Minute} {
		out = append(out, FailureScene{
			Name: "Redis stopped for " + seconds(lasts), Of: redisAway, Shape: cluster.Full, Short: lasts < 5*time.Second,
			Holds: nothingRefused + ", 95 % within 1 s; everything as before within 15 s",
			About: "it is shut down and started again, empty",
			play: withoutRedis("redis-restart", lasts, crossesWithin, func(r *failures) (func(context.Context) error, error) {
				r.cluster.Redis.Stop()
				return func(context.Context) error { return r.cluster.Redis.Restart() }, nil
			}).play,
		})
	}
	lost := withoutRedis("redis-loss", 10*time.Second, lateCrossing, func(r *failures) (func(context.Context) error, error) {
		return r.redisWeather(proxy.Weather{Losses: &proxy.Losses{Seed: r.Seed, Swallow: 0.3, Concerns: ofMessages}}), nil
	})
	lost.part, lost.noticed = "", "a node sees `rev` jump with what comes next, and reads what is missing from the database"
	return append(out,
		FailureScene{
			Name: "Redis slow", Of: redisAway, Shape: cluster.Full, Short: true,
			Holds: nothingRefused + ", 95 % within 3 s; everything as before within 15 s",
			About: "for 6 s every question and its answer take 2 s longer, a second each way, and so does what is published",
			play: withoutRedis("redis-delayed", 6*time.Second, lateCrossing, func(r *failures) (func(context.Context) error, error) {
				return r.redisWeather(proxy.Weather{Delay: slowly}), nil
			}).play,
		},
		FailureScene{
			Name: "broadcast lost between nodes", Of: "DOC-004 WebSocket broadcast fails", Shape: cluster.Full,
			Holds: nothingRefused + ", 95 % within 3 s; nobody is shown a hole",
			About: "for 10 s a third of what is published of messages is lost on the way to a node, without a word",
			play:  lost.play,
		},
	)
}

// ofMessages chooses the envelopes of changes in conversations.
func ofMessages(channel, envelope string) bool {
	return strings.HasPrefix(channel, "chat:conversation:") &&
		(strings.HasPrefix(envelope, `{"type":"message:received"`) || strings.HasPrefix(envelope, `{"type":"changes"`))
}

func withoutRedis(kind string, lasts, crossing time.Duration, cause func(*failures) (func(context.Context) error, error)) outage {
	return outage{kind: kind, target: "Redis", lasts: lasts, part: "redis", cause: cause, answered: answeredWithin, sockets: true, crossing: crossing}
}

// redisWeather changes all lines from nodes to Redis.
func (r *failures) redisWeather(w proxy.Weather) (mend func(context.Context) error) {
	return r.weather(func(n *cluster.Node) *proxy.Proxy { return n.Redis }, w)
}
