package redisserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parley-chat/parley/internal/port"
)

// keeper runs the server in $1 and passes on each signal that it reads, one a line, and answers each. A
// signal that ends the server ends it too; so does the end of input, when nobody needs the folder any more.
const keeper = `dir=$1
shift
"$@" >>"$dir/server.log" 2>&1 </dev/null &
pid=$!
while read -r signal; do
	kill "-$signal" $pid
	case $signal in
	KILL | TERM)
		wait $pid
		exit
		;;
	esac
	echo done
done
kill -KILL $pid
wait $pid
rm -rf "$dir"`

// defaults come before the caller's arguments, which override them.
var defaults = []string{
	"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "notice", "--enable-debug-command", "yes",
}

// patience is how long a server may take to start.
const patience = 30 * time.Second

// Server is a Redis that was started and perhaps stopped since.
type Server struct {
	dir  string
	port int
	args []string

	mu      sync.Mutex
	stdin   io.WriteCloser
	answers *bufio.Reader
	done    chan struct{}
	frozen  bool
}

// Start starts a server that is gone with this process, or when it is closed.
func Start(args ...string) (*Server, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errors.New("no redis-server on this machine; `make deps` installs it")
	}
	dir, err := os.MkdirTemp("", "parley-redis-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, args: args}
	if err := s.Restart(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Restart starts the server if it does not run, on the same port, and returns when it answers.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin != nil {
		return nil
	}
	if s.port != 0 {
		return s.start()
	}
	// Somebody else may take the port between the moment it was free and the moment Redis binds it.
	var err error
	for range 5 {
		if s.port, err = port.Free(); err != nil {
			return err
		}
		if err = s.start(); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) start() error {
	cmd := exec.Command("/bin/sh", slices.Concat([]string{"-c", keeper, "sh", s.dir, "redis-server"}, s.arguments())...)
	// A process group of its own, so that an interrupt at the terminal reaches only our process.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.stdin, s.answers, s.done = stdin, bufio.NewReader(stdout), make(chan struct{})
	go func(done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(s.done)
	if err := s.await(); err != nil {
		s.end("KILL")
		log, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
		return fmt.Errorf("Redis did not start: %w\n%s", err, log)
	}
	return nil
}

// arguments of redis-server: a configuration file comes first, what overrides comes last.
func (s *Server) arguments() []string {
	var file []string
	rest := s.args
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		file, rest = rest[:1], rest[1:]
	}
	return slices.Concat(file, []string{"--port", strconv.Itoa(s.port), "--dir", s.dir}, defaults, rest)
}

// await returns when the server answers. Its start has no event to wait for, so it is asked.
func (s *Server) await() error {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		// Any answer will do: a replica without its primary is up, too.
		_, err := s.Do("PING")
		if _, answered := errors.AsType[Refusal](err); err == nil || (answered && !strings.HasPrefix(err.Error(), "LOADING")) {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

// Kill ends the server at once, as a crash does.
func (s *Server) Kill() { s.stop("KILL") }

// Stop shuts the server down as an administrator does, and returns when it is down.
func (s *Server) Stop() { s.stop("TERM") }

func (s *Server) stop(signal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin == nil {
		return
	}
	if s.frozen {
		s.tell("CONT")
	}
	s.end(signal)
}

func (s *Server) end(signal string) {
	_, _ = io.WriteString(s.stdin, signal+"\n")
	<-s.done
	_ = s.stdin.Close()
	s.stdin, s.frozen = nil, false
}

// Freeze stops the server in its tracks: its connections stay open and nothing is answered.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin != nil {
		s.tell("STOP")
		s.frozen = true
	}
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin != nil {
		s.tell("CONT")
		s.frozen = false
	}
}

// tell sends a signal that does not end the server.
func (s *Server) tell(signal string) {
	_, _ = io.WriteString(s.stdin, signal+"\n")
	_, _ = s.answers.ReadString('\n')
}

// Running reports whether the server was started and not stopped since. A frozen one runs.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stdin != nil
}

// Close ends the server for good and deletes its folder.
func (s *Server) Close() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
}

// Dir is the server's folder. It is gone after [Server.Close].
func (s *Server) Dir() string { return s.dir }

// Address is host:port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is how a client connects, with the password if the arguments set one by --requirepass.
func (s *Server) URL() string {
	if password := s.password(); password != "" {
		return "redis://:" + password + "@" + s.Address()
	}
	return "redis://" + s.Address()
}

func (s *Server) password() string {
	if i := slices.Index(s.args, "--requirepass"); i >= 0 && i+1 < len(s.args) {
		return s.args[i+1]
	}
	return ""
}

// PID is the server's process id, or 0 when it does not answer.
func (s *Server) PID() int {
	info, err := s.Do("INFO", "server")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(info, "process_id:")
	line, _, _ := strings.Cut(rest, "\r\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return 0
	}
	return pid
}
