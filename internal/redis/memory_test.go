package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

func TestARedisThatMayEvictIsFoundWithoutAskingForItsConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unbounded":                   {nil, ""},
		"unbounded, with a policy":    {[]string{"--maxmemory-policy", "allkeys-lru"}, ""},
		"bounded, and it refuses":     {[]string{"--maxmemory", "100mb"}, ""},
		"bounded, and it throws away": {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl", "--rename-command", "CONFIG", ""}, "volatile-ttl"},
	} {
		t.Run(name, func(t *testing.T) {
			bus, err := redis.Open(redis.Config{URL: redistest.Start(t, test.args...).URL(), NodeID: "node"})
			if err != nil {
				t.Fatal(err)
			}
			if got := bus.Evicts(); got != "" {
				t.Errorf("before it was asked: %q", got)
			}
			if err := bus.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := bus.Evicts(); got != test.want {
				t.Errorf("it evicts by %q, want %q", got, test.want)
			}
		})
	}
}

func TestEveryServerOfAClusterIsAskedWhetherItMayEvict(t *testing.T) {
	cluster := redistest.StartCluster(t)
	bus, err := redis.Open(redis.Config{URL: cluster.URL(), NodeID: "node"})
	if err != nil {
		t.Fatal(err)
	}
	do(t, cluster.Nodes[2], "CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
	if err := bus.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := bus.Evicts(); got != "allkeys-lru" {
		t.Errorf("it evicts by %q", got)
	}
}

func TestABusThatRunsSeesThatRedisMayEvict(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-random")
	bus, err := redis.Open(redis.Config{URL: server.URL(), NodeID: "node"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	ran := make(chan error, 1)
	go func() { ran <- bus.Run(ctx) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for bus.Evicts() != "allkeys-random" && ctx.Err() == nil {
		<-tick.C
	}
	if got := bus.Evicts(); got != "allkeys-random" {
		t.Errorf("it evicts by %q", got)
	}
	stop()
	<-ran
}

func TestARedisThatIsFullAndRefusesIsFoundUntilItHasRoom(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "100mb")
	bus, err := redis.Open(redis.Config{URL: server.URL(), NodeID: "node"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		maxmemory string
		full      bool
	}{{"100mb", false}, {"1", true}, {"100mb", false}, {"0", false}} {
		do(t, server, "CONFIG", "SET", "maxmemory", test.maxmemory)
		if err := bus.Check(t.Context()); err != nil && !test.full {
			t.Fatal(err)
		}
		if got := bus.Full(); got != test.full || bus.Evicts() != "" {
			t.Errorf("with maxmemory %s it is full: %v, want %v; it evicts by %q", test.maxmemory, got, test.full, bus.Evicts())
		}
	}
}
