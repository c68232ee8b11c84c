package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
)

// recorder notes the statements that methods run, with their arguments.
type recorder struct {
	database
	mu   sync.Mutex
	step string
	seen []statement
}

type statement struct {
	step, query string
	args        []any
}

func (r *recorder) wrap(x session) session {
	x.run = recordingRunner{x.run, r}
	return x
}

func (r *recorder) reader() session { return r.wrap(r.database.reader()) }

func (r *recorder) snapshot(ctx context.Context, read func(session) error) error {
	return r.database.snapshot(ctx, func(x session) error { return read(r.wrap(x)) })
}

func (r *recorder) write(ctx context.Context, change func(session) error) error {
	return r.database.write(ctx, func(x session) error { return change(r.wrap(x)) })
}

func (r *recorder) note(query string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, statement{r.step, query, args})
}

type recordingRunner struct {
	runner
	r *recorder
}

func (x recordingRunner) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	x.r.note(query, args)
	return x.runner.QueryContext(ctx, query, args...)
}

func (x recordingRunner) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	x.r.note(query, args)
	return x.runner.ExecContext(ctx, query, args...)
}

// planned is a store full enough that a planner has a choice.
type planned struct {
	*Store
	r             *recorder
	raw           *sql.DB
	conversations []chat.Conversation
	people        []chat.UserID
	messages      []chat.Message // of the first conversation
	token         auth.RefreshToken
}

const (
	planPeople        = 450
	planConversations = 40
	planMessages      = 24_000
	// planQuiet are conversations that nobody says anything in.
	planQuiet = 2_000
)

// newPlanned fills a store, spread over partitions where there are to be some.
func newPlanned(t *testing.T, cfg Config, driver, source string, partitions int) *planned {
	t.Helper()
	p := bare(t, cfg, driver, source, partitions)
	p.fill(t)
	if _, err := p.raw.Exec("ANALYZE"); err != nil {
		t.Fatal(err)
	}
	p.db = p.r
	return p
}

// bare is an empty store that notes nothing yet.
func bare(t testing.TB, cfg Config, driver, source string, partitions int) *planned {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = raw.Close()
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if partitions > 0 {
		if err := s.Partition(t.Context(), partitions); err != nil {
			t.Fatal(err)
		}
	}
	return &planned{Store: s, raw: raw, r: &recorder{database: s.db}}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func errOf[T any](_ T, err error) error { return err }

func id[S ~string]() S { return S(uuid.Must(uuid.NewV7()).String()) }

func (p *planned) draft(i, sender int) chat.Draft {
	c := p.conversations[i]
	return chat.Draft{
		ID: id[chat.MessageID](), Conversation: c.ID, Sender: p.people[sender], ClientMessageID: uuid.NewString(),
		Content: "x", ContentType: "text", RosterRev: c.RosterRev,
	}
}

func (p *planned) fill(t *testing.T) {
	t.Helper()
	for i := range planPeople {
		u := id[chat.UserID]()
		a := auth.Account{User: chat.User{ID: u, Username: fmt.Sprint("name", i), DisplayName: fmt.Sprint("shown", i), CreatedAt: p.now()}, UsernameKey: fmt.Sprint("name", i)}
		if err := p.CreateAccount(t.Context(), a, false); err != nil {
			t.Fatal(err)
		}
		p.people = append(p.people, u)
		l := auth.Login{ID: id[chat.LoginID](), User: u, CreatedAt: p.now()}
		p.token = auth.RefreshToken{Hash: []byte(u), IssuedAt: p.now(), ExpiresAt: p.now().Add(time.Duration(i) * time.Hour)}
		if err := p.BeginLogin(t.Context(), l, p.token); err != nil {
			t.Fatal(err)
		}
	}
	for i := range planConversations {
		others := p.people[i*10+1 : i*10+31]
		c, _, err := p.CreateConversation(t.Context(), chat.NewConversation{
			ID: id[chat.ConversationID](), Type: chat.Group, Creator: p.people[0], Participants: append([]chat.UserID{p.people[0]}, others...),
		})
		if err != nil {
			t.Fatal(err)
		}
		p.conversations = append(p.conversations, c)
	}
	p.fillQuiet(t)
	p.fillRelations(t)
	defer p.fillReading(t)
	for i := 0; i < planMessages; i += 400 {
		drafts := make([]chat.Draft, 400)
		for k := range drafts {
			drafts[k] = p.draft((i+k)%planConversations, (i+k)/planConversations%5)
		}
		appended := must[[]chat.Appended](t)(p.AppendMessages(t.Context(), drafts))
		for k, a := range appended {
			if a.Message.Conversation != p.conversations[0].ID {
				continue
			}
			p.messages = append(p.messages, a.Message)
			if k%200 == 0 {
				if _, _, err := p.DeleteMessage(t.Context(), chat.Deletion{Conversation: a.Message.Conversation, Message: a.Message.ID, RosterRev: 1}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// fillReading has everybody read the first conversation in steps.
func (p *planned) fillReading(t *testing.T) {
	t.Helper()
	for i := 0; i < len(p.messages); i += 3 {
		var steps []chat.Step
		for _, u := range p.people[:31] {
			m := p.messages[i]
			steps = append(steps, chat.Step{Conversation: m.Conversation, User: u, Message: m.ID, Seq: m.Seq, At: m.CreatedAt})
		}
		if err := p.WriteSteps(t.Context(), steps); err != nil {
			t.Fatal(err)
		}
	}
}

// reading is what all people of the first conversation read last, what they were delivered, and what may be counted.
func (p *planned) reading(t *testing.T) (steps []chat.Step, delivered []chat.DeliveredStep, counted []chat.Counted) {
	t.Helper()
	last := p.messages[len(p.messages)-1]
	for _, u := range p.people[:31] {
		steps = append(steps, chat.Step{Conversation: last.Conversation, User: u, Message: last.ID, Seq: last.Seq, At: p.now()})
		delivered = append(delivered, chat.DeliveredStep{Conversation: last.Conversation, User: u, Seq: last.Seq})
	}
	for _, m := range p.messages[:50] {
		counted = append(counted, chat.Counted{Message: m.ID, Seq: m.Seq, Sender: m.Sender})
	}
	return steps, delivered, counted
}

// fillRelations has everybody know and block some of the others, and follow them.
func (p *planned) fillRelations(t *testing.T) {
	t.Helper()
	err := p.db.write(t.Context(), func(x session) error {
		for i, u := range p.people {
			for k := range 20 {
				other := p.people[(i+1+k)%planPeople]
				low, high := pair(u, other)
				since := p.moment(p.now().Add(time.Duration(k) * time.Minute))
				accepted := any(since)
				if k == 0 {
					accepted = nil
				}
				for _, row := range []struct {
					into string
					args []any
				}{
					{"friendships (user_low, user_high, requester_id, created_at, accepted_at) VALUES ($1, $2, $3, $4, $5)", []any{string(low), string(high), string(u), since, accepted}},
					{"blocks (blocker_id, blocked_id, created_at) VALUES ($1, $2, $3)", []any{string(other), string(u), since}},
					{"presence_subscriptions (subscriber_id, target_id, created_at) VALUES ($1, $2, $3)", []any{string(u), string(other), since}},
				} {
					if _, err := x.exec(t.Context(), "INSERT INTO "+row.into, row.args...); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *planned) fillQuiet(t *testing.T) {
	t.Helper()
	err := p.db.write(t.Context(), func(x session) error {
		for i := range planQuiet {
			at, c := p.moment(p.now()), id[string]()
			if _, err := x.exec(t.Context(), "INSERT INTO conversations (id, type, created_at, updated_at) VALUES ($1, 'group', $2, $2)", c, at); err != nil {
				return err
			}
			_, err := x.exec(t.Context(), "INSERT INTO conversation_participants (conversation_id, user_id, role, rev, joined_at) VALUES ($1, $2, 'member', 1, $3)",
				c, string(p.people[i%planPeople]), at)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// walk runs every method that reads or changes something; onPath says whether sends and reads of messages
// wait for it.
func (p *planned) walk(t *testing.T) (onPath map[string]bool) {
	t.Helper()
	ctx, c, m := t.Context(), p.conversations[0].ID, p.messages[len(p.messages)/2]
	ada, last := p.people[0], p.messages[len(p.messages)-1]
	position := chat.HistoryQuery{Conversation: c, CreatedAt: m.CreatedAt, ID: m.ID, Limit: 50}
	onPath = map[string]bool{}
	step := func(name string, path bool, run func() error) {
		t.Helper()
		p.r.step, onPath[name] = name, path
		if err := run(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	page := func(q chat.HistoryQuery) func() error {
		return func() error { _, _, err := p.Messages(ctx, q); return err }
	}
	step("append exactly", true, func() error {
		twice := p.draft(0, 0)
		_, err := p.AppendMessages(ctx, []chat.Draft{twice, twice, p.draft(1, 0)})
		return err
	})
	step("explain a refusal", true, func() error {
		d := p.draft(0, 0)
		d.RosterRev = 99
		_, err := p.AppendMessages(ctx, []chat.Draft{d})
		return err
	})
	step("message", true, func() error { _, err := p.Message(ctx, c, m.ID); return err })
	step("message by client id", true, func() error { _, err := p.MessageByClientID(ctx, c, m.Sender, m.ClientMessageID); return err })
	step("newest page", true, page(chat.HistoryQuery{Conversation: c, Limit: 50}))
	step("oldest page", true, page(chat.HistoryQuery{Conversation: c, Newer: true, Limit: 50}))
	step("older page", true, page(position))
	position.Newer = true
	step("newer page", true, page(position))
	step("changes", true, func() error { _, err := p.Changes(ctx, c, 1, 50); return err })
	step("all changes", false, func() error { _, err := p.Changes(ctx, c, 0, 10); return err })
	step("heads", true, func() error { _, err := p.Heads(ctx, []chat.ConversationID{c, p.conversations[1].ID}); return err })
	step("interests", true, func() error { _, err := p.Interests(ctx, p.people[20:23]); return err })
	step("edit", true, func() error {
		_, err := p.EditMessage(ctx, chat.Edit{Conversation: c, Message: last.ID, Content: "y", RosterRev: 1})
		return err
	})
	step("delete", true, func() error {
		_, _, err := p.DeleteMessage(ctx, chat.Deletion{Conversation: c, Message: last.ID, RosterRev: 1})
		return err
	})
	step("roster", true, func() error { _, err := p.Roster(ctx, c); return err })
	step("read", true, func() error { _, _, err := p.AdvanceRead(ctx, c, ada, m.ID, false); return err })
	step("unread", true, func() error { _, err := p.ReadStates(ctx, c, p.people[:30]); return err })
	steps, delivered, counted := p.reading(t)
	step("steps of many", false, func() error { return p.WriteSteps(ctx, steps) })
	step("delivered to many", false, func() error { return p.AdvanceDelivered(ctx, delivered) })
	step("read positions", false, func() error { _, err := p.ReadPositions(ctx, c); return err })
	step("read counts", false, func() error { _, err := p.ReadCounts(ctx, c, counted); return err })
	step("readers", false, func() error { _, _, err := p.Readers(ctx, c, m.ID, chat.ReaderCursor{}, 20); return err })
	step("more readers", false, func() error {
		_, _, err := p.Readers(ctx, c, m.ID, chat.ReaderCursor{ReadAt: p.now(), User: ada}, 20)
		return err
	})
	step("who lets others know", false, func() error { _, err := p.ShowReading(ctx, c, p.people[:30]); return err })
	step("shown positions", false, func() error { _, err := p.ShownPositions(ctx, []chat.ConversationID{c}); return err })
	step("unread after", false, func() error { _, _, err := p.UnreadAfter(ctx, c, []int64{1, 2}); return err })
	step("message seqs", false, func() error { _, err := p.MessageSeqs(ctx, c, []chat.MessageID{m.ID}); return err })
	step("newest messages", false, func() error { _, err := p.NewestMessages(ctx, c, 50); return err })
	step("bury", false, func() error { return p.BuryStep(ctx, steps[0], "x") })
	step("buried", false, func() error { _, _, err := p.BuriedSteps(ctx, chat.Buried{}, 20); return err })
	step("more buried", false, func() error {
		_, _, err := p.BuriedSteps(ctx, chat.Buried{Step: steps[0], Since: p.now()}, 20)
		return err
	})
	step("exhume", false, func() error { return p.ExhumeSteps(ctx, steps[:3]) })
	step("receipts off and on", false, func() error {
		for _, on := range []bool{false, true} {
			if _, err := p.UpdateMe(ctx, p.people[21], chat.ProfileEdit{ReadReceiptsEnabled: &on}, false); err != nil {
				return err
			}
		}
		return nil
	})
	step("invisible and visible", false, func() error {
		for _, invisible := range []bool{true, false} {
			if _, err := p.UpdateMe(ctx, p.people[22], chat.ProfileEdit{PresenceInvisible: &invisible}, true); err != nil {
				return err
			}
		}
		return nil
	})
	open := map[chat.UserID][]chat.ConversationID{p.people[20]: {c}, p.people[21]: nil, p.people[22]: nil}
	step("watching", false, func() error { _, err := p.Watching(ctx, open, 5_000); return err })
	step("relations", false, func() error { _, err := p.Relations(ctx, p.people[20], p.people[:30]); return err })
	step("privacies", false, func() error { _, err := p.Privacies(ctx, p.people[:30]); return err })
	step("seen last", false, func() error {
		_, err := p.SawLast(ctx, map[chat.UserID]time.Time{p.people[20]: p.now(), p.people[21]: p.now()})
		return err
	})
	step("follow", false, func() error { return p.FollowPresence(ctx, p.people[20], p.people[:30]) })
	step("followed", false, func() error { _, err := p.FollowedPresence(ctx, p.people[20]); return err })
	step("unfollow", false, func() error { return p.UnfollowPresence(ctx, p.people[20], p.people[:10]) })
	step("conversation", false, func() error { _, err := p.Conversation(ctx, c, ada); return err })
	step("conversations", false, func() error {
		_, _, err := p.Conversations(ctx, chat.ListQuery{Viewer: p.people[20], Limit: 20})
		return err
	})
	step("conversation ids", false, func() error { _, err := p.ConversationIDs(ctx, p.people[20]); return err })
	step("participants", false, func() error { _, _, err := p.Participants(ctx, c, chat.ParticipantCursor{}, 20); return err })
	step("users", false, func() error { _, err := p.Users(ctx, p.people[:3]); return err })
	step("search", false, func() error { _, err := p.SearchUsers(ctx, ada, "shown39", 20); return err })
	step("account by name", false, func() error { _, err := p.AccountByName(ctx, "name7"); return err })
	step("rotate", false, func() error {
		_, err := p.RotateRefresh(ctx, p.token.Hash, p.now(), time.Second, func(auth.Login) auth.RefreshToken {
			return auth.RefreshToken{Hash: []byte("next"), IssuedAt: p.now(), ExpiresAt: p.now().Add(time.Hour)}
		})
		return err
	})
	step("end logins", false, func() error { _, err := p.EndLogins(ctx, p.people[3], p.now()); return err })
	step("ended logins", false, func() error { _, err := p.EndedLogins(ctx, p.now()); return err })
	step("prune", false, func() error { return p.PruneLogins(ctx, p.now().Add(-time.Hour)) })
	step("beat", false, func() error { _, _, err := p.Beat(ctx, Node{ID: "a", Process: id[string]()}); return err })
	step("nodes", false, func() error { _, err := p.Nodes(ctx); return err })
	step("leave", false, func() error { return p.Leave(ctx, Node{ID: "a", Process: id[string]()}) })
	step("announce", false, func() error {
		_, err := p.AddAnnouncement(ctx, chat.Announcement{ID: id[string](), Text: "x"})
		return err
	})
	step("announcements", false, func() error { _, err := p.RecentAnnouncements(ctx, time.Minute); return err })
	after := chat.PersonCursor{Since: p.now(), User: ada}
	step("friends", false, func() error { _, _, err := p.Friends(ctx, p.people[99], chat.PersonCursor{}, 20); return err })
	step("more friends", false, func() error { _, _, err := p.Friends(ctx, p.people[99], after, 20); return err })
	step("blocks", false, func() error { _, _, err := p.Blocks(ctx, p.people[99], chat.PersonCursor{}, 20); return err })
	step("more blocks", false, func() error { _, _, err := p.Blocks(ctx, p.people[99], after, 20); return err })
	step("standing", false, func() error { _, err := p.Standing(ctx, p.people[100], p.people[101]); return err })
	step("befriend", false, func() error {
		return errors.Join(errOf(p.Befriend(ctx, p.people[200], p.people[250], false)),
			errOf(p.Befriend(ctx, p.people[250], p.people[200], true)), errOf(p.Unfriend(ctx, p.people[200], p.people[250])))
	})
	step("block", false, func() error {
		return errors.Join(errOf(p.SetBlock(ctx, p.people[200], p.people[250], true)), errOf(p.SetBlock(ctx, p.people[200], p.people[250], false)))
	})
	step("erase", false, func() error { _, err := p.EraseUser(ctx, p.people[5], true); return err })
	return onPath
}

// explain is the plan of a statement, a line a step.
func (p *planned) plan(t *testing.T, st statement) string {
	t.Helper()
	words := "EXPLAIN "
	if p.kind == "sqlite" {
		words = "EXPLAIN QUERY PLAN "
	}
	rows, err := p.raw.Query(words+st.query, st.args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", st.step, err, st.query)
	}
	defer rows.Close()
	var out strings.Builder
	for rows.Next() {
		var a, b, c any
		var line string
		dest := []any{&line}
		if p.kind == "sqlite" {
			dest = []any{&a, &b, &c, &line}
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		out.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// slow are the steps of a plan that grow with a table: reading all of it, or sorting what was read.
var slow = map[string]*regexp.Regexp{
	"postgres": regexp.MustCompile(`Seq Scan on|Sort\b`),
	// Scanning the list given as an argument, or a subquery, is not scanning a table.
	"sqlite": regexp.MustCompile(`SCAN (messages|conversations|conversation_participants|users|friendships|blocks|presence_subscriptions|[mcnpud])\b|TEMP B-TREE`),
}

// withoutOwnSort is the plan of a statement that sorts the people whom it was asked about, by their positions, without that.
func (st statement) withoutOwnSort(plan string) string {
	if st.step != "unread" {
		return plan
	}
	return regexp.MustCompile(`Sort\b|TEMP B-TREE`).ReplaceAllString(plan, "")
}

// leanStatements are those that do not go through a session. The only thing they sort is the batch's
// conversations, for the order of their locks.
func (p *planned) leanStatements() []statement {
	if p.kind == "sqlite" {
		return []statement{{"append leanly", leanSQLiteMove, []any{string(p.conversations[0].ID), 1, 2, p.now().UnixMicro()}}}
	}
	one, _ := newBatch([]chat.Draft{p.draft(0, 0)}, p.now())
	many, _ := newBatch([]chat.Draft{p.draft(0, 0), p.draft(1, 1), p.draft(2, 2), p.draft(0, 0)}, p.now())
	d := one.drafts[0]
	return []statement{
		{"append one leanly", leanPostgresOne, []any{uuidOf(d.Conversation), d.RosterRev, one.now, uuidOf(d.ID), uuidOf(d.Sender), d.Content, d.ContentType, d.ClientMessageID}},
		{"append many leanly", leanPostgres, many.arrays()},
	}
}

func TestEveryIndexIsUsedAndNothingOnTheMessagePathScansOrSorts(t *testing.T) {
	dir := t.TempDir()
	url := pgtest.NewDatabase(t)
	for _, db := range []struct {
		cfg            Config
		driver, source string
	}{
		{Config{DataDir: dir}, "sqlite", "file:" + dir + "/parley.db?_pragma=busy_timeout(5000)"},
		{Config{DatabaseURL: url}, "pgx", url},
	} {
		p := newPlanned(t, db.cfg, db.driver, db.source, 0)
		t.Run(p.kind, func(t *testing.T) {
			onPath := p.walk(t)
			used := map[string]bool{}
			for _, st := range append(p.r.seen, p.leanStatements()...) {
				if strings.HasPrefix(st.query, "PRAGMA") {
					continue
				}
				plan := p.plan(t, st)
				for _, name := range regexp.MustCompile(`idx_\w+`).FindAllString(plan, -1) {
					used[name] = true
				}
				lean := strings.HasPrefix(st.step, "append") && strings.Contains(st.step, "leanly")
				bad := slow[p.kind].FindString(st.withoutOwnSort(plan))
				if (onPath[st.step] || lean) && bad != "" && !(lean && strings.HasPrefix(bad, "Sort")) {
					t.Errorf("%s: %s\n%s\n%s", st.step, bad, st.query, plan)
				}
			}
			for _, index := range p.indexes(t) {
				if !used[index] {
					t.Errorf("no statement uses %s", index)
				}
			}
		})
	}
}

// indexes are the ones that the migrations made by name.
func (p *planned) indexes(t *testing.T) []string {
	t.Helper()
	query := "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE 'idx_%'"
	if p.kind == "postgres" {
		query = "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'idx_%'"
	}
	names, err := ids[string](t.Context(), session{run: p.raw, patience: patience}, query)
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	return slices.Sorted(slices.Values(names))
}
