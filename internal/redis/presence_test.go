package redis_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/devicestest"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// passing makes all that a server knows of presence so many milliseconds older, as if nodes had swept meanwhile.
const passing = `
local by = tonumber(ARGV[1])
for _, key in ipairs(redis.call('KEYS', 'presence:*')) do
	local kind = redis.call('TYPE', key).ok
	if kind == 'zset' then
		for _, user in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -by, user) end
	elseif kind == 'hash' and string.sub(key, -4) == 'life' then
		redis.call('HINCRBY', key, 'since', -by)
	elseif kind == 'hash' then
		for _, user in ipairs(redis.call('HKEYS', key)) do
			local name, version, seen = string.match(redis.call('HGET', key, user), '^(%d+) (%d+) (%d+)$')
			redis.call('HSET', key, user, name .. ' ' .. version .. ' ' .. string.format('%.0f', seen - by))
		end
	elseif kind == 'string' then
		local p, left = cjson.decode(redis.call('GET', key)), redis.call('PTTL', key)
		for _, d in ipairs(p.devices) do
			for _, at in ipairs({'heard', 'active', 'held', 'connectedAt'}) do d[at] = d[at] - by end
		end
		for login, over in pairs(p.ended) do p.ended[login] = over - by end
		p.keep = p.keep - by
		if left > by then redis.call('SET', key, cjson.encode(p), 'PX', left - by) else redis.call('DEL', key) end
	end
end`

func pass(t rapid.TB, by time.Duration, servers ...*redistest.Server) {
	t.Helper()
	for _, server := range servers {
		if _, err := server.Do("EVAL", passing, "0", strconv.FormatInt(by.Milliseconds(), 10)); err != nil {
			t.Fatal(err)
		}
	}
}

func empty(t rapid.TB, servers ...*redistest.Server) {
	t.Helper()
	for _, server := range servers {
		if _, err := server.Do("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
	}
}

// sure lets so much time pass that everybody who is there would have been heard.
func sure(t rapid.TB, d *redis.Devices, servers ...*redistest.Server) *redis.Devices {
	t.Helper()
	// Every part begins its life when it is asked first.
	if _, err := d.Lapse(context.Background(), 1_000_000); err != nil {
		t.Fatal(err)
	}
	pass(t, chat.DeviceLease, servers...)
	return d
}

// devicesOver are two nodes that share a Redis, or a cluster of several servers.
func devicesOver(t *testing.T, url string, servers ...*redistest.Server) devicestest.World {
	a, b := join(t, url, "a"), join(t, url, "b")
	return devicestest.World{
		New: func(t rapid.TB) []chat.Devices {
			empty(t, servers...)
			return []chat.Devices{sure(t, redis.NewDevices(a.Bus), servers...), redis.NewDevices(b.Bus)}
		},
		Pass:  func(t rapid.TB, by time.Duration) { pass(t, by, servers...) },
		Empty: func(t rapid.TB) { empty(t, servers...) },
	}
}

func TestDevicesInRedisKeepTheContract(t *testing.T) {
	server := redistest.Start(t)
	devicestest.Run(t, devicesOver(t, server.URL(), server))
}

func TestDevicesInAClusterKeepTheContract(t *testing.T) {
	cluster := redistest.StartCluster(t)
	devicestest.Run(t, devicesOver(t, cluster.URL(), cluster.Nodes...))
}
