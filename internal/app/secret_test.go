package app_test

import (
	"bytes"
	"net/url"
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

// journal keeps everything that a node logs, down to debug.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// TestNothingThatANodeSaysHoldsASecretOrAMessage breaks whatever a node speaks to, and then reads all that it said.
func TestNothingThatANodeSaysHoldsASecretOrAMessage(t *testing.T) {
	database := pgtest.NewDatabase(t)
	administer(t, database, "CREATE ROLE keeper LOGIN SUPERUSER")
	t.Cleanup(func() { administer(t, database, "DROP OWNED BY keeper", "DROP ROLE keeper") })
	databaseLine, databaseURL := through(t, as(t, database, "keeper"))
	redisLine, redisURL := through(t, redistest.Start(t, "--requirepass", secret).URL())
	if u, _ := url.Parse(redisURL); u.User == nil {
		t.Fatal("the URL of Redis has no password")
	}
	const key = "key-hunter2-hunter2-hunter2-hunter2"
	var log journal
	c := settings(t, "DATABASE_URL="+databaseURL, "REDIS_URL="+redisURL, "PARLEY_SIGNING_KEY="+key, "PARLEY_LOG_LEVEL=debug", "PARLEY_LOG_FORMAT=json")
	built, err := app.New(t.Context(), c, "test", app.NewLog(&c.Config, &log))
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, built)
	var said strings.Builder
	if err := n.Welcome(t.Context(), &said); err != nil {
		t.Fatal(err)
	}
	if err := c.Print(&said); err != nil {
		t.Fatal(err)
	}
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	id := direct(t, ada, bert)
	say(t, ada, id, "a message that is nobody's business")
	await[client.MessageDelivered](t, ada)
	for part, line := range map[string]*proxy.Proxy{"redis": redisLine, "database": databaseLine} {
		line.Set(proxy.Weather{Refuse: true})
		awaitHealth(t, n, 10*time.Second, "without its "+part, func(_ int, h httpapi.Health) bool { return h.Checks[part] == "unavailable" })
		// It may fail, and be logged, while the database is away.
		_, _ = ada.SendMessage(t.Context(), client.Draft{ConversationID: id, Content: "nobody's business either", ClientMessageID: "k"})
		_, health := get(t, n.url+"/health/ready")
		_, metrics := get(t, "http://"+n.MetricsAddress()+"/metrics")
		said.WriteString(health + metrics)
		line.Set(proxy.Weather{})
		awaitHealth(t, n, 15*time.Second, "whole", whole)
	}
	n.stop(t)
	said.WriteString(log.String())
	for _, hidden := range []string{secret, "nobody's business", "ada-password"} {
		if i := strings.Index(said.String(), hidden); i >= 0 {
			t.Errorf("%q is said: …%s…", hidden, said.String()[max(0, i-200):i+50])
		}
	}
	for _, event := range []string{"bus.degraded", "breaker.opened", "message.sent", "message.delivered"} {
		if !strings.Contains(said.String(), event) {
			t.Errorf("%s was not logged", event)
		}
	}
}
