package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// buildProgram builds the real binary, or names the one that PARLEY_BINARY does.
func buildProgram(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("PARLEY_BINARY"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "parley")
	build := exec.Command("go", "build", "-o", path, "./cmd/parley")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func TestTheScenariosOfPresenceRunWithFewPeople(t *testing.T) {
	program := buildProgram(t)
	for name, postgres := range map[string]bool{"on SQLite": false, "on two nodes with PostgreSQL and Redis": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := measure(t.Context(), options{
				program: program, startPostgres: postgres, nodes: 1, scenarios: []string{"presence"},
				people: 100, steady: 2 * time.Second, during: time.Second,
			})
			if err != nil {
				t.Fatal(err)
			}
			rows := 0
			for _, s := range report.Scenarios {
				if s.Error != "" {
					t.Errorf("%s: %s", s.Name, s.Error)
				}
				rows += len(s.Rows)
			}
			// Of the steady state, of two crowds in two storms, and of four ways to leave.
			want := 1 + 8 + 4
			if postgres {
				want += 4
			}
			if rows != want {
				t.Errorf("%d figures, want %d", rows, want)
			}
		})
	}
}
