package redis_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/realtime/bustest"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

const topic = "chat:conversation:1"

func do(t *testing.T, s *redistest.Server, args ...string) string {
	t.Helper()
	answer, err := s.Do(args...)
	if err != nil {
		t.Fatalf("%s: %v", args[0], err)
	}
	return answer
}

func restart(t *testing.T, s *redistest.Server) {
	t.Helper()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
}

func TestRedisIsAskedForExactlyWhatIsFollowed(t *testing.T) {
	server := redistest.Start(t)
	b := join(t, server.URL(), "b")
	e := listen(t, b, "chat:conversation:1", "chat:conversation:2").inForce("chat:conversation:1", "chat:conversation:2")
	e.Unfollow("chat:conversation:2")
	e.Follow("chat:conversation:3")
	e.inForce("chat:conversation:3")
	channels := strings.Fields(do(t, server, "PUBSUB", "CHANNELS"))
	slices.Sort(channels)
	if want := []string{"chat:conversation:1", "chat:conversation:3", "chat:system"}; !slices.Equal(channels, want) {
		t.Errorf("channels %q, want %q", channels, want)
	}
	e.Stop()
	listen(t, b, "chat:conversation:4").inForce("chat:conversation:4")
	if stats := b.Stats(); stats.Topics != 2 {
		t.Errorf("%d topics are left when the only listener follows one, want that and the bus's own", stats.Topics)
	}
}

func TestWhatIsFollowedBeforeRedisIsThereComesIntoForce(t *testing.T) {
	server := redistest.Start(t)
	server.Stop()
	n := run(t, server.URL(), "a")
	e := listen(t, n, topic)
	restart(t, server)
	e.inForce(topic)
	n.await(true)
	n.Publish(topic, []byte("x"))
	e.hears(topic, "x")
	if e.losses() != 0 {
		t.Error("with the first connection everything was told as lost")
	}
}

func TestARestartedRedisIsTakenUpAgainAndTheLossIsTold(t *testing.T) {
	for name, end := range map[string]func(*redistest.Server){
		"killed": (*redistest.Server).Kill, "stopped": (*redistest.Server).Stop,
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
			e := listen(t, b, topic).inForce(topic)
			end(server)
			a.await(false)
			b.await(false)
			e.Follow("chat:conversation:new")
			a.Publish(topic, []byte("into the void"))
			before, gone := e.losses(), time.Now()
			if s := b.Stats(); s.Up || s.UpFor != 0 {
				t.Errorf("stats while it is down %+v", s)
			}
			restart(t, server)
			a.await(true)
			b.await(true)
			e.loses(before)
			e.inForce("chat:conversation:new")
			a.Publish(topic, []byte("again"))
			a.Publish("chat:conversation:new", []byte("also new"))
			e.hears(topic, "again")
			e.hears("chat:conversation:new", "also new")
			if s := b.Stats(); s.Reconnects != 1 || !s.Up || s.UpFor <= 0 || s.UpFor > time.Since(gone) {
				t.Errorf("stats %+v", s)
			}
			if s := a.Stats(); s.Lost != 1 {
				t.Errorf("%d envelopes count as lost, want the one into the void", s.Lost)
			}
		})
	}
}

func TestAFrozenRedisHoldsUpNothing(t *testing.T) {
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	e := listen(t, b, topic).inForce(topic)
	server.Freeze()
	began := time.Now()
	for i := range 20_000 {
		a.Publish(topic, []byte("x"))
		e.Follow(fmt.Sprint("chat:conversation:", i))
	}
	listen(t, b, topic).Stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("publishing and following took %s", took)
	}
	a.await(false)
	b.await(false)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to notice", took)
	}
	before := e.losses()
	server.Thaw()
	a.await(true)
	b.await(true)
	e.loses(before)
	e.inForce("chat:conversation:19999")
	a.Publish(topic, []byte("awake"))
	e.hears(topic, "awake")
}

func TestARunningBusEndsWhileRedisIsFrozen(t *testing.T) {
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), run(t, server.URL(), "b")
	server.Freeze()
	b.await(false)
	a.Publish(topic, []byte("x"))
	a.stop() // notices if it takes long
	b.stop()
}

func TestWhateverEndsASocketIsTold(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *redistest.Server){
		"subscribers are killed": func(t *testing.T, s *redistest.Server) { do(t, s, "CLIENT", "KILL", "TYPE", "pubsub") },
		"publishers are killed":  func(t *testing.T, s *redistest.Server) { do(t, s, "CLIENT", "KILL", "TYPE", "normal") },
		"Redis is slow":          func(t *testing.T, s *redistest.Server) { do(t, s, "DEBUG", "SLEEP", "3") },
		"Redis pauses":           func(t *testing.T, s *redistest.Server) { do(t, s, "CLIENT", "PAUSE", "3000", "ALL") },
		"a subscriber overflows": func(t *testing.T, s *redistest.Server) {
			do(t, s, "CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0")
			do(t, s, "PUBLISH", topic, strings.Repeat("x", 5<<20))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
			e := listen(t, b, topic).inForce(topic)
			before := e.losses()
			end(t, server)
			e.loses(before)
			a.await(true)
			b.await(true)
			e.hearsFrom(a, topic)
		})
	}
}

func TestWhatEmptiesRedisChangesNothing(t *testing.T) {
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	e := listen(t, a, topic).inForce(topic)
	do(t, server, "FLUSHALL")
	do(t, server, "SCRIPT", "FLUSH")
	do(t, server, "CONFIG", "SET", "maxmemory", "1")
	a.Publish(topic, []byte("still here"))
	e.hears(topic, "still here")
	if e.losses() != 0 || a.Stats().Reconnects != 0 {
		t.Error("a loss was told")
	}
}

func TestAListenerThatIsTooSlowIsToldWhatItMissed(t *testing.T) {
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	release := make(chan struct{})
	lost := make(chan struct{}, 10)
	slow := b.Listen(func(string, []byte) { <-release }, func([]string) { lost <- struct{}{} })
	defer slow.Stop()
	slow.Follow(topic)
	<-lost // in force
	for b.Stats().Dropped == 0 {
		a.Publish(topic, []byte("x"))
	}
	quick := listen(t, b, "chat:conversation:2").inForce("chat:conversation:2")
	quick.hearsFrom(a, "chat:conversation:2")
	close(release)
	select {
	case <-lost:
	case <-time.After(patience):
		t.Error("it was not told")
	}
}

func TestWhatANodeCouldNotPublishIsToldToTheOthers(t *testing.T) {
	server := redistest.Start(t)
	b := join(t, server.URL(), "b")
	e := listen(t, b, topic, "chat:conversation:2").inForce(topic, "chat:conversation:2")
	for name, lose := range map[string]func(*redis.Bus){
		"some topics": func(a *redis.Bus) {
			a.Publish(topic, nil)
			a.Publish("chat:conversation:unknown", nil)
		},
		"more topics than are worth a list": func(a *redis.Bus) {
			for i := range 5000 {
				a.Publish(fmt.Sprint("chat:conversation:", i), nil)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e.mu.Lock()
			topics, all := e.lost[topic], e.lostAll
			e.mu.Unlock()
			a, err := redis.Open(redis.Config{URL: server.URL(), NodeID: name})
			if err != nil {
				t.Fatal(err)
			}
			lose(a) // it is not connected
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- a.Run(ctx) }()
			e.await("being told", func() bool {
				if name == "some topics" {
					return e.lost[topic] == topics+1 && e.lostAll == all
				}
				return e.lostAll == all+1
			})
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			e.await("being told that the node has gone", func() bool { return e.lostAll > all })
		})
	}
	if e.lost["chat:conversation:2"] != 1 {
		t.Error("a topic that lost nothing was told as lost")
	}
}

func TestWhatIsQueuedWhenTheNodeStopsIsPublished(t *testing.T) {
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	e := listen(t, b, topic).inForce(topic)
	const letters = 5000
	for range letters {
		a.Publish(topic, []byte("x"))
	}
	a.stop()
	e.await("all letters", func() bool { return len(e.heard) == letters })
	if s := a.Stats(); s.Up || s.Lost != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestANodeDoesNotHearItsOwnMessages(t *testing.T) {
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	e := listen(t, a, topic).inForce(topic)
	ofA, ofB := realtime.MessagesOf("a")+`,"payload":1}`, realtime.MessagesOf("b")+`,"payload":2}`
	a.Publish(topic, []byte(ofA))
	b.Publish(topic, []byte(ofB))
	e.hears(topic, ofB)
	a.Publish(topic, []byte("last"))
	e.hears(topic, "last")
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.Contains(e.heard, topic+" "+ofA) {
		t.Errorf("a heard %q", e.heard)
	}
}

func TestTensOfThousandsOfTopicsAreFollowed(t *testing.T) {
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	var names []string
	for i := range 30_000 {
		names = append(names, fmt.Sprint("chat:conversation:", i))
	}
	e := listen(t, a, names...).inForce(names...)
	before := e.losses()
	server.Kill()
	a.await(false)
	restart(t, server)
	a.await(true)
	e.loses(before)
	if got := len(strings.Fields(do(t, server, "PUBSUB", "CHANNELS", "chat:conversation:*"))); got != len(names) {
		t.Errorf("%d channels are subscribed after a restart, want %d", got, len(names))
	}
	a.Publish(names[29_999], []byte("x"))
	e.hears(names[29_999], "x")
	e.Unfollow(names[1:]...)
	e.Follow("chat:conversation:last")
	e.inForce("chat:conversation:last")
	if got := strings.Fields(do(t, server, "PUBSUB", "CHANNELS")); len(got) != 3 {
		t.Errorf("%d channels are left", len(got))
	}
}

func TestTheBusThroughRedisKeepsTheContract(t *testing.T) {
	server := redistest.Start(t)
	var id atomic.Int64
	bustest.Run(t, func(t *testing.T) realtime.Bus {
		return join(t, server.URL(), fmt.Sprint("node-", id.Add(1))).Bus
	})
}

// levels hands over the level of each record.
type levels chan slog.Level

func (levels) Enabled(context.Context, slog.Level) bool { return true }
func (l levels) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l levels) WithGroup(string) slog.Handler          { return l }
func (l levels) Handle(_ context.Context, r slog.Record) error {
	l <- r.Level
	return nil
}

func TestARedisThatNeverAnswersIsWarnedOfOnce(t *testing.T) {
	told := make(levels)
	bus, err := redis.Open(redis.Config{URL: "redis://" + serve(t, "", false), NodeID: "node", Log: slog.New(told)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- bus.Run(ctx) }()
	var got []slog.Level
	for range 3 {
		got = append(got, <-told)
	}
	stop()
	for over := false; !over; {
		select {
		case <-told:
		case err = <-ended:
			over = true
		}
	}
	if want := []slog.Level{slog.LevelWarn, slog.LevelDebug, slog.LevelDebug}; !slices.Equal(got, want) || err != nil {
		t.Errorf("it was told at %v; Run: %v", got, err)
	}
}
