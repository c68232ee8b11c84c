package main

import (
	"bufio"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// asParley makes this test program the command itself, so that it can be killed.
const asParley = "PARLEY_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asParley) != "" {
		os.Unsetenv(asParley)
		main()
		return
	}
	os.Exit(m.Run())
}

// folder is a data folder with n messages in it.
func folder(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	ada := chat.UserID(id())
	if err := s.CreateAccount(t.Context(), auth.Account{User: chat.User{ID: ada, Username: "ada", DisplayName: "Ada", CreatedAt: time.Now()}, UsernameKey: "ada"}, false); err != nil {
		t.Fatal(err)
	}
	c, _, err := s.CreateConversation(t.Context(), chat.NewConversation{ID: chat.ConversationID(id()), Type: chat.Group, Creator: ada, Participants: []chat.UserID{ada}})
	if err != nil {
		t.Fatal(err)
	}
	for n > 0 {
		drafts := make([]chat.Draft, min(n, 500))
		for i := range drafts {
			drafts[i] = chat.Draft{ID: chat.MessageID(id()), Conversation: c.ID, Sender: ada, ClientMessageID: id(), Content: "x", ContentType: "text", RosterRev: c.RosterRev}
		}
		if _, err := s.AppendMessages(t.Context(), drafts); err != nil {
			t.Fatal(err)
		}
		n -= len(drafts)
	}
	return dir
}

// move starts the command in a process of its own.
func move(t *testing.T, args ...string) (cmd *exec.Cmd, lines *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self, append([]string{"move"}, args...)...)
	cmd.Env = append(os.Environ(), asParley+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func TestAMoveThatIsKilledAgainAndAgainGetsThereInTheEnd(t *testing.T) {
	dir, target := folder(t, 45_000), pgtest.NewDatabase(t)
	kills := 0
	for run := 0; ; run++ {
		cmd, lines := move(t, "--from", dir, "--to", target)
		var said []string
		// Each run gets a little further before it is killed; the moment within a step is up to the machine.
		for patience := rand.IntN(4) + run; lines.Scan(); patience-- {
			said = append(said, lines.Text())
			if patience == 0 && run < 12 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			if last := strings.Join(said, "\n"); !strings.Contains(last, "Moved ") && !strings.Contains(last, "was moved to") {
				t.Errorf("it ended well and said\n%s", last)
			}
			break
		}
		if cmd.ProcessState.Exited() {
			t.Fatalf("run %d failed by itself:\n%s", run, strings.Join(said, "\n"))
		}
		kills++
	}
	if kills == 0 {
		t.Error("it was never killed")
	}
	s, err := store.Open(t.Context(), store.Config{DatabaseURL: target})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if findings, err := s.Check(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("the doctor says %v, %v", findings, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "moved.json")); err != nil {
		t.Error(err)
	}
}

func TestMoveSaysWhatItDidAndWhatComesNext(t *testing.T) {
	dir, target := folder(t, 3), pgtest.NewDatabase(t)
	out, problem := run(t, "", "move", "--from", dir, "--to", target)
	for _, want := range []string{
		"copying   messages                   100 %  3 of 3 rows", "comparing messages                   100 %  3 of 3 rows",
		"Moved 6 rows of ", "Set DATABASE_URL", "--data " + dir, dir + "/signing.key",
	} {
		if problem != "" || !strings.Contains(out, want) {
			t.Fatalf("%q is missing in\n%s%s", want, out, problem)
		}
	}
	if out, problem := run(t, "", "move", "--data", dir, "--to", target); problem != "" || !strings.Contains(out, "there is nothing to do") {
		t.Errorf("again: %q, %q", out, problem)
	}
	for args, want := range map[string]string{
		"move --from " + dir:                                    "--to or in DATABASE_URL",
		"move --from " + dir + " --to mysql://db/parley":        "--to must be like postgres://",
		"move --to postgres://ada:hunter2@127.0.0.1:1/parley":   "There is no database in ./data",
		"serve --data " + dir:                                   "was moved to PostgreSQL at",
		"doctor --data " + dir:                                  "was moved to PostgreSQL at",
		"user create bob --data " + dir:                         "was moved to PostgreSQL at",
		"move --from " + dir + " --to " + pgtest.NewDatabase(t): "was moved to PostgreSQL at",
	} {
		if _, problem := run(t, "a long password\n", strings.Fields(args)...); !strings.Contains(problem, want) || strings.Contains(problem, "hunter2") {
			t.Errorf("parley %s: %q, want %q", args, problem, want)
		}
	}
}
