package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/port"
)

const (
	// readyWithin is how long a node may take to start on a busy machine.
	readyWithin = time.Minute
	// drainWithin is how long a node may take to leave after SIGTERM: 10 s (C8.4), and what a busy machine
	// takes to notice.
	drainWithin = 15 * time.Second
	// ClockVariable is read by a program that was built to run with a wrong clock: a duration such as
	// "-3m", which is added to what the clock says.
	ClockVariable = "CHAOS_CLOCK"
)

// Node is one `parley serve` on a port and a data folder that outlive its processes.
type Node struct {
	Name     string
	Port     int
	Door     *proxy.Proxy // clients come through it
	Database *proxy.Proxy // to PostgreSQL; nil on SQLite
	Redis    *proxy.Proxy // nil without
	Data     string
	Metrics  string // where its metrics are, host:port

	log string
	env []string

	mu      sync.Mutex
	program string
	clock   time.Duration
	cmd     *exec.Cmd
	gone    chan struct{} // closed when the process has ended
	frozen  bool
}

// newNode prepares a node and the proxies around it.
func (k *Cluster) newNode(i int, key string, c Config) (*Node, error) {
	n := &Node{
		Name: fmt.Sprintf("node%d", i+1), program: c.Program, Data: filepath.Join(k.folder.Path, fmt.Sprintf("node%d", i+1)),
	}
	n.log = filepath.Join(c.Logs, n.Name+".log")
	if k.Disk != nil {
		n.Data = filepath.Join(k.Disk.path, "data")
	}
	n.Port = c.Port
	var err error
	if n.Port == 0 || c.Shape == Full {
		if n.Port, err = port.Free(); err != nil {
			return nil, err
		}
	}
	if n.Door, err = proxy.Listen(n.Address()); err != nil {
		return nil, err
	}
	metrics, err := port.Free()
	if err != nil {
		return nil, err
	}
	n.Metrics = net.JoinHostPort("127.0.0.1", strconv.Itoa(metrics))
	n.env = append(foreign(os.Environ()), "PARLEY_DATA="+n.Data, "PARLEY_HOST=127.0.0.1", "PARLEY_PORT="+strconv.Itoa(n.Port),
		"PARLEY_SIGNING_KEY="+key, "PARLEY_RATE_LIMITS=off", "PARLEY_TRUSTED_PROXIES=127.0.0.1", "PARLEY_LOG_FORMAT=json",
		"PARLEY_METRICS_LISTEN="+n.Metrics, "PARLEY_NODE_ID="+n.Name)
	if k.Postgres != nil {
		if err := n.reachDatabase(k, i); err != nil {
			return nil, err
		}
	}
	if k.Redis != nil {
		if n.Redis, err = proxy.ListenRedis(k.Redis.Address()); err != nil {
			return nil, err
		}
		n.env = append(n.env, "REDIS_URL=redis://"+n.Redis.Address())
	}
	n.env = append(n.env, c.Env...)
	if c.Clock != nil {
		n.clock = c.Clock()
	}
	return n, nil
}

// reachDatabase puts a proxy between the node and PostgreSQL. Every second node takes the database for
// one on another machine, which it does by the URL's host, and so commits in two lanes.
func (n *Node) reachDatabase(k *Cluster, i int) error {
	u, err := url.Parse(k.DatabaseURL())
	if err != nil {
		return err
	}
	if n.Database, err = proxy.Listen(u.Host); err != nil {
		return err
	}
	u.Host = n.Database.Address()
	if i%2 == 1 {
		q := u.Query()
		q.Set("host", "127.0.0.1")
		q.Set("port", strconv.Itoa(n.Database.Port()))
		u.Host, u.RawQuery = "database.invalid", q.Encode()
	}
	n.env = append(n.env, "DATABASE_URL="+u.String())
	return nil
}

// foreign leaves out our own settings: a cluster is what its shape says.
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

// Address is where the node itself listens, host:port.
func (n *Node) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.Port)) }

// URL is [Node.Address] for a browser.
func (n *Node) URL() string { return "http://" + n.Address() }

// SetProgram says which program the next start runs.
func (n *Node) SetProgram(path string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.program = path
}

// SetClock says how wrong the clock of the next start is, for a program that knows [ClockVariable].
func (n *Node) SetClock(wrong time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock = wrong
}

// Start starts the node if it does not run and returns when it is ready.
func (n *Node) Start(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.launch(); err != nil {
		return err
	}
	return n.awaitReady(ctx)
}

// launch starts a process unless one runs. The node's lock is held.
func (n *Node) launch() error {
	if n.cmd != nil {
		select {
		case <-n.gone:
		default:
			return nil
		}
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(n.program, "serve")
	cmd.Env, cmd.Stdout, cmd.Stderr = n.env, log, log
	if n.clock != 0 {
		cmd.Env = append(cmd.Env, ClockVariable+"="+n.clock.String())
	}
	// In a process group of its own: an interrupt at the terminal ends the clients first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.Name, err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	n.cmd, n.gone, n.frozen = cmd, gone, false
	return nil
}

// awaitReady asks until the node is ready. Its start has no event that another process could wait for.
func (n *Node) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-n.gone:
			return fmt.Errorf("%s ended instead of getting ready; its log ends with:\n%s", n.Name, n.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; its log ends with:\n%s", n.Name, ctx.Err(), n.tail())
		}
		if n.Ready(ctx) {
			return nil
		}
	}
}

// Ready reports whether the node says that it can serve.
func (n *Node) Ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL()+"/health/ready", nil)
	if err != nil {
		return false
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (n *Node) tail() []byte {
	text, _ := os.ReadFile(n.log)
	return text[max(0, len(text)-2000):]
}

// Kill ends the process as a crash does and returns when it is gone.
func (n *Node) Kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	<-n.gone
}

// ErrLeftBadly says that a node left in time and was not content with how.
var ErrLeftBadly = errors.New("it left with exit status 1")

// Frozen reports whether the process stands still.
func (n *Node) Frozen() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.frozen
}

// Drain asks the node to leave (SIGTERM) and returns when it has. A node that does not leave in time is
// killed, and that is an error, as is one that fails at leaving.
func (n *Node) Drain() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return nil
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(drainWithin)
	defer timer.Stop()
	select {
	case <-n.gone:
	case <-timer.C:
		_ = n.cmd.Process.Kill()
		<-n.gone
		return fmt.Errorf("%s had not left %v after SIGTERM", n.Name, drainWithin)
	}
	switch state := n.cmd.ProcessState; {
	case state.ExitCode() == 1:
		return fmt.Errorf("%s: %w; its log ends with:\n%s", n.Name, ErrLeftBadly, n.tail())
	case !state.Success():
		return fmt.Errorf("%s left with %s; its log ends with:\n%s", n.Name, state, n.tail())
	}
	return nil
}

// Freeze stops the process in its tracks (SIGSTOP): its connections stay open and nothing is answered.
func (n *Node) Freeze() { n.signal(syscall.SIGSTOP, true) }

// Thaw lets a frozen process go on.
func (n *Node) Thaw() { n.signal(syscall.SIGCONT, false) }

func (n *Node) signal(s syscall.Signal, frozen bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(s)
		n.frozen = frozen
	}
}

// PID is the process, 0 before the first start.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Running reports whether there is a process. A frozen one runs.
func (n *Node) Running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return false
	}
	select {
	case <-n.gone:
		return false
	default:
		return true
	}
}

func (n *Node) close() {
	for _, p := range []*proxy.Proxy{n.Door, n.Database, n.Redis} {
		if p != nil {
			p.Close()
		}
	}
}
