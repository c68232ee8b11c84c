package canary_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program builds the real binary, once.
func program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("PARLEY_BINARY"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "parley")
	build := exec.Command("go", "build", "-o", path, "./cmd/parley")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// spoken keeps what a process writes.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// node is a process of the cluster.
type node struct {
	t            *testing.T
	name         string
	url, metrics string
	out, log     spoken
	cmd          *exec.Cmd
	gone         chan struct{}
}

func serve(t *testing.T, binary, name string, env ...string) *node {
	t.Helper()
	n := &node{t: t, name: name, url: "http://" + freeAddress(t), metrics: "http://" + freeAddress(t), gone: make(chan struct{})}
	n.cmd = exec.Command(binary, "serve")
	n.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PARLEY_HOST=127.0.0.1", "PARLEY_PORT=" + n.url[strings.LastIndex(n.url, ":")+1:],
		"PARLEY_METRICS_LISTEN=" + strings.TrimPrefix(n.metrics, "http://"), "PARLEY_NODE_ID=" + name, "PARLEY_DATA=" + t.TempDir(),
		"PARLEY_LOG_LEVEL=debug", "PARLEY_LOG_FORMAT=json", "PARLEY_LOG_SAMPLE=0", "GOTRACEBACK=all",
	}, env...)
	n.cmd.Stdout, n.cmd.Stderr = &n.out, &n.log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = n.cmd.Wait()
		close(n.gone)
	}()
	t.Cleanup(func() {
		_ = n.cmd.Process.Kill()
		<-n.gone
	})
	n.await("ready", func() bool { return n.health() == http.StatusOK })
	return n
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await asks every 100 ms, for a minute.
func (n *node) await(what string, is func() bool) {
	n.t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for over := time.After(time.Minute); !is(); {
		select {
		case <-again.C:
		case <-n.gone:
			n.t.Fatalf("%s has ended before it was %s:\n%s%s", n.name, what, n.out.String(), n.log.String())
		case <-over:
			n.t.Fatalf("%s is not %s:\n%s", n.name, what, n.log.String())
		}
	}
}

func (n *node) health() int {
	status, _, _ := n.ask("GET", "/health/ready", "", nil)
	return status
}

// ask makes a request, with a body that is sent as it is when it is text.
func (n *node) ask(method, path, token string, body any) (status int, answer map[string]any, header http.Header) {
	text, raw := body.(string)
	if !raw && body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			n.t.Fatal(err)
		}
		text = string(data)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, n.url+path, strings.NewReader(text))
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", wrote("agent"))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil
	}
	defer a.Body.Close()
	_ = json.NewDecoder(a.Body).Decode(&answer)
	return a.StatusCode, answer, a.Header
}

// page is what a node says at an address for its operator.
func (n *node) page(path string) string {
	a, err := http.Get(n.metrics + path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

// crash has the process print what all its goroutines do, and end.
func (n *node) crash() {
	if err := n.cmd.Process.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		n.t.Fatal(err)
	}
	<-n.gone
}

// entries are the lines of the log up to the crash. Each must be an entry of the seed's shape (DOC-008).
func (n *node) entries() []map[string]any {
	n.t.Helper()
	text, _, _ := strings.Cut(n.log.String(), "SIGQUIT: quit")
	var out []map[string]any
	for line := range strings.Lines(text) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			n.t.Errorf("%s: a line is no entry: %q", n.name, line)
			continue
		}
		for member := range e {
			switch member {
			case "timestamp", "level", "service", "traceId", "event", "data":
			case "serverId":
				if e[member] != n.name {
					n.t.Errorf("%s: an entry is of another node: %s", n.name, line)
				}
			default:
				n.t.Errorf("%s: an entry has the member %s: %s", n.name, member, line)
			}
		}
		if e["service"] != "chat-api" || strings.Contains(fmt.Sprint(e["event"]), " ") {
			n.t.Errorf("%s: an entry is not the program's: %s", n.name, line)
		}
		out = append(out, e)
	}
	return out
}
