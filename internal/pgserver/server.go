package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/port"
)

// keeper runs the server until its standard input ends or says how to stop. On the end of input nobody
// needs the data any more.
const keeper = `"$1" -D "$2" -p "$3" >>"$2/server.log" 2>&1 </dev/null &
pid=$!
if read -r how; then
	kill "-$how" $pid
	wait $pid
else
	kill -QUIT $pid
	wait $pid
	rm -rf "$2"
fi`

const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 64MB
max_wal_size = 1GB
log_min_messages = warning
`

// Server is a running PostgreSQL.
type Server struct {
	bin  string // folder of the binaries
	data string
	port int
	as   *syscall.Credential

	mu    sync.Mutex
	stdin io.WriteCloser
	done  chan struct{}
}

// Start makes a data directory and starts a server on it. [Server.Remove] ends both.
func Start() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "parley-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, data: data, as: as}
	return s.begin(s.create)
}

// begin fills the data directory and starts the server on it.
func (s *Server) begin(fill func() error) (*Server, error) {
	if s.as != nil {
		if err := os.Chown(s.data, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(s.data))
		}
	}
	if err := fill(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.data))
	}
	if err := s.Restart(); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

// binaries finds the newest initdb and postgres: Debian keeps them out of PATH.
func binaries() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(initdb), "postgres")); err == nil {
				return filepath.Dir(initdb), nil
			}
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("no PostgreSQL on this machine; `make deps` installs it")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged is the user postgres when we are root, as which PostgreSQL refuses to run.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("root cannot run PostgreSQL and there is no user postgres; `make deps` makes it: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.data
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	// A process group of its own, so that an interrupt at the terminal reaches only the process that started us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	return cmd
}

func (s *Server) create() error {
	initdb := s.command(filepath.Join(s.bin, "initdb"), "-D", s.data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	conf, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString(settings)
	return errors.Join(err, conf.Close())
}

// Restart starts the server if it does not run, on the same data and the same port, and returns when it
// answers.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin != nil {
		return nil
	}
	if s.port != 0 {
		return s.start()
	}
	// Somebody else may take the port between the moment it was free and the moment PostgreSQL binds it.
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
	cmd := s.command("/bin/sh", "-c", keeper, "sh", filepath.Join(s.bin, "postgres"), s.data, strconv.Itoa(s.port))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	s.stdin, s.done = stdin, done
	if err := s.await(); err != nil {
		s.halt("QUIT")
		log, _ := os.ReadFile(filepath.Join(s.data, "server.log"))
		return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, log)
	}
	return nil
}

// await returns when the server answers. Its start has no event to wait for, so it is asked.
func (s *Server) await() error {
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			err = conn.Close(ctx)
			cancel()
			return err
		}
		cancel()
		if time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

// Running reports whether the server was started and not stopped since.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stdin != nil
}

// Stop shuts the server down as an administrator does ("fast": transactions are rolled back, clients
// are told) and returns when it is down. [Server.Restart] brings it back.
func (s *Server) Stop() { s.stop("INT") }

// Crash ends the server at once, as a crash does: it will recover from its log at the next start.
func (s *Server) Crash() { s.stop("QUIT") }

func (s *Server) stop(signal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt(signal)
}

func (s *Server) halt(signal string) {
	if s.stdin == nil {
		return
	}
	_, _ = io.WriteString(s.stdin, signal+"\n")
	<-s.done
	_ = s.stdin.Close()
	s.stdin = nil
}

// Remove ends the server and deletes its data.
func (s *Server) Remove() {
	s.Crash()
	_ = os.RemoveAll(s.data)
}
