package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/pgtest"
)

// run is the command line in this process: what it printed, and its error as people see it.
func run(t *testing.T, stdin string, args ...string) (out, problem string) {
	t.Helper()
	root := newRoot()
	var printed bytes.Buffer
	root.SetOut(&printed)
	root.SetErr(&bytes.Buffer{})
	root.SetIn(strings.NewReader(stdin))
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		problem = explain(err)
	}
	return printed.String(), problem
}

func TestAFlagThatDoesNotExistIsAnErrorThatNamesTheNearest(t *testing.T) {
	for args, want := range map[string]string{
		"serve --prot 80":         "--prot is not a flag; did you mean --port?",
		"serve --signing-key x":   "did you mean --signing-key-file?",
		"config --limits-sned x":  "did you mean --limits-send?",
		"user create --ownr x":    "did you mean --owner?",
		"serve --blunderbuss":     "parley serve --help lists them",
		"srve":                    "Did you mean this?\n\tserve",
		"move ./data":             "parley move takes no arguments, and \"./data\" is one; parley move --help lists its flags",
		"migrate sideways":        "unknown command \"sideways\" for \"parley migrate\"",
		"user create":             "one name is needed: parley user create NAME",
		"config --port seventeen": "PARLEY_PORT must be a whole number, without a unit (from: flag --port)",
	} {
		if _, problem := run(t, "", strings.Fields(args)...); !strings.Contains(problem, want) {
			t.Errorf("parley %s: %q, want %q", args, problem, want)
		}
	}
}

func TestTheHelpOfACommandShowsItsOwnFlagsAndServeThoseOfTheServer(t *testing.T) {
	move, _ := run(t, "", "move", "--help")
	if !strings.Contains(move, "--restart") || strings.Contains(move, "--metrics-listen") || !strings.Contains(move, "parley serve --help lists them") {
		t.Errorf("parley move --help:\n%s", move)
	}
	if serve, _ := run(t, "", "serve", "--help"); !strings.Contains(serve, "--metrics-listen") {
		t.Errorf("parley serve --help:\n%s", serve)
	}
}

func TestTheStatusOfMigrationsSaysOverHowManyPartitionsTheTablesAreSpread(t *testing.T) {
	t.Setenv("DATABASE_URL", pgtest.NewDatabase(t))
	data := "--data=" + t.TempDir()
	const spread = "spread over 4 partitions"
	for _, step := range []struct {
		args string
		says bool
	}{
		{"migrate status", false}, {"migrate up", false}, {"migrate partition --count 4", true}, {"migrate status", true},
	} {
		out, problem := run(t, "", append(strings.Fields(step.args), data)...)
		if problem != "" || strings.Contains(out, spread) != step.says {
			t.Errorf("parley %s: %q, %q", step.args, out, problem)
		}
	}
}

func TestAccountsAreMadeFromTheCommandLine(t *testing.T) {
	data := "--data=" + t.TempDir()
	if out, problem := run(t, "a long password\n", "user", "create", "Ada", "--owner", data); problem != "" || !strings.HasPrefix(out, "Ada has an account now") {
		t.Fatalf("%q, %q", out, problem)
	}
	if _, problem := run(t, "a long password\n", "user", "create", "ADA", data); problem != "This username is taken." {
		t.Errorf("a second ADA: %q", problem)
	}
	if _, problem := run(t, "short\n", "user", "passwd", "ada", data); problem != "A password has 8 to 256 characters." {
		t.Errorf("a short password: %q", problem)
	}
	if out, problem := run(t, "another password", "user", "passwd", "ada", data); problem != "" || !strings.Contains(out, "signed out everywhere") {
		t.Errorf("%q, %q", out, problem)
	}
	if _, problem := run(t, "another password", "user", "passwd", "nobody", data); problem == "" {
		t.Error("nobody got a password")
	}
	if out, problem := run(t, "", "token", "mint", "ada", "--ttl=5m", data); problem != "" || strings.Count(out, ".") != 2 {
		t.Errorf("%q, %q", out, problem)
	}
	if _, problem := run(t, "", "token", "mint", "ada", "--ttl=25h", data); !strings.Contains(problem, "24h") {
		t.Errorf("a token for 25 hours: %q", problem)
	}
	if out, problem := run(t, "", "user", "owner-link", data, "--public-url=https://chat.example.com/"); problem != "" || !strings.HasPrefix(out, "https://chat.example.com/#owner=") {
		t.Errorf("%q, %q", out, problem)
	}
}

func TestMigrationsGoBackAndForth(t *testing.T) {
	data := "--data=" + t.TempDir()
	for _, step := range []struct{ command, want string }{
		{"status", "pending"}, {"up", "applied"}, {"down", "pending"}, {"up", "applied"}, {"status", "applied"},
	} {
		out, problem := run(t, "", "migrate", step.command, data)
		if problem != "" || !strings.HasPrefix(lastLine(out), step.want) {
			t.Errorf("migrate %s: %q, %q", step.command, out, problem)
		}
	}
}

func TestSQLiteIsNotSpreadOverPartitions(t *testing.T) {
	data := "--data=" + t.TempDir()
	if out, problem := run(t, "", "migrate", "partition", data); out != "" || !strings.Contains(problem, "they are for PostgreSQL") {
		t.Errorf("%q, %q", out, problem)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func TestHealthSaysThatNobodyAnswers(t *testing.T) {
	if _, problem := run(t, "", "health", "--port=1"); !strings.Contains(problem, "the server does not answer") {
		t.Errorf("got %q", problem)
	}
}
