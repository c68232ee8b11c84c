package ws_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// shared is a limiter over a real Redis, once that decides.
func shared(t *testing.T, server *redistest.Server) *redis.Limiter {
	t.Helper()
	bus, err := redis.Open(redis.Config{URL: server.URL(), NodeID: "node-1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(bg)
	ended := make(chan error, 1)
	up := make(chan struct{}, 1)
	bus.OnChange(func(bool) {
		select {
		case up <- struct{}{}:
		default:
		}
	})
	l := redis.NewLimiter(bus, inmem.NewLimiter())
	go func() { ended <- bus.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-up:
	case <-time.After(patience):
		t.Fatal("Redis is not up")
	}
	return l
}

func TestARedisThatHangsHoldsUpTheSendsOfASocketForAMomentTogether(t *testing.T) {
	server := redistest.Start(t)
	l := shared(t, server)
	w := newWorld(t, options{limiter: l})
	ada := w.person()
	id := w.group(ada)
	c := w.connect(w.serve(), ada)
	w.until("Redis decides", func() bool {
		l.Take(bg, limit.Defaults().Send, "somebody")
		counted, _ := l.Stats()
		return counted > 0
	})
	server.Freeze()
	const sends = 29
	began := time.Now()
	c.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"x"}`, id, nobodys)
	c.send(`{"type":"presence:set","status":"online"}`)
	for i := range sends {
		c.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k%d"}`, id, i)
	}
	for i := range sends {
		if e := c.await("message:sent"); e.ClientMessageID != fmt.Sprint("k", i) {
			t.Fatalf("send %d was answered %+v", i, e)
		}
	}
	// Had each of them waited for Redis it would be 2.9 s.
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v until all were answered", took)
	} else {
		t.Logf("%d sends were answered %v after Redis hung", sends, took)
	}
	server.Thaw()
}
