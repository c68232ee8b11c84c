package pgtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-chat/parley/internal/port"
)

// poolerKeeper runs a pooler until its standard input ends, however the test process does.
const poolerKeeper = `"$1" -q "$2" </dev/null & pid=$!; read -r _; kill -KILL $pid; wait $pid`

// Pooled puts a real PgBouncer in front of a database and returns the URL that leads through it; settings are
// lines of its [pgbouncer] section, such as "pool_mode = session". It is gone when the test ends. It may not be
// ready yet: whoever connects tries again.
func Pooled(t testing.TB, databaseURL string, settings ...string) string {
	t.Helper()
	through, err := pooled(t, databaseURL, settings)
	if err != nil {
		t.Fatalf("PgBouncer for tests: %v", err)
	}
	return through
}

func pooled(t testing.TB, databaseURL string, settings []string) (string, error) {
	program, err := pooler()
	if err != nil {
		return "", err
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", err
	}
	p, err := port.Free()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "parley-pgbouncer-")
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "pgbouncer.ini")
	err = os.WriteFile(file, fmt.Appendf(nil, `[databases]
* = host=%s port=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
%s
`, u.Hostname(), u.Port(), u.User.Username(), p, strings.Join(settings, "\n")), 0o644)
	if err != nil {
		return "", err
	}
	as, err := nobody(dir)
	if err != nil {
		return "", err
	}
	cmd := exec.Command("/bin/sh", "-c", poolerKeeper, "sh", program, file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	u.Host = fmt.Sprint("127.0.0.1:", p)
	return u.String(), nil
}

// pooler finds the program: Debian keeps it out of people's PATH.
func pooler() (string, error) {
	if program, err := exec.LookPath("pgbouncer"); err == nil {
		return program, nil
	}
	const program = "/usr/sbin/pgbouncer"
	if _, err := os.Stat(program); err != nil {
		return "", errors.New("no PgBouncer on this machine; `make deps` installs it")
	}
	return program, nil
}

// nobody is the user of PgBouncer, which does not run as root; the folder becomes readable for it.
func nobody(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chmod(dir, 0o755)
}
