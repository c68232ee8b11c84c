package pgbus_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/pgbus"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/port"
)

// poolerKeeper runs a pooler until its standard input ends, however the test process does.
const poolerKeeper = `"$1" -q "$2" </dev/null & pid=$!; read -r _; kill -KILL $pid; wait $pid`

// pooled puts a real PgBouncer between a node and a database.
func pooled(t *testing.T, databaseURL, mode string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !exists(program) {
			t.Fatal("no PgBouncer on this machine; `make deps` installs it")
		}
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "parley-pgbouncer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	settings := filepath.Join(dir, "pgbouncer.ini")
	err = os.WriteFile(settings, fmt.Appendf(nil, `[databases]
* = host=%s port=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = %s
`, u.Hostname(), u.Port(), u.User.Username(), p, mode), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", poolerKeeper, "sh", program, settings)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: nobody(t, dir)}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	u.Host = fmt.Sprint("127.0.0.1:", p)
	return u.String()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// nobody is the user of PgBouncer, which does not run as root; the folder becomes readable for it.
func nobody(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func TestThroughPgBouncerInSessionModeTheBusWorks(t *testing.T) {
	t.Parallel()
	direct := pgtest.NewDatabase(t)
	url := pooled(t, direct, "session")
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	a.Publish("topic", []byte("x"))
	e.hears(t, "topic x")
}

func TestThroughPgBouncerInTransactionModeTheBusSaysThatItIsDeaf(t *testing.T) {
	t.Parallel()
	direct := pgtest.NewDatabase(t)
	url := pooled(t, direct, "transaction")
	lines := make(lineWriter, 100)
	b, err := pgbus.New(pgbus.Config{URL: url, NodeID: "a", Log: slog.New(slog.NewTextHandler(lines, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })
	defer func() { cancel(); running.Wait() }()
	deadline := time.After(patience)
	for said := ""; !strings.Contains(said, "session mode"); {
		select {
		case said = <-lines:
		case <-deadline:
			t.Fatalf("the last that it says is %s", said)
		}
	}
	if b.Up() {
		t.Error("it is up")
	}
}

// lineWriter takes log lines.
type lineWriter chan string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(line)
	return len(line), nil
}
