package inmem_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
)

var fivePerMinute = limit.Rule{Name: "five", Limit: 5, Window: time.Minute}

func TestABurstOfOneWindowIsAllowedAndThenOneUseAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ctx := inmem.NewLimiter(), context.Background()
		for i := range 5 {
			r := l.Take(ctx, fivePerMinute, "anna")
			if !r.Allowed || r.Limit != 5 || r.Remaining != 4-i || r.RetryAfter != 0 {
				t.Fatalf("use %d: %+v", i+1, r)
			}
		}
		r := l.Take(ctx, fivePerMinute, "anna")
		if r.Allowed || r.Remaining != 0 || r.RetryAfter != 12*time.Second || r.ResetAfter != time.Minute {
			t.Fatalf("the sixth use: %+v", r)
		}
		time.Sleep(r.RetryAfter)
		if r := l.Take(ctx, fivePerMinute, "anna"); !r.Allowed {
			t.Fatalf("after RetryAfter: %+v", r)
		}
		if r := l.Take(ctx, fivePerMinute, "anna"); r.Allowed {
			t.Fatalf("a second use after RetryAfter: %+v", r)
		}
	})
}

func TestKeysAndRulesAreCountedApart(t *testing.T) {
	l, ctx := inmem.NewLimiter(), context.Background()
	for range 6 {
		l.Take(ctx, fivePerMinute, "anna")
	}
	if r := l.Take(ctx, fivePerMinute, "ben"); !r.Allowed {
		t.Errorf("ben pays for anna: %+v", r)
	}
	if r := l.Take(ctx, limit.Rule{Name: "other", Limit: 1, Window: time.Minute}, "anna"); !r.Allowed {
		t.Errorf("another rule pays for this one: %+v", r)
	}
}

func TestACrowdGetsExactlyTheLimit(t *testing.T) {
	l, rule := inmem.NewLimiter(), limit.Rule{Name: "crowd", Limit: 50, Window: time.Hour}
	var allowed atomic.Int64
	var crowd sync.WaitGroup
	for range 500 {
		crowd.Go(func() {
			if l.Take(context.Background(), rule, "anna").Allowed {
				allowed.Add(1)
			}
		})
	}
	crowd.Wait()
	if allowed.Load() != 50 {
		t.Errorf("%d uses were allowed, want 50", allowed.Load())
	}
}

func TestARuleWithoutALimitAllowsEverything(t *testing.T) {
	l := inmem.NewLimiter()
	for i := range 100 {
		if r := l.Take(context.Background(), limit.Rule{Name: "none"}, fmt.Sprint(i%2)); !r.Allowed {
			t.Fatalf("use %d: %+v", i, r)
		}
	}
}
