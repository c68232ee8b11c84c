package redis_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// swallower passes bytes on between nodes and Redis, but, once told to, no message to a subscriber:
// everything else of its connection goes on.
type swallower struct {
	listener net.Listener
	server   string
	active   atomic.Bool
}

func swallow(t *testing.T, server *redistest.Server) *swallower {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &swallower{listener: l, server: server.Address()}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *swallower) URL() string { return "redis://" + s.listener.Addr().String() }

func (s *swallower) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", s.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if s.active.Load() && bytes.Contains(buffer[:n], []byte("$7\r\nmessage\r\n")) {
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func TestASubscriptionThatDiedSilentlyIsFoundByTheProbe(t *testing.T) {
	server := redistest.Start(t)
	between := swallow(t, server)
	a, b := join(t, server.URL(), "a"), join(t, between.URL(), "b")
	e := listen(t, b, topic).inForce(topic)
	between.active.Store(true)
	a.Publish(topic, []byte("swallowed"))
	b.await(false)
	if s := b.Stats(); s.Deaf == 0 {
		t.Errorf("stats %+v; log:\n%s", s, b.log)
	}
	before := e.losses()
	between.active.Store(false)
	b.await(true)
	e.loses(before)
	a.Publish(topic, []byte("heard"))
	e.hears(topic, "heard")
	if !a.Up() || a.Stats().Reconnects != 0 {
		t.Error("the other node was disturbed")
	}
}

func probe(serverID string, reports int, more string) string {
	return fmt.Sprintf(`{"type":"bus:probe","serverId":%q,"payload":{"instance":"x","reports":%d%s}}`, serverID, reports, more)
}

func TestANodeThatFallsSilentMayHaveLostSomething(t *testing.T) {
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	e := listen(t, a, topic).inForce(topic)
	do(t, server, "PUBLISH", "chat:system", probe("ghost", 0, ""))
	e.loses(0)
	if s := a.Stats(); s.Peers != 0 || s.Reconnects != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestOthersMaySpeakWhileANodeConnects(t *testing.T) {
	server := redistest.Start(t)
	ctx, cancel := context.WithCancel(context.Background())
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	others.Go(func() {
		for ctx.Err() == nil {
			_, _ = server.Do("PUBLISH", "chat:system", probe("ghost", 0, ""))
		}
	})
	for i := range 10 {
		n := join(t, server.URL(), fmt.Sprint("node-", i))
		eventually(t, "hearing the other", func() bool { return n.Stats().Peers > 0 })
		n.stop()
	}
}

func TestAMissedReportOfLossesIsNoticed(t *testing.T) {
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	e := listen(t, a, topic).inForce(topic)
	say := func(text string) { do(t, server, "PUBLISH", "chat:system", text) }
	say(probe("ghost", 7, "")) // all of them from before this node listened
	say(probe("ghost", 8, `,"lost":true,"topics":["`+topic+`","chat:conversation:2"]`))
	e.await("one topic lost", func() bool { return e.lost[topic] == 2 })
	if e.lostAll != 0 || e.lost["chat:conversation:2"] != 0 {
		t.Errorf("lost %v, all %d times", e.lost, e.lostAll)
	}
	say(probe("ghost", 10, `,"lost":true,"topics":["`+topic+`"]`)) // the ninth is missing
	e.loses(0)
	say(probe("ghost", 11, `,"lost":true`))
	e.loses(1)
}

func TestGarbageOnTheChannelsOfTheBusDoesNoHarm(t *testing.T) {
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	e := listen(t, a, "chat:system", topic).inForce("chat:system", topic)
	for _, garbage := range []string{
		"", "{", "null", "\x00\xff", `{"type":"bus:probe"`, `{"type":"bus:probe"}`, `{"type":"bus:probe","serverId":7}`,
		`{"type":"bus:probe","serverId":"x","payload":{"instance":"y","reports":-1}}`,
		`{"type":"bus:probe","serverId":"x","payload":[]}`, strings.Repeat("[", 100_000), strings.Repeat("x", 5<<20),
	} {
		do(t, server, "PUBLISH", "chat:system", garbage)
		do(t, server, "PUBLISH", topic, garbage)
		do(t, server, "PUBLISH", "chat:node:a:0", garbage)
	}
	e.await("the garbage itself", func() bool { return len(e.heard) == 2*11 })
	for i := range 2000 {
		do(t, server, "PUBLISH", "chat:system", probe(fmt.Sprint("stranger ", i), 0, ""))
	}
	a.Publish(topic, []byte("sense"))
	e.hears(topic, "sense")
	if s := a.Stats(); s.Peers > 1000 || s.Reconnects != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestTwoNodesWithOneIDComplain(t *testing.T) {
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "same"), join(t, server.URL(), "same")
	c := join(t, server.URL(), "other")
	eventually(t, "two complaints", func() bool {
		return strings.Contains(a.log.String(), "bus.twin") && strings.Contains(b.log.String(), "bus.twin")
	})
	if strings.Contains(c.log.String(), "bus.twin") {
		t.Error("a third complains, too")
	}
}

// frozenProcess is a process that joins and tells of its losses, until its standard input ends.
func frozenProcess(url string) {
	bus, err := redis.Open(redis.Config{URL: url, NodeID: "frozen"})
	if err != nil {
		panic(err)
	}
	listener := bus.Listen(func(string, []byte) {}, func(topics []string) { fmt.Println("lost", len(topics)) })
	listener.Follow(topic)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	_ = bus.Run(ctx)
	os.Exit(0)
}

func TestMain(m *testing.M) {
	if url := os.Getenv("REDIS_TEST_FROZEN"); url != "" {
		frozenProcess(url)
	}
	os.Exit(m.Run())
}

func TestAProcessThatWasFrozenMayHaveMissedAnything(t *testing.T) {
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	e := listen(t, a, topic).inForce(topic)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	process := exec.CommandContext(ctx, os.Args[0])
	process.Env = append(os.Environ(), "REDIS_TEST_FROZEN="+server.URL())
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = process.Process.Signal(syscall.SIGCONT)
		_ = stdin.Close()
		_ = process.Wait()
	}()
	said := func(want string) {
		t.Helper()
		var word string
		var n int
		if _, err := fmt.Fscan(stdout, &word, &n); err != nil || fmt.Sprint(word, " ", n) != want {
			t.Fatalf("it says %q %d (%v), want %q", word, n, err, want)
		}
	}
	said("lost 1") // the topic in force
	eventually(t, "the others hearing it", func() bool { return a.Stats().Peers == 1 })
	if err := process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the others noticing that it is silent", func() bool { return a.Stats().Peers == 0 && e.losses() > 0 })
	if err := process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	said("lost 0")
}

func TestManyConnectionsLeaveNothingBehind(t *testing.T) {
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	e := listen(t, a, topic).inForce(topic)
	var goroutines []int
	for range 5 {
		server.Kill()
		a.await(false)
		restart(t, server)
		a.await(true)
		a.Publish(topic, []byte("x"))
		e.hears(topic, "x")
		goroutines = append(goroutines, runtime.NumGoroutine())
	}
	if slices.Max(goroutines[1:]) > goroutines[0]+3 {
		t.Errorf("goroutines after each connection: %v", goroutines)
	}
}
