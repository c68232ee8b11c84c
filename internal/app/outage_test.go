package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redistest"
)

// outage is how long the database is away, far less than the 2 s that a send outlasts: the machine may be busy (C2.6).
const outage = time.Second

func TestSendsOutlastAShortOutageOfTheDatabaseAndEverythingElseIsRefusedAtOnce(t *testing.T) {
	database, through := through(t, pgtest.NewDatabase(t))
	c := settings(t, "PARLEY_DATA="+t.TempDir(), "DATABASE_URL="+through, "PARLEY_LOG_FORMAT=json")
	var log journal
	built, err := app.New(t.Context(), c, "test", app.NewLog(&c.Config, &log))
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, built)
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	id := direct(t, ada, bert)
	say(t, ada, id, "before")

	database.Set(proxy.Weather{Refuse: true})
	over := time.After(outage)
	var sending sync.WaitGroup
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	sent, quickest, refused := 1, time.Hour, 0
	for away := true; away; {
		select {
		case <-over:
			away = false
		case <-every.C:
			text := fmt.Sprint("message ", sent)
			sent++
			sending.Go(func() {
				began := time.Now()
				if _, err := ada.live.Send(t.Context(), client.Draft{ConversationID: id, Content: text}); err != nil {
					t.Errorf("a send of the outage, after %v: %v", time.Since(began), err)
				}
			})
			began := time.Now()
			_, err := bert.Conversations(t.Context(), "", 20)
			if e, is := err.(*client.Error); is && e.Status == http.StatusServiceUnavailable && e.Code == client.CodeDBConnectionLost && e.RetryAfter > 0 {
				quickest = min(quickest, time.Since(began))
				refused++
			}
		}
	}
	back := time.Now()
	database.Set(proxy.Weather{})
	awaitHealth(t, n, 10*time.Second, "ready again", func(status int, _ httpapi.Health) bool { return status == http.StatusOK })
	t.Logf("%d sends; of %d refusals the quickest took %v; ready again %v after the database", sent, refused, quickest, time.Since(back))
	sending.Wait()
	if refused == 0 || quickest > 50*time.Millisecond {
		t.Errorf("%d were refused, the quickest after %v", refused, quickest)
	}
	page, err := ada.Messages(t.Context(), id, client.HistoryQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, m := range page.Messages {
		seen[m.Content] = true
	}
	if len(page.Messages) != sent || len(seen) != sent || page.Messages[0].Seq != int64(sent) {
		t.Errorf("of %d sent there are %d, %d of them different, up to seq %d", sent, len(page.Messages), len(seen), page.Messages[0].Seq)
	}
	n.stop(t)
	for _, event := range []string{"breaker.opened", "breaker.closed"} {
		if got := strings.Count(log.String(), `"event":"`+event+`"`); got != 1 {
			t.Errorf("%s is logged %d times", event, got)
		}
	}
}

func TestANodeThatStopsDoesNotSayThatRedisIsAway(t *testing.T) {
	c := settings(t, "DATABASE_URL="+pgtest.NewDatabase(t), "REDIS_URL="+redistest.Start(t).URL(), clusterKey, "PARLEY_LOG_FORMAT=json", "PARLEY_RATE_LIMITS=on")
	var log journal
	built, err := app.New(t.Context(), c, "test", app.NewLog(&c.Config, &log))
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, built)
	awaitHealth(t, n, 10*time.Second, "whole", whole)
	n.stop(t)
	if said := log.String(); strings.Contains(said, `"event":"breaker.opened"`) || !strings.Contains(said, `"event":"node.stopped"`) {
		t.Error(said)
	}
}

func TestARedisThatFallsSilentIsLeftAloneByEveryPurposeAndClosedToNoneWhenItIsBack(t *testing.T) {
	redis := redistest.Start(t)
	line, through := through(t, redis.URL())
	n := run(t, "DATABASE_URL="+pgtest.NewDatabase(t), "REDIS_URL="+through, "PARLEY_RATE_LIMITS=on", clusterKey)
	awaitHealth(t, n, 10*time.Second, "whole", whole)
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	id := direct(t, ada, bert)
	line.Set(proxy.Weather{HoldUp: true, HoldDown: true})
	awaitHealth(t, n, 10*time.Second, "degraded by Redis", func(status int, h httpapi.Health) bool {
		return status == http.StatusOK && strings.Join(h.Degraded, " ") == "redis"
	})
	say(t, ada, id, "without Redis")
	if _, text := get(t, "http://"+n.MetricsAddress()+"/metrics"); !strings.Contains(text, `chat_breaker_state{part="redis_presence",state="closed"} 0`) {
		t.Error("presence still asks it")
	}
	line.Set(proxy.Weather{})
	awaitHealth(t, n, 20*time.Second, "whole again", whole)
	_, text := get(t, "http://"+n.MetricsAddress()+"/metrics")
	for _, part := range []string{"database", "redis_limits", "redis_receipts", "redis_presence"} {
		if line := fmt.Sprintf("chat_breaker_state{part=%q,state=\"closed\"} 1\n", part); !strings.Contains(text, line) {
			t.Errorf("%s is missing", line)
		}
	}
}
