package redis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/breaker"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

var fivePerMinute = limit.Rule{Name: "five", Limit: 5, Window: time.Minute}

// limiter counts over a node that is up; its local limiter tells itself apart by remaining uses that are less
// than none.
func limiter(t *testing.T, server *redistest.Server) *redis.Limiter {
	t.Helper()
	return redis.NewLimiter(join(t, server.URL(), "node").Bus, locally{})
}

type locally struct{}

func (locally) Take(context.Context, limit.Rule, string) limit.Result {
	return limit.Result{Allowed: true, Remaining: -1}
}

func isLocal(r limit.Result) bool { return r.Remaining == -1 }

// arrival is the arrival time that Redis has stored, in nanoseconds.
func arrival(t *testing.T, server *redistest.Server, key string) int64 {
	t.Helper()
	stored := do(t, server, "GET", key)
	s, ns, ok := strings.Cut(stored, ":")
	if !ok {
		t.Fatalf("%s holds %q", key, stored)
	}
	seconds, _ := strconv.ParseInt(s, 10, 64)
	nanoseconds, _ := strconv.ParseInt(ns, 10, 64)
	return seconds*1e9 + nanoseconds
}

func TestRedisDecidesAsOneProcessDoes(t *testing.T) {
	server := redistest.Start(t)
	shared := limiter(t, server).Patient()
	for _, rule := range []limit.Rule{
		{Name: "one", Limit: 1, Window: 500 * time.Millisecond},
		{Name: "whole", Limit: 5, Window: 500 * time.Millisecond},
		{Name: "third", Limit: 3, Window: 200 * time.Millisecond}, // the interval is no whole number of microseconds
		{Name: "odd", Limit: 7, Window: 501*time.Millisecond + 3},
		{Name: "long", Limit: 1000, Window: 99 * 24 * time.Hour},
	} {
		t.Run(rule.Name, func(t *testing.T) {
			const uses = 80
			var at []int64
			var stored int64
			var decided []limit.Result
			pauses := rand.New(rand.NewPCG(1, 2))
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for range uses {
				r := shared.Take(t.Context(), rule, "anna")
				if isLocal(r) {
					t.Fatal("Redis did not decide")
				}
				if r.Allowed {
					stored = arrival(t, server, "limit:"+rule.Name+":anna")
				}
				// What lies ahead of the use tells when it was, by the clock of Redis.
				at, decided = append(at, stored-int64(r.ResetAfter)), append(decided, r)
				for range pauses.IntN(30) {
					<-tick.C
				}
			}
			synctest.Test(t, func(t *testing.T) {
				local := inmem.NewLimiter()
				for i, want := range decided {
					if i > 0 {
						time.Sleep(time.Duration(at[i] - at[i-1]))
					}
					if got := local.Take(t.Context(), rule, "anna"); got != want {
						t.Fatalf("use %d: Redis says %+v, one process %+v", i, want, got)
					}
				}
			})
			refused := slices.ContainsFunc(decided, func(r limit.Result) bool { return !r.Allowed })
			if rule.Name != "long" && !refused {
				t.Error("nothing was refused: the test shows little")
			}
		})
	}
}

func TestNodesShareALimit(t *testing.T) {
	server := redistest.Start(t)
	a := redis.NewLimiter(join(t, server.URL(), "a").Bus, locally{}).Patient()
	b := redis.NewLimiter(join(t, server.URL(), "b").Bus, locally{}).Patient()
	for i := range 5 {
		l := []*redis.Limiter{a, b}[i%2]
		if r := l.Take(t.Context(), fivePerMinute, "anna"); !r.Allowed || r.Remaining != 4-i {
			t.Fatalf("use %d: %+v", i+1, r)
		}
	}
	r := b.Take(t.Context(), fivePerMinute, "anna")
	if r.Allowed || r.RetryAfter <= 0 || r.RetryAfter > 12*time.Second || r.ResetAfter > time.Minute {
		t.Errorf("the sixth use: %+v", r)
	}
	if r := a.Take(t.Context(), fivePerMinute, "ben"); !r.Allowed {
		t.Errorf("ben pays for anna: %+v", r)
	}
	if shared, local := b.Stats(); shared != 3 || local != 0 {
		t.Errorf("%d uses were shared and %d local", shared, local)
	}
}

func TestACrowdOnTwoNodesGetsExactlyTheLimit(t *testing.T) {
	server := redistest.Start(t)
	limiters := []*redis.Limiter{
		redis.NewLimiter(join(t, server.URL(), "a").Bus, locally{}).Patient(), redis.NewLimiter(join(t, server.URL(), "b").Bus, locally{}).Patient(),
	}
	rule := limit.Rule{Name: "crowd", Limit: 50, Window: time.Hour}
	var allowed atomic.Int64
	var crowd sync.WaitGroup
	for i := range 20 {
		crowd.Go(func() {
			for range 10 {
				if limiters[i%2].Take(context.Background(), rule, "anna").Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	crowd.Wait()
	if allowed.Load() != 50 {
		t.Errorf("%d uses were allowed, want 50", allowed.Load())
	}
}

func TestAFrozenRedisDelaysALimitByATenthOfASecondAtMost(t *testing.T) {
	server := redistest.Start(t)
	l := limiter(t, server)
	if isLocal(l.Take(t.Context(), fivePerMinute, "anna")) {
		t.Fatal("Redis did not decide")
	}
	server.Freeze()
	var longest, all time.Duration
	for range 100 {
		began := time.Now()
		if !isLocal(l.Take(t.Context(), fivePerMinute, "anna")) {
			t.Fatal("a frozen Redis decided")
		}
		took := time.Since(began)
		longest, all = max(longest, took), all+took
	}
	// Well above what the limiter promises, on a machine that is busy with others, and well below what waiting
	// for Redis to be given up would take.
	if longest > 700*time.Millisecond || all > 2*time.Second {
		t.Errorf("the longest took %s, all 100 %s", longest, all)
	}
	server.Thaw()
	eventually(t, "Redis deciding again", func() bool { return !isLocal(l.Take(t.Context(), fivePerMinute, "ben")) })
}

func TestManyAtOnceAreNotHeldUpByAFrozenRedis(t *testing.T) {
	server := redistest.Start(t)
	l := limiter(t, server)
	server.Freeze()
	began := time.Now()
	var crowd sync.WaitGroup
	for i := range 3000 {
		crowd.Go(func() {
			if r := l.Take(context.Background(), fivePerMinute, fmt.Sprint(i)); !isLocal(r) {
				t.Errorf("a frozen Redis decided: %+v", r)
			}
		})
	}
	crowd.Wait()
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("3,000 at once took %s", took)
	}
}

func TestWithoutRedisTheLocalLimiterDecidesAtOnce(t *testing.T) {
	server := redistest.Start(t)
	n := join(t, server.URL(), "a")
	l := redis.NewLimiter(n.Bus, locally{})
	server.Kill()
	n.await(false)
	began := time.Now()
	for range 1000 {
		if !isLocal(l.Take(t.Context(), fivePerMinute, "anna")) {
			t.Fatal("a dead Redis decided")
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("1,000 uses took %s", took)
	}
	restart(t, server)
	eventually(t, "Redis deciding again", func() bool { return !isLocal(l.Take(t.Context(), fivePerMinute, "anna")) })
}

func TestARedisThatCannotWriteLeavesItToTheLocalLimiter(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *redistest.Server){
		"a read-only replica": func(t *testing.T, s *redistest.Server) {
			do(t, s, "REPLICAOF", "127.0.0.1", "1")
		},
		"no memory left": func(t *testing.T, s *redistest.Server) { do(t, s, "CONFIG", "SET", "maxmemory", "1") },
		"no right": func(t *testing.T, s *redistest.Server) {
			do(t, s, "ACL", "SETUSER", "default", "-@scripting")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			n := join(t, server.URL(), "a")
			l := redis.NewLimiter(n.Bus, locally{})
			spoil(t, server)
			if r := l.Take(t.Context(), fivePerMinute, "anna"); !isLocal(r) {
				t.Errorf("it decided: %+v", r)
			}
			if state := n.Breakers()[0].State(); state != breaker.Closed {
				t.Errorf("a Redis that answers is left alone: %v", state)
			}
			// Nothing of that keeps envelopes from being carried.
			n.await(true)
			e := listen(t, n, topic).inForce(topic)
			e.hearsFrom(n, topic)
		})
	}
}

func TestWhatIsInTheWayOfALimitIsWrittenOver(t *testing.T) {
	server := redistest.Start(t)
	l := limiter(t, server).Patient()
	for name, put := range map[string][]string{
		"a list":         {"RPUSH", "limit:five:anna", "x"},
		"text":           {"SET", "limit:five:anna", "rubbish"},
		"half a time":    {"SET", "limit:five:anna", "12:"},
		"nothing":        {"SET", "limit:five:anna", ""},
		"another number": {"SET", "limit:five:anna", "1e300"},
	} {
		do(t, server, "DEL", "limit:five:anna")
		do(t, server, put...)
		for i := range 6 {
			if r := l.Take(t.Context(), fivePerMinute, "anna"); isLocal(r) || r.Allowed != (i < 5) {
				t.Errorf("%s in the way, use %d: %+v", name, i+1, r)
			}
		}
	}
	do(t, server, "SET", "limit:five:anna", "99999999999:0") // as if the clock had been set back by centuries
	if r := l.Take(t.Context(), fivePerMinute, "anna"); isLocal(r) || r.Allowed || r.RetryAfter > 12*time.Second {
		t.Errorf("after the clock was set back: %+v", r)
	}
}

func TestLimitsSurviveWhatEmptiesRedis(t *testing.T) {
	server := redistest.Start(t)
	l := limiter(t, server).Patient()
	l.Take(t.Context(), fivePerMinute, "anna")
	do(t, server, "SCRIPT", "FLUSH")
	if r := l.Take(t.Context(), fivePerMinute, "anna"); r.Remaining != 3 {
		t.Errorf("after the scripts are gone: %+v", r)
	}
	do(t, server, "FLUSHALL")
	if r := l.Take(t.Context(), fivePerMinute, "anna"); r.Remaining != 4 {
		t.Errorf("after everything is gone: %+v", r)
	}
}

func TestKeysOfLimitsAreBoundedAndExpire(t *testing.T) {
	server := redistest.Start(t)
	l := limiter(t, server).Patient()
	hostile := []string{
		"", "anna", "2001:db8::/64", strings.Repeat("x", 1<<20), "a\r\nFLUSHALL\r\n", "\x00\xff", "{slot}", "*", "ä", " ",
	}
	for _, key := range hostile {
		if r := l.Take(t.Context(), fivePerMinute, key); isLocal(r) || r.Remaining != 4 {
			t.Errorf("%.20q: %+v", key, r)
		}
	}
	keys := strings.Split(do(t, server, "KEYS", "*"), "\n")
	if len(keys) != len(hostile) {
		t.Errorf("%d keys for %d users: %q", len(keys), len(hostile), keys)
	}
	for _, key := range keys {
		if len(key) > 80 || !strings.HasPrefix(key, "limit:five:") {
			t.Errorf("key %.100q", key)
		}
		if ttl, _ := strconv.Atoi(do(t, server, "PTTL", key)); ttl <= 0 || ttl > 12_000 {
			t.Errorf("%s expires in %d ms, want what one use costs", key, ttl)
		}
	}
}

func TestARuleWithoutALimitAsksNobody(t *testing.T) {
	server := redistest.Start(t)
	l := limiter(t, server)
	for _, rule := range []limit.Rule{{Name: "none"}, {Name: "dense", Limit: 10, Window: 9}} {
		if r := l.Take(t.Context(), rule, "anna"); !r.Allowed || isLocal(r) {
			t.Errorf("%s: %+v", rule.Name, r)
		}
	}
	if keys := do(t, server, "KEYS", "*"); keys != "" {
		t.Errorf("keys %q", keys)
	}
}
