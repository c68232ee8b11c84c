package store

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
)

// crowded is a store with one conversation that is as large as conversations get, and the statements that it runs.
type crowded struct {
	*planned
	c        chat.Conversation
	messages []chat.Message
}

const crowd = 1_000

// eachCrowded runs a test on a crowded store of each kind.
func eachCrowded(t *testing.T, test func(*testing.T, crowded)) {
	dir, url := t.TempDir(), pgtest.NewDatabase(t)
	for _, db := range []struct {
		cfg            Config
		driver, source string
	}{
		{Config{DataDir: dir}, "sqlite", "file:" + filepath.Join(dir, "parley.db") + "?_pragma=busy_timeout(5000)"},
		{Config{DatabaseURL: url}, "pgx", url},
	} {
		p := bare(t, db.cfg, db.driver, db.source, 0)
		t.Run(p.kind, func(t *testing.T) { test(t, gather(t, p)) })
	}
}

// gather fills a store with a conversation of a crowd with messages in it, and with people elsewhere.
func gather(t *testing.T, p *planned) crowded {
	t.Helper()
	for i := range crowd {
		u := id[chat.UserID]()
		name := fmt.Sprint("name", i)
		if err := p.CreateAccount(t.Context(), auth.Account{User: chat.User{ID: u, Username: name, DisplayName: name, CreatedAt: p.now()}, UsernameKey: name}, false); err != nil {
			t.Fatal(err)
		}
		p.people = append(p.people, u)
	}
	c, _, err := p.CreateConversation(t.Context(), chat.NewConversation{ID: id[chat.ConversationID](), Type: chat.Group, Creator: p.people[0], Participants: p.people})
	if err != nil {
		t.Fatal(err)
	}
	p.conversations = []chat.Conversation{c}
	p.fillQuiet(t)
	x := crowded{planned: p, c: c}
	drafts := make([]chat.Draft, 400)
	for i := range drafts {
		drafts[i] = p.draft(0, 0)
	}
	for _, a := range must[[]chat.Appended](t)(p.AppendMessages(t.Context(), drafts)) {
		x.messages = append(x.messages, a.Message)
	}
	if _, err := p.raw.Exec("ANALYZE"); err != nil {
		t.Fatal(err)
	}
	p.db = p.r
	return x
}

// stepsTo are the first n people's steps to a message.
func (x crowded) stepsTo(i, n int, at time.Time) []chat.Step {
	m := x.messages[i]
	steps := make([]chat.Step, n)
	for k := range steps {
		steps[k] = chat.Step{Conversation: m.Conversation, User: x.people[len(x.people)-1-k], Message: m.ID, Seq: m.Seq, At: at}
	}
	return steps
}

// during are the statements that work runs.
func (x crowded) during(t *testing.T, work func() error) []statement {
	t.Helper()
	x.r.seen = nil
	if err := work(); err != nil {
		t.Fatal(err)
	}
	return x.r.seen
}

func TestManyStepsAreAsManyStatementsAsOne(t *testing.T) {
	eachCrowded(t, func(t *testing.T, x crowded) {
		ctx := t.Context()
		most := map[string]int{"sqlite": 3, "postgres": 4}[x.kind]
		for i, n := range []int{1, 10, crowd - 1} {
			steps := x.stepsTo(i, n, x.now())
			begun := time.Now()
			written := x.during(t, func() error { return x.WriteSteps(ctx, steps) })
			t.Logf("%d steps are %d statements in %v", n, len(written), time.Since(begun))
			if len(written) != most {
				t.Errorf("%d steps are %d statements, not %d", n, len(written), most)
			}
			begun = time.Now()
			again := x.during(t, func() error { return x.WriteSteps(ctx, steps) })
			t.Logf("again they are %d in %v", len(again), time.Since(begun))
			if len(again) != most-2 {
				t.Errorf("%d steps that say nothing new are %d statements, not %d", n, len(again), most-2)
			}
			delivered := make([]chat.DeliveredStep, n)
			for k, st := range steps {
				delivered[k] = chat.DeliveredStep{Conversation: st.Conversation, User: st.User, Seq: st.Seq}
			}
			if told := x.during(t, func() error { return x.AdvanceDelivered(ctx, delivered) }); len(told) != most-2 {
				t.Errorf("%d deliveries are %d statements", n, len(told))
			}
		}
	})
}

// visibilities are what the first n people ask to be.
func (x crowded) visibilities(n int, invisible bool) []chat.Visibility {
	asked := make([]chat.Visibility, n)
	for i := range asked {
		asked[i] = chat.Visibility{User: x.people[i], Invisible: invisible, There: true}
	}
	return asked
}

func TestManyVisibilitiesAreAsManyStatementsAsOne(t *testing.T) {
	eachCrowded(t, func(t *testing.T, x crowded) {
		locks := map[string]int{"sqlite": 0, "postgres": 1}[x.kind]
		for _, n := range []int{1, 100, crowd} {
			for _, to := range []struct {
				invisible  bool
				statements int
			}{{true, 3 + locks}, {true, 1}, {false, 3 + locks}, {false, 1}} {
				begun := time.Now()
				seen := x.during(t, func() error {
					_, err := x.SetVisibility(t.Context(), x.visibilities(n, to.invisible))
					return err
				})
				t.Logf("%d people: %d statements in %v", n, len(seen), time.Since(begun))
				if len(seen) != to.statements {
					t.Errorf("%d people are %d statements, not %d", n, len(seen), to.statements)
				}
			}
		}
	})
}

func TestWhoHasReadWhatIsFoundByIndexes(t *testing.T) {
	scans := map[string]*regexp.Regexp{
		"postgres": regexp.MustCompile(`Seq Scan on (?:messages|read_receipts)`),
		"sqlite":   regexp.MustCompile(`SCAN (?:messages|read_receipts|conversation_participants|users|[mrspu])\b`),
	}
	eachCrowded(t, func(t *testing.T, x crowded) {
		ctx, m := t.Context(), x.messages[7]
		for i := range 40 {
			if err := x.WriteSteps(ctx, x.stepsTo(i, crowd-1, m.CreatedAt.Add(time.Duration(i)*time.Second))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := x.raw.Exec("ANALYZE"); err != nil {
			t.Fatal(err)
		}
		counted := make([]chat.Counted, 100)
		for i := range counted {
			counted[i] = chat.Counted{Message: x.messages[i].ID, Seq: x.messages[i].Seq, Sender: x.messages[i].Sender}
		}
		for name, work := range map[string]func() error{
			"readers": func() error { _, _, err := x.Readers(ctx, x.c.ID, m.ID, chat.ReaderCursor{}, 50); return err },
			"more readers": func() error {
				_, _, err := x.Readers(ctx, x.c.ID, m.ID, chat.ReaderCursor{ReadAt: m.CreatedAt, User: x.people[0]}, 50)
				return err
			},
			"counts": func() error { _, err := x.ReadCounts(ctx, x.c.ID, counted); return err },
			"positions": func() error {
				positions, err := x.ReadPositions(ctx, x.c.ID)
				if len(positions) != crowd {
					t.Errorf("%d have a position", len(positions))
				}
				return err
			},
			"steps": func() error { return x.WriteSteps(ctx, x.stepsTo(60, 50, x.now())) },
			"visibilities": func() error {
				_, err := x.SetVisibility(ctx, x.visibilities(50, true))
				if err == nil {
					_, err = x.SetVisibility(ctx, x.visibilities(50, false))
				}
				return err
			},
		} {
			begun := time.Now()
			seen := x.during(t, work)
			t.Logf("%s of %d people take %v", name, crowd, time.Since(begun))
			for _, st := range seen {
				plan := x.plan(t, st)
				if bad := scans[x.kind].FindString(plan); bad != "" {
					t.Errorf("%s: %s\n%s\n%s", name, bad, st.query, plan)
				}
				for _, index := range []string{"idx_read_receipts_steps", "idx_messages_own"} {
					if (name == "counts" || strings.HasPrefix(st.query, "WITH f")) && !strings.Contains(plan, index) {
						t.Errorf("%s: %s is not used\n%s", name, index, plan)
					}
				}
			}
		}
	})
}
