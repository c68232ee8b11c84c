package crash_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program builds the real binary, once for all tests; PARLEY_BINARY names one that is there.
var program = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("PARLEY_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "parley-crash-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "parley")
	build := exec.Command("go", "build", "-o", path, "./cmd/parley")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil && os.Getenv("PARLEY_BINARY") == "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// server is the program on a data folder and a port that outlive its processes.
type server struct {
	t   *testing.T
	url string
	// database is where check.ReadDatabase finds what is stored.
	database string
	env      []string
	log      string
	cmd      *exec.Cmd
	gone     chan struct{} // closed when the process has ended
}

func newServer(t *testing.T, databaseURL string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir := t.TempDir()
	s := &server{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port), log: filepath.Join(dir, "server.log"), database: databaseURL}
	if databaseURL == "" {
		s.database = filepath.Join(dir, "data", "parley.db")
	}
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "PARLEY_") && name != "DATABASE_URL" && name != "PORT" {
			s.env = append(s.env, e)
		}
	}
	s.env = append(s.env, "PARLEY_DATA="+filepath.Join(dir, "data"), "PARLEY_HOST=127.0.0.1", "PARLEY_PORT="+strconv.Itoa(port),
		"PARLEY_RATE_LIMITS=off", "DATABASE_URL="+databaseURL)
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return s
}

// start starts a process and returns when it is ready.
func (s *server) start() {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(path, "serve")
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	s.cmd, s.gone = cmd, gone
	s.awaitReady()
}

func (s *server) awaitReady() {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		select {
		case <-tick.C:
		case <-s.gone:
			s.t.Fatal("the server ended instead of getting ready")
		case <-deadline:
			s.t.Fatal("the server is not ready after a minute")
		}
		answer, err := http.Get(s.url + "/health/ready")
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
}

// kill ends the process as a crash does and returns when it is gone.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.gone
	s.cmd = nil
}
