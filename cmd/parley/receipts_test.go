package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// graveyard is a store in use with steps that are laid aside, of which one cannot be written.
type graveyard struct {
	*store.Store
	dir    string
	people []chat.UserID
	at     chat.Message
}

func newGraveyard(t *testing.T) *graveyard {
	t.Helper()
	g := &graveyard{dir: t.TempDir()}
	var err error
	if g.Store, err = store.Open(t.Context(), store.Config{DataDir: g.dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(g.Migrate(t.Context()))
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	for _, name := range []string{"ada", "bert", "cyd", "dora"} {
		u := chat.UserID(id())
		must(g.CreateAccount(t.Context(), auth.Account{User: chat.User{ID: u, Username: name, DisplayName: name, CreatedAt: time.Now()}, UsernameKey: name}, false))
		g.people = append(g.people, u)
	}
	c, _, err := g.CreateConversation(t.Context(), chat.NewConversation{ID: chat.ConversationID(id()), Type: chat.Group, Creator: g.people[0], Participants: g.people})
	must(err)
	sent, err := g.AppendMessages(t.Context(), []chat.Draft{{ID: chat.MessageID(id()), Conversation: c.ID, Sender: g.people[0], ClientMessageID: id(), Content: "a secret", ContentType: "text", RosterRev: c.RosterRev}})
	must(err)
	g.at = sent[0].Message
	for _, u := range g.people[1:] {
		must(g.BuryStep(t.Context(), chat.Step{Conversation: c.ID, User: u, Message: g.at.ID, Seq: 1, At: time.Now(), Tries: 5}, "the disk was odd"))
	}
	return g
}

// forbid has the database refuse to move a person's position, until allow is called.
func (g *graveyard) forbid(t *testing.T, u chat.UserID) (allow func()) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(g.dir, "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	run := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run(fmt.Sprintf("CREATE TRIGGER forbidden BEFORE UPDATE ON conversation_participants WHEN new.user_id = '%s' BEGIN SELECT RAISE(ABORT, 'this one is forbidden'); END", u))
	return func() { run("DROP TRIGGER forbidden") }
}

func (g *graveyard) position(t *testing.T, u chat.UserID) int64 {
	t.Helper()
	states, err := g.ReadStates(t.Context(), g.at.Conversation, []chat.UserID{u})
	if err != nil {
		t.Fatal(err)
	}
	return states[u].LastReadSeq
}

func TestStepsThatWereLaidAsideAreListedAndWrittenBesideARunningServer(t *testing.T) {
	g := newGraveyard(t)
	allow := g.forbid(t, g.people[2])
	receipts := func(args string) (string, string) {
		t.Helper()
		out, problem := run(t, "", append([]string{"receipts", "--data=" + g.dir}, strings.Fields(args)...)...)
		for _, private := range []string{"ada", "bert", "cyd", "dora", "a secret"} {
			// As a word: an id may hold it by chance.
			if regexp.MustCompile(`\b` + private + `\b`).MatchString(out + problem) {
				t.Errorf("receipts %s shows %q:\n%s%s", args, private, out, problem)
			}
		}
		return out, problem
	}
	expect := func(args, problem string, want ...string) {
		t.Helper()
		out, said := receipts(args)
		if said != problem {
			t.Errorf("receipts %s: %q, want %q", args, said, problem)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("receipts %s does not say %q:\n%s", args, w, out)
			}
		}
	}
	expect("list", "", string(g.at.ID), string(g.people[1]), string(g.people[3]), ": the disk was odd\n", "3 steps of reading are laid aside. parley receipts replay")
	expect("list --limit 1", "", "3 steps of reading are laid aside; these are the first 1.")
	expect("list --limit 0", "--limit must be 1 to 100000")
	for range 2 {
		expect("replay", errSaid.Error(), "read by "+string(g.people[2]), "this one is forbidden", "1 cannot be written still and stay laid aside.")
		if bert, cyd, dora := g.position(t, g.people[1]), g.position(t, g.people[2]), g.position(t, g.people[3]); bert != 1 || cyd != 0 || dora != 1 {
			t.Errorf("they are at %d, %d and %d", bert, cyd, dora)
		}
	}
	expect("list", "", string(g.people[2]), "1 step of reading is laid aside.")
	allow()
	unknown := chat.Step{Conversation: g.at.Conversation, User: g.people[1], Message: chat.MessageID(uuid.NewString()), Seq: 7, At: time.Now(), Tries: 5}
	stranger := chat.Step{Conversation: g.at.Conversation, User: chat.UserID(uuid.NewString()), Message: g.at.ID, Seq: 1, At: time.Now(), Tries: 5}
	for _, step := range []chat.Step{unknown, stranger} {
		if err := g.BuryStep(t.Context(), step, "the disk was odd"); err != nil {
			t.Fatal(err)
		}
	}
	expect("replay", "", "message "+string(unknown.Message), "read by "+string(stranger.User), ": rests on nothing any more: ",
		"1 step of reading is written, 2 rest on nothing any more and are dropped, and nothing is laid aside any more.")
	if cyd := g.position(t, g.people[2]); cyd != 1 {
		t.Errorf("cyd is at %d", cyd)
	}
	expect("replay", "", "No step of reading is laid aside.")
	expect("list", "", "No step of reading is laid aside.")
}

func TestStepsThatWereLaidAsideAreLookedForInADatabaseThatIsThereAndNoneIsMade(t *testing.T) {
	refused := func(what, dir, want string) {
		t.Helper()
		for _, command := range []string{"list", "replay"} {
			out, problem := run(t, "", "receipts", command, "--data="+dir)
			if out != "" || !strings.Contains(problem, want) || !strings.Contains(problem, "\n  ") {
				t.Errorf("%s, %s: %q, %q; want %q and what to do", command, what, out, problem, want)
			}
		}
	}
	missing, empty, older := filepath.Join(t.TempDir(), "missing"), t.TempDir(), t.TempDir()
	refused("no folder", missing, "there is no database in the data folder "+missing)
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("the folder is made: %v", err)
	}
	refused("an empty folder", empty, "there is no database in the data folder "+empty)
	if files, err := os.ReadDir(empty); err != nil || len(files) > 0 {
		t.Errorf("in the folder are %v, %v", files, err)
	}
	for _, step := range []string{"up", "down"} {
		if _, problem := run(t, "", "migrate", step, "--data="+older); problem != "" {
			t.Fatal(problem)
		}
	}
	refused("a schema of the version before", older, "and this program needs")
	if out, problem := run(t, "", "migrate", "status", "--data="+older); problem != "" || !strings.Contains(out, "pending") {
		t.Errorf("it is migrated: %s%s", out, problem)
	}
	// The folder would be for the signing key, which this command does not need.
	t.Setenv("DATABASE_URL", pgtest.NewDatabase(t))
	refused("PostgreSQL without a schema", missing, "the database has no schema yet")
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("the folder is made: %v", err)
	}
}
