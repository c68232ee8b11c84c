package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is the program under test, in a process of its own or somebody else's.
type server struct {
	address string // host:port
	pid     int    // 0 when it is not known
	cmd     *exec.Cmd
	log     string
	exited  chan error
}

// servers are the nodes of one chat.
type servers []*server

// address is where the i-th client connects: they go round.
func (s servers) address(i int) string { return s[i%len(s)].address }

func (s servers) pids() []int {
	var pids []int
	for _, srv := range s {
		if srv.pid != 0 {
			pids = append(pids, srv.pid)
		}
	}
	return pids
}

func (s servers) stop() error {
	var errs []error
	for _, srv := range s {
		errs = append(errs, srv.stop())
	}
	return errors.Join(errs...)
}

// serverConfig is what a server is started with.
type serverConfig struct {
	program     string   // "" for this very one
	data        string   // folder
	databaseURL string   // "" for SQLite
	key         string   // signs tokens
	redisURL    string   // "" for one node alone
	profile     string   // file for a CPU profile; "" for none
	env         []string // further settings, which overrule those of every run
}

func (c serverConfig) executable() (string, error) {
	if c.program != "" {
		return c.program, nil
	}
	return os.Executable()
}

// startServer runs this very program as a server on a free port of loopback and waits until it is ready.
func startServer(ctx context.Context, c serverConfig) (*server, error) {
	self, err := c.executable()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"serve"}
	if c.profile != "" {
		args = []string{"bench", "profiled", c.profile}
	}
	log, err := os.Create(filepath.Join(c.data, fmt.Sprintf("server-%d.log", port)))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(foreign(os.Environ()), "PARLEY_DATA="+c.data, "PARLEY_HOST=127.0.0.1", "PARLEY_PORT="+strconv.Itoa(port),
		"PARLEY_SIGNING_KEY="+c.key, "PARLEY_RATE_LIMITS=off", "PARLEY_LOG_LEVEL=warn", "PARLEY_METRICS_LISTEN=",
		"DATABASE_URL="+c.databaseURL, "REDIS_URL="+c.redisURL)
	cmd.Env = append(cmd.Env, c.env...)
	// In a process group of its own: an interrupt at the terminal must not stop it before the clients.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{address: fmt.Sprintf("127.0.0.1:%d", port), pid: cmd.Process.Pid, cmd: cmd, log: log.Name(), exited: make(chan error, 1)}
	go func() { s.exited <- cmd.Wait() }()
	if err := s.awaitReady(ctx); err != nil {
		s.kill()
		text, _ := os.ReadFile(s.log)
		return nil, fmt.Errorf("the server did not start: %w\n%s", err, text[max(0, len(text)-2000):])
	}
	return s, nil
}

// foreign leaves out our own settings, so that a run measures what it says.
func foreign(env []string) []string {
	var out []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		switch {
		case strings.HasPrefix(name, "PARLEY_"), strings.HasPrefix(name, "DATABASE_URL"), strings.HasPrefix(name, "REDIS_URL"), name == "PORT":
		default:
			out = append(out, e)
		}
	}
	return out
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// awaitReady asks until the server is ready. Its start has no event that another process could wait for.
func (s *server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case err := <-s.exited:
			s.exited <- err
			return fmt.Errorf("it ended: %w", err)
		case <-ctx.Done():
			return errors.New("it is not ready after 30 s")
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/health/ready", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
}

// stop ends the server as an operator does and waits for it.
func (s *server) stop() error {
	if s.cmd == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.exited:
		s.exited <- err
		return err
	case <-time.After(patience):
		s.kill()
		return fmt.Errorf("the server did not end within %v of SIGTERM", patience)
	}
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	err := <-s.exited
	s.exited <- err
}
