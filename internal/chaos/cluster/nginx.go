package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parley-chat/parley/deploy/nginx"
	"github.com/parley-chat/parley/internal/port"
)

// Nginx runs one of the shipped configurations in front of the nodes.
type Nginx struct {
	program string
	folder  string
	log     string
	port    int

	mu   sync.Mutex
	cmd  *exec.Cmd
	gone chan struct{}
}

func newNginx(folder, log, balance string, at int, nodes []*Node) (*Nginx, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		// Debian puts it where only root looks.
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, errors.New("no nginx on this machine; `make deps` installs it")
		}
	}
	x := &Nginx{program: program, folder: filepath.Join(folder, "nginx"), log: log, port: at}
	if at == 0 {
		if x.port, err = port.Free(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(x.folder, 0o700); err != nil {
		return nil, err
	}
	text, err := nginx.Files.ReadFile(balance + ".conf")
	if err != nil {
		return nil, fmt.Errorf("%q is not a form of nginx: ip_hash or least_conn", balance)
	}
	conf, err := localize(string(text), x.port, nodes)
	if err != nil {
		return nil, err
	}
	return x, os.WriteFile(filepath.Join(x.folder, "nginx.conf"), []byte(conf), 0o600)
}

var (
	upstreamLine = regexp.MustCompile(`(?m)^( +server )ws\d+:3000( .*;)\n`)
	listenLine   = regexp.MustCompile(`(?m)^( +listen )80;`)
)

// localize makes a shipped configuration work here: with these nodes, on this port, and writing into its
// own folder. What is not found where it must be is an error: then the file has changed its form.
func localize(text string, at int, nodes []*Node) (string, error) {
	lines := upstreamLine.FindAllStringSubmatchIndex(text, -1)
	if len(lines) == 0 || !listenLine.MatchString(text) || strings.Count(text, "\nhttp {\n") != 1 {
		return "", errors.New("the nginx configuration has no `server ws1:3000 …;`, `listen 80;` or `http {` of its own line")
	}
	first, last := lines[0], lines[len(lines)-1]
	var servers strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&servers, "%s%s%s\n", text[first[2]:first[3]], n.Address(), text[first[4]:first[5]])
	}
	text = text[:first[0]] + servers.String() + text[last[1]:]
	text = listenLine.ReplaceAllString(text, fmt.Sprintf("${1}127.0.0.1:%d;", at))
	var folders strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&folders, "    %s_temp_path temp;\n", kind)
	}
	return strings.Replace(text, "\nhttp {\n", "\nhttp {\n"+folders.String(), 1), nil
}

// Address is where it listens, host:port.
func (x *Nginx) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(x.port)) }

// Start starts nginx if it does not run and returns when it takes connections.
func (x *Nginx) Start() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running() {
		return nil
	}
	log, err := os.OpenFile(x.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	directives := "daemon off; pid nginx.pid; error_log stderr warn;"
	if os.Getuid() == 0 {
		// Workers that root starts become somebody else, who may not put a large body into this folder.
		directives += " user root;"
	}
	cmd := exec.Command(x.program, "-p", x.folder, "-c", "nginx.conf", "-e", "stderr", "-g", directives)
	cmd.Stdout, cmd.Stderr = log, log
	// The group holds the workers too. When we die SIGTERM has the master take them along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start nginx: %w", err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	x.cmd, x.gone = cmd, gone
	return x.await()
}

// await returns when connections are taken. There is no event to wait for, so it is tried.
func (x *Nginx) await() error {
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-x.gone:
			text, _ := os.ReadFile(x.log)
			return fmt.Errorf("nginx did not start:\n%s", text[max(0, len(text)-2000):])
		case <-deadline:
			return errors.New("nginx takes no connections")
		}
		conn, err := net.Dial("tcp", x.Address())
		if err == nil {
			return conn.Close()
		}
	}
}

// Reload has nginx read its configuration again: new workers take over, the old ones finish.
func (x *Nginx) Reload() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.running() {
		return errors.New("nginx does not run")
	}
	return x.cmd.Process.Signal(syscall.SIGHUP)
}

// Kill ends the master and every worker at once.
func (x *Nginx) Kill() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.running() {
		return
	}
	_ = syscall.Kill(-x.cmd.Process.Pid, syscall.SIGKILL)
	<-x.gone
}

func (x *Nginx) running() bool {
	if x.cmd == nil {
		return false
	}
	select {
	case <-x.gone:
		return false
	default:
		return true
	}
}
