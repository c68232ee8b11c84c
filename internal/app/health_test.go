package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redistest"
)

// through puts a proxy in front of the server that a URL names, and returns the URL that goes through it.
func through(t *testing.T, server string) (*proxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.Listen(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	u.Host = p.Address()
	return p, u.String()
}

// healthOf asks a node for its health beside the metrics, where all of it is told, and fails the test when the answer takes
// long.
func healthOf(t *testing.T, n *node) (int, httpapi.Health) {
	t.Helper()
	asked := time.Now()
	status, body := get(t, "http://"+n.MetricsAddress()+"/health/ready")
	if took := time.Since(asked); took > time.Second {
		t.Errorf("the answer took %v", took)
	}
	var h httpapi.Health
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return status, h
}

// awaitHealth asks until the health is as wanted: it tells nobody when it changes.
func awaitHealth(t *testing.T, n *node, within time.Duration, what string, is func(status int, h httpapi.Health) bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, h := healthOf(t, n)
		if is(status, h) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v it is not %s: %d %+v", within, what, status, h)
		}
		<-tick.C
	}
}

func TestADatabaseThatHangsIsToldAtOnceAndIsHealthyAgainByItself(t *testing.T) {
	database, through := through(t, pgtest.NewDatabase(t))
	n := run(t, "PARLEY_DATA="+t.TempDir(), "DATABASE_URL="+through)
	if status, h := healthOf(t, n); status != http.StatusOK || h.Checks["database"] != "ok" {
		t.Fatalf("%d %+v", status, h)
	}
	database.Set(proxy.Weather{HoldUp: true, HoldDown: true})
	awaitHealth(t, n, 5*time.Second, "unavailable", func(status int, h httpapi.Health) bool {
		return status == http.StatusServiceUnavailable && h.Checks["database"] == "unavailable" && h.Checks["sockets"] == "ok"
	})
	if status, _ := get(t, n.url+"/health/live"); status != http.StatusOK {
		t.Errorf("the process lives, and /health/live answers %d", status)
	}
	database.Set(proxy.Weather{})
	awaitHealth(t, n, 5*time.Second, "ok again", func(status int, h httpapi.Health) bool {
		return status == http.StatusOK && h.Checks["database"] == "ok"
	})
}

func TestHealthNamesNoCauses(t *testing.T) {
	database, through := through(t, pgtest.NewDatabase(t))
	n := run(t, "PARLEY_DATA="+t.TempDir(), "DATABASE_URL="+through)
	database.Set(proxy.Weather{Refuse: true})
	awaitHealth(t, n, 5*time.Second, "unavailable", func(status int, _ httpapi.Health) bool { return status == http.StatusServiceUnavailable })
	if _, body := get(t, n.url+"/health/ready"); strings.Contains(body, "refused") || strings.Contains(body, "127.0.0.1") {
		t.Errorf("it says %s", body)
	}
	database.Set(proxy.Weather{})
}

func TestARedisThatMayEvictIsSaidLoudlyUntilItMayNotAnyMoreAndOneThatIsFullToo(t *testing.T) {
	redis := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	c := settings(t, "DATABASE_URL="+pgtest.NewDatabase(t), "REDIS_URL="+redis.URL(), clusterKey, "PARLEY_LOG_FORMAT=json")
	var log journal
	built, err := app.New(t.Context(), c, "test", app.NewLog(&c.Config, &log))
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, built)
	awaitHealth(t, n, 10*time.Second, "warned", func(status int, h httpapi.Health) bool {
		return whole(status, h) && strings.Contains(strings.Join(h.Warnings, "\n"), "allkeys-lru")
	})
	if _, body := get(t, n.url+"/health/ready"); strings.Contains(body, "allkeys-lru") || !strings.Contains(body, "parley status") {
		t.Errorf("strangers are told %s", body)
	}
	if _, metrics := get(t, "http://"+n.MetricsAddress()+"/metrics"); !strings.Contains(metrics, "chat_redis_evicts 1") {
		t.Error("the metric does not say it")
	}
	var said strings.Builder
	if err := n.Welcome(t.Context(), &said); err != nil || !strings.Contains(said.String(), "allkeys-lru") {
		t.Errorf("the start says %s, %v", said.String(), err)
	}
	for _, command := range [][]string{{"CONFIG", "SET", "maxmemory-policy", "noeviction"}, {"CLIENT", "KILL", "TYPE", "normal"}} {
		if _, err := redis.Do(command...); err != nil {
			t.Fatal(err)
		}
	}
	awaitHealth(t, n, 10*time.Second, "content", func(status int, h httpapi.Health) bool {
		return whole(status, h) && !strings.Contains(strings.Join(h.Warnings, "\n"), "allkeys-lru")
	})
	for _, command := range [][]string{{"CONFIG", "SET", "maxmemory", "1"}, {"CLIENT", "KILL", "TYPE", "normal"}} {
		if _, err := redis.Do(command...); err != nil {
			t.Fatal(err)
		}
	}
	awaitHealth(t, n, 10*time.Second, "warned of a full Redis", func(status int, h httpapi.Health) bool {
		return whole(status, h) && strings.Contains(strings.Join(h.Warnings, "\n"), "Redis is full")
	})
	n.stop(t)
	if got := strings.Count(log.String(), "allkeys-lru"); got != 1 {
		t.Errorf("it is logged %d times", got)
	}
}
