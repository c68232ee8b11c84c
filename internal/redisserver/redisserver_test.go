package redisserver_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/redisserver"
	"github.com/parley-chat/parley/internal/redistest"
)

func TestMain(m *testing.M) {
	if os.Getenv("REDISSERVER_START_AND_WAIT") != "" {
		startAndWait()
	}
	os.Exit(m.Run())
}

// startAndWait is a process that starts a server, tells where, and lives until it is killed.
func startAndWait() {
	s, err := redisserver.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.Address(), s.Dir())
	select {}
}

func do(t *testing.T, s *redistest.Server, args ...string) string {
	t.Helper()
	answer, err := s.Do(args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return answer
}

func TestAKilledServerComesBackEmptyOnTheSamePort(t *testing.T) {
	s := redistest.Start(t)
	do(t, s, "SET", "key", "value")
	if got := do(t, s, "MGET", "key", "nothing", "key"); got != "value\n\nvalue" {
		t.Errorf("MGET answers %q", got)
	}
	before := s.URL()
	s.Kill()
	if s.Running() {
		t.Error("a killed server runs")
	}
	if _, err := s.Do("PING"); err == nil {
		t.Error("a killed server answers")
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if s.URL() != before {
		t.Errorf("it moved from %s to %s", before, s.URL())
	}
	if got := do(t, s, "GET", "key"); got != "" {
		t.Errorf("it kept %q", got)
	}
	s.Stop()
	if s.Running() {
		t.Error("a stopped server runs")
	}
}

func TestAFrozenServerAnswersWhenItThaws(t *testing.T) {
	s := redistest.Start(t)
	s.Freeze()
	answered := make(chan error, 1)
	go func() {
		_, err := s.Do("PING")
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("a frozen server answered (%v)", err)
	case <-time.After(200 * time.Millisecond):
	}
	s.Thaw()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	s.Freeze()
	s.Stop() // must not wait for ever
}

func TestArgumentsReachTheServer(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "sesame", "--maxmemory", "2mb")
	if !strings.HasPrefix(s.URL(), "redis://:sesame@127.0.0.1:") {
		t.Errorf("the URL is %s", s.URL())
	}
	if got := do(t, s, "CONFIG", "GET", "maxmemory"); got != "maxmemory\n2097152" {
		t.Errorf("CONFIG GET answers %q", got)
	}
	_, err := s.Do("NONSENSE")
	if _, ok := errors.AsType[redisserver.Refusal](err); !ok {
		t.Errorf("nonsense is answered with %v", err)
	}
}

func TestAClusterSharesTheSlots(t *testing.T) {
	c := redistest.StartCluster(t)
	const slotOfFoo = "12182"
	if got := do(t, c.Nodes[2], "SET", "foo", "bar"); got != "OK" {
		t.Errorf("SET answers %q", got)
	}
	if _, err := c.Nodes[0].Do("GET", "foo"); err == nil || !strings.HasPrefix(err.Error(), "MOVED "+slotOfFoo) {
		t.Errorf("another node answers %v", err)
	}
}

func TestAServerEndsWithTheProcessThatStartedIt(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REDISSERVER_START_AND_WAIT=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var address, dir string
	if _, err := fmt.Fscan(out, &address, &dir); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s and its server at %s outlived their process", dir, address)
		}
		<-tick.C
	}
}
