package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// throwaway is a PostgreSQL of this run's own: the binaries of this machine, an empty data directory,
// and the settings of a fresh installation. fsync and synchronous_commit are on, as they have to be.
type throwaway struct {
	bin, data, url string
	as             *syscall.Credential
}

// startPostgres makes and starts one. Root starts it as the user postgres.
func startPostgres(ctx context.Context) (*throwaway, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return nil, errors.New("no PostgreSQL on this machine: initdb is neither in PATH nor under /usr/lib/postgresql")
	}
	data, err := os.MkdirTemp("", "parley-bench-pg-")
	if err != nil {
		return nil, err
	}
	p := &throwaway{bin: filepath.Dir(found[len(found)-1]), data: data}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	return p, nil
}

func (p *throwaway) start(ctx context.Context) error {
	if os.Getuid() == 0 {
		if err := p.give("postgres"); err != nil {
			return err
		}
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	if err := p.run(ctx, "initdb", "-D", p.data, "-U", "postgres", "--auth=trust", "--encoding=UTF8"); err != nil {
		return err
	}
	settings := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c max_wal_size=4GB", port)
	if err := p.run(ctx, "pg_ctl", "-D", p.data, "-w", "-l", filepath.Join(p.data, "log"), "-o", settings, "start"); err != nil {
		return err
	}
	p.url = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	return nil
}

func (p *throwaway) give(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("root cannot run PostgreSQL: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(p.data, uid, gid)
}

func (p *throwaway) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir = p.data
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Setpgid: true}
	log, err := os.CreateTemp("", "parley-bench-")
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	// A file and not a pipe: the server inherits it and would keep a pipe open.
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s: %w\n%s", name, err, text)
	}
	return nil
}

// stop ends it and deletes its data.
func (p *throwaway) stop() error {
	err := p.run(context.Background(), "pg_ctl", "-D", p.data, "-w", "-m", "fast", "stop")
	return errors.Join(err, os.RemoveAll(p.data))
}

// postmasterOf finds the process of a PostgreSQL on this machine, 0 when it runs elsewhere.
func postmasterOf(ctx context.Context, url string) int {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0
	}
	defer conn.Close(ctx)
	var backend int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return 0
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", backend))
	if err != nil || string(name) != "postgres\n" {
		return 0
	}
	return parentOf(backend)
}

// walSyncs is how often PostgreSQL has synced its log to the disk (pg_stat_wal). A server's backends
// count themselves in when they end, so it is exact once the server has stopped.
func walSyncs(ctx context.Context, url string) (n int64, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, "SELECT wal_sync FROM pg_stat_wal").Scan(&n)
	return n, err
}
