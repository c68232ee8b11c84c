package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/check"
)

// parley builds the real binary, once for all tests; PARLEY_BINARY names one that is there.
var parley = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("PARLEY_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "parley-chaos-test-")
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
	flag.Parse()
	// Those that are parallel wait for the ends of leases most of the time, and need no core each.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	code := m.Run()
	if path, err := parley(); err == nil && os.Getenv("PARLEY_BINARY") == "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func TestNothingIsLostOnSQLite(t *testing.T) {
	chat(t, cluster.SQLite, "kill", "drain", "clients-cut", "clients-delayed", "file-lock")
}

func TestNothingIsLostOnPostgreSQL(t *testing.T) {
	chat(t, cluster.Postgres, "kill", "clients-cut", "database-cut", "postgres-crash", "postgres-backends", "row-lock")
}

func TestNothingIsLostOnACluster(t *testing.T) {
	chat(t, cluster.Full, "kill", "drain", "clients-cut", "redis-kill", "redis-cut", "redis-pubsub", "postgres-restart", "nginx-kill")
}

// chat has people chat for a quarter of a minute while each of the faults comes at least once.
func chat(t *testing.T, shape cluster.Shape, faults ...string) {
	program, err := parley()
	if err != nil {
		t.Fatal(err)
	}
	var progress strings.Builder
	report, err := chaos.Run(t.Context(), chaos.Options{
		Cluster: cluster.Config{Shape: shape, Nodes: 3, Program: program, Balance: "ip_hash"},
		For:     2 * time.Minute, Number: len(faults), Faults: faults, Apart: time.Second, Longest: 2 * time.Second, Seed: 1, Clients: 12, Rate: 20, Folder: t.TempDir(),
		// The machine has more to do than this: what must come, may come late.
		Bounds: check.Bounds{Slack: 20 * time.Second}, Out: &progress,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	if !report.Sound() {
		report.Print(&progress)
		t.Errorf("something that was promised does not hold:\n%s", progress.String())
	}
	f := report.Check.Figures
	t.Logf("%d sends confirmed, %d operations, %d observations, faults %v", f.Confirmed, f.Operations, f.Observations, f.Faults)
	if f.Confirmed == 0 {
		t.Error("nobody sent anything: nothing is proven")
	}
}
