package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// lived is a folder with data that has been in use: every kind of row is in it.
type lived struct {
	dir   string
	group chat.Conversation
	ada   chat.UserID
	token []byte // of a login of hers
	page  []chat.Message
}

// once lived data is made for all tests, and kept.
var once struct {
	sync.Mutex
	lived
	file []byte
}

// livedIn is such a folder for one test.
func livedIn(t *testing.T) lived {
	t.Helper()
	once.Lock()
	defer once.Unlock()
	if once.file == nil {
		once.lived = live(t)
		text, err := os.ReadFile(filepath.Join(once.dir, "parley.db"))
		if err != nil {
			t.Fatal(err)
		}
		once.file = text
	}
	l := once.lived
	l.dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(l.dir, "parley.db"), once.file, 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

func live(t *testing.T) lived {
	t.Helper()
	l := lived{dir: t.TempDir(), token: []byte("of a login that goes on")}
	s, err := store.Open(t.Context(), store.Config{DataDir: l.dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Edits, tombstones, people who left, who came back and who are erased, read positions, logins, tokens.
	storetest.Storm{Stores: []*store.Store{s}, Conversations: 4, Writers: 4, Steps: 150, Seed: uint64(time.Now().UnixNano())}.Run(t)
	cs, ada := conversationsFor(t, s)
	_, bob := conversationsFor(t, s)
	l.group, l.ada = cs[0], ada
	at := time.Now().UTC().Truncate(time.Microsecond)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 130 {
		_, err := s.AppendMessages(t.Context(), []chat.Draft{draftFor(cs[0], ada, fmt.Sprintf("%d \u202e ä 😀\n\t\\N \\. \x7f", i)), draftFor(cs[1], ada, " ")})
		must(err)
	}
	direct, _, err := s.CreateConversation(t.Context(), chat.NewConversation{ID: newID[chat.ConversationID](), Type: chat.Direct, Creator: ada, Participants: []chat.UserID{ada, bob}})
	must(err)
	_, err = s.AppendMessages(t.Context(), []chat.Draft{draftFor(direct, bob, "to be hidden")})
	must(err)
	heard, _, err := s.Messages(t.Context(), chat.HistoryQuery{Conversation: direct.ID, Limit: 1})
	must(err)
	step := chat.Step{Conversation: direct.ID, User: ada, Message: heard[0].ID, Seq: 1, At: at}
	must(s.WriteSteps(t.Context(), []chat.Step{step}))
	must(s.BuryStep(t.Context(), step, "the reason"))
	must(s.AdvanceDelivered(t.Context(), []chat.DeliveredStep{{Conversation: direct.ID, User: ada, Seq: 1}}))
	_, err = s.HideConversation(t.Context(), direct.ID, ada)
	must(err)
	_, err = s.ReviseConversation(t.Context(), chat.Revision{Conversation: cs[2].ID, RosterRev: cs[2].RosterRev, End: true})
	must(err)
	email := "ada@example.com"
	_, err = s.UpdateMe(t.Context(), ada, chat.ProfileEdit{Email: &email}, false)
	must(err)
	login := auth.Login{ID: newID[chat.LoginID](), User: ada, CreatedAt: at, UserAgent: "a browser"}
	must(s.BeginLogin(t.Context(), login, auth.RefreshToken{Hash: l.token, IssuedAt: at, ExpiresAt: at.Add(time.Hour)}))
	must(s.PutOwnerLink(t.Context(), []byte{0, 1, 255}, at.Add(time.Hour)))
	_, err = s.AddAnnouncement(t.Context(), chat.Announcement{ID: newID[string](), Text: "Hear", Author: "operator"})
	must(err)
	_, _, err = s.Beat(t.Context(), store.Node{ID: "one", Process: newID[string](), Version: "test"})
	must(err)
	l.page, _, err = s.Messages(t.Context(), chat.HistoryQuery{Conversation: cs[0].ID, Limit: 50})
	must(err)
	for _, other := range []chat.UserID{bob, personFor(t, s)} {
		_, err = s.Befriend(t.Context(), ada, other, false)
		must(err)
	}
	_, err = s.Befriend(t.Context(), bob, ada, true)
	must(err)
	_, err = s.SetBlock(t.Context(), bob, personFor(t, s), true)
	must(err)
	must(s.Close())
	l.follow(t, ada, bob)
	return l
}

// follow notes that a person follows another's presence.
func (l lived) follow(t *testing.T, u, other chat.UserID) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(l.dir, "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{
		"INSERT INTO presence_subscriptions (subscriber_id, target_id, created_at) VALUES ($1, $2, 1764000000000000)",
		"UPDATE users SET presence_invisible = true, presence_rev = 7, last_seen_at = 1764000000000001 WHERE id = $1 AND id <> $2",
	} {
		if _, err := db.Exec(query, u, other); err != nil {
			t.Fatal(err)
		}
	}
}

// rowsOf are all rows of all tables but those that are not moved, as each database itself shows them.
func rowsOf(t *testing.T, driver, source string) map[string][]string {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := make(map[string][]string)
	for _, q := range rowQueries(t, db, driver == "pgx") {
		rows, err := db.Query(q.query)
		if err != nil {
			t.Fatalf("%s: %v", q.query, err)
		}
		out[q.table] = []string{}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			out[q.table] = append(out[q.table], line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(out[q.table])
	}
	return out
}

type rowQuery struct{ table, query string }

// rowQueries ask for one text a row: the columns in order of their names, times in microseconds.
func rowQueries(t *testing.T, db *sql.DB, postgres bool) []rowQuery {
	t.Helper()
	catalogue := `SELECT m.name, p.name, p.type FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY 1, 2`
	if postgres {
		catalogue = `SELECT c.relname, a.attname, format_type(a.atttypid, -1) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 ORDER BY 1, 2`
	}
	rows, err := db.Query(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns := make(map[string][]string)
	for rows.Next() {
		var table, column, kind string
		if err := rows.Scan(&table, &column, &kind); err != nil {
			t.Fatal(err)
		}
		as := "CAST(" + column + " AS text)"
		switch strings.ToLower(kind) {
		case "timestamp with time zone":
			as = "CAST(CAST(extract(epoch FROM " + column + ") * 1000000 AS bigint) AS text)"
		case "boolean":
			as = "CAST(CAST(" + column + " AS integer) AS text)"
		case "blob":
			as = "hex(" + column + ")"
		case "bytea":
			as = "upper(encode(" + column + ", 'hex'))"
		}
		columns[table] = append(columns[table], "'"+column+"=' || COALESCE("+as+", 'NULL')")
	}
	var out []rowQuery
	for table, parts := range columns {
		if table == "nodes" || table == "schema_info" || table == "goose_db_version" || strings.HasPrefix(table, "sqlite_") {
			continue
		}
		out = append(out, rowQuery{table, "SELECT " + strings.Join(parts, " || ' ' || ") + " FROM " + table})
	}
	return out
}

func (l lived) rows(t *testing.T) map[string][]string {
	t.Helper()
	return rowsOf(t, "sqlite", "file:"+filepath.Join(l.dir, "parley.db"))
}

// expectSame compares all rows of the folder with those of the target.
func (l lived) expectSame(t *testing.T, target string) {
	t.Helper()
	want, got := l.rows(t), rowsOf(t, "pgx", target)
	if len(want) < 9 {
		t.Errorf("only the tables %v are compared", want)
	}
	for table, rows := range want {
		if len(rows) == 0 {
			t.Errorf("the data to be moved has no row in %s", table)
		}
		if !slices.Equal(rows, got[table]) {
			t.Errorf("%s has %d rows in the source and %d in the target, or others:\n%.300q\n%.300q", table, len(rows), len(got[table]), rows, got[table])
		}
	}
}

// refused says that an error is a refusal with these words in it.
func refused(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if err == nil || chat.AsError(err).Code != chat.CodeConflict || !contains(err.Error(), words...) {
		t.Errorf("%s: %v", what, err)
	}
}

func opens(t *testing.T, cfg store.Config) error {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err == nil {
		err = s.Close()
	}
	return err
}

func TestAMoveTakesEveryRowAsItIs(t *testing.T) {
	for _, partitions := range []int{0, 4} {
		t.Run(fmt.Sprint(partitions, " partitions"), func(t *testing.T) {
			l, target := livedIn(t), pgtest.NewDatabase(t)
			if partitions > 0 {
				s := opened(t, store.Config{DatabaseURL: target})
				if err := errors.Join(s.Partition(t.Context(), partitions), s.Close()); err != nil {
					t.Fatal(err)
				}
			}
			before := l.rows(t)
			m := store.Move{From: l.dir, To: target}
			moved, err := m.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var total int64
			for table, rows := range l.rows(t) {
				total += int64(len(rows))
				if !slices.Equal(rows, before[table]) {
					t.Errorf("the source's %s has changed", table)
				}
			}
			if moved.Already || moved.Rows != total || moved.Tables < 9 {
				t.Errorf("%+v, want %d rows", moved, total)
			}
			l.expectSame(t, target)
			refused(t, "the folder afterwards", opens(t, store.Config{DataDir: l.dir}), "was moved to PostgreSQL at 127.0.0.1:", "set DATABASE_URL", "delete "+filepath.Join(l.dir, "moved.json"))
			refused(t, "beside it", opens(t, store.Config{DataDir: l.dir, Beside: true}), "was moved")
			if again, err := m.Run(t.Context()); err != nil || !again.Already {
				t.Errorf("the same move again: %+v, %v", again, err)
			}
			_, err = store.Move{From: l.dir, To: pgtest.NewDatabase(t)}.Run(t.Context())
			refused(t, "a move to another database", err, "was moved to PostgreSQL at")
			l.goesOn(t, target)
			if err := os.Remove(filepath.Join(l.dir, "moved.json")); err != nil {
				t.Fatal(err)
			}
			if err := opens(t, store.Config{DataDir: l.dir}); err != nil {
				t.Errorf("without its mark the folder is not opened: %v", err)
			}
		})
	}
}

// goesOn is what somebody notices who was signed in and had a place in the history: nothing.
func (l lived) goesOn(t *testing.T, target string) {
	t.Helper()
	s := opened(t, store.Config{DatabaseURL: target})
	last := l.page[len(l.page)-1]
	older, more, err := s.Messages(t.Context(), chat.HistoryQuery{Conversation: l.group.ID, CreatedAt: last.CreatedAt, ID: last.ID, Limit: 50})
	if err != nil || !more || len(older) != 50 || older[0].Seq != last.Seq-1 {
		t.Errorf("the page after a cursor of before: %d messages, %v", len(older), err)
	}
	changes, err := s.Changes(t.Context(), l.group.ID, l.page[9].Rev, 100)
	if err != nil || len(changes.Changes) != 9 || changes.Changes[0].Rev != l.page[8].Rev {
		t.Errorf("what changed past a rev of before: %+v, %v", changes, err)
	}
	at := time.Now()
	r, err := s.RotateRefresh(t.Context(), l.token, at, time.Second, func(auth.Login) auth.RefreshToken {
		return auth.RefreshToken{Hash: []byte("next"), IssuedAt: at, ExpiresAt: at.Add(time.Hour)}
	})
	if err != nil || r.Result != auth.Rotated || r.Login.User != l.ada {
		t.Errorf("a token of before: %+v, %v", r, err)
	}
	appended, err := s.AppendMessages(t.Context(), []chat.Draft{draftFor(l.group, l.ada, "goes on")})
	if err != nil || appended[0].Message.Seq != l.page[0].Seq+1 || appended[0].Message.Rev != l.page[0].Rev+1 {
		t.Errorf("the next message: %+v, %v", appended, err)
	}
	if findings, err := s.Check(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("the doctor says %v, %v", findings, err)
	}
}

// steps are the numbers of progress reports of a whole move of the data.
func (l lived) steps(t *testing.T) (n int) {
	t.Helper()
	m := store.Move{From: l.dir, To: pgtest.NewDatabase(t), Progress: func(store.MoveProgress) { n++ }}.InSmallBatches()
	if _, err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(l.dir, "moved.json")); err != nil {
		t.Fatal(err)
	}
	return n
}

// interrupt runs a move that is called off at its n-th step.
func (l lived) interrupt(t *testing.T, target string, n int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := store.Move{From: l.dir, To: target, Progress: func(store.MoveProgress) {
		if n--; n == 0 {
			cancel()
		}
	}}.InSmallBatches()
	if _, err := m.Run(ctx); err == nil {
		t.Fatal("it was called off, and says that it is done")
	}
}

func TestAMoveThatIsInterruptedGoesOnWhereItWas(t *testing.T) {
	l := livedIn(t)
	steps := l.steps(t)
	for n := 1; n <= steps; n += max(1, steps/5) {
		target := pgtest.NewDatabase(t)
		l.interrupt(t, target, n)
		refused(t, "the target of a move that was not finished", opens(t, store.Config{DatabaseURL: target}), "was not finished", "Run it again")
		if err := opens(t, store.Config{DataDir: l.dir}); err != nil {
			t.Fatalf("after step %d of %d the source is not served any more: %v", n, steps, err)
		}
		// Called off once more on the way.
		if n > 3 {
			l.interrupt(t, target, 3)
		}
		if _, err := (store.Move{From: l.dir, To: target}).Run(t.Context()); err != nil {
			t.Fatalf("after step %d of %d: %v", n, steps, err)
		}
		l.expectSame(t, target)
		if err := opens(t, store.Config{DatabaseURL: target}); err != nil {
			t.Error(err)
		}
		if err := os.Remove(filepath.Join(l.dir, "moved.json")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAMoveOfDataThatWasUsedInBetweenStartsOver(t *testing.T) {
	l, target := livedIn(t), pgtest.NewDatabase(t)
	l.interrupt(t, target, 30)
	s, err := store.Open(t.Context(), store.Config{DataDir: l.dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AppendMessages(t.Context(), []chat.Draft{draftFor(l.group, l.ada, "in between")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Move{From: l.dir, To: target}.Run(t.Context())
	refused(t, "a message more", err, "used in between", "--restart")
	m := store.Move{From: l.dir, To: target, Restart: true}
	if _, err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.expectSame(t, target)
}

func TestAMoveFindsEveryDifference(t *testing.T) {
	l, target := livedIn(t), pgtest.NewDatabase(t)
	db, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	id := newID[string]()
	for _, d := range []struct{ table, change, back string }{
		{"messages", "UPDATE messages SET content = content || '.' WHERE seq = 7", "UPDATE messages SET content = left(content, -1) WHERE seq = 7"},
		{"messages", "UPDATE messages SET created_at = created_at + interval '1 microsecond' WHERE seq = 1", "UPDATE messages SET created_at = created_at - interval '1 microsecond' WHERE seq = 1"},
		{"users", "UPDATE users SET email = NULL WHERE email = 'ada@example.com'", "UPDATE users SET email = 'ada@example.com' WHERE id = '" + string(l.ada) + "'"},
		{"users", "UPDATE users SET presence_rev = presence_rev - 1 WHERE presence_invisible", "UPDATE users SET presence_rev = presence_rev + 1 WHERE presence_invisible"},
		{"friendships", "UPDATE friendships SET requester_id = CASE WHEN requester_id = user_low THEN user_high ELSE user_low END", "UPDATE friendships SET requester_id = CASE WHEN requester_id = user_low THEN user_high ELSE user_low END"},
		{"blocks", "UPDATE blocks SET created_at = created_at + interval '1 microsecond'", "UPDATE blocks SET created_at = created_at - interval '1 microsecond'"},
		{"users", "UPDATE users SET is_owner = NOT is_owner", "UPDATE users SET is_owner = NOT is_owner"},
		{"conversation_participants", "UPDATE conversation_participants SET hidden_seq = hidden_seq + 1 WHERE hidden_seq >= 0", "UPDATE conversation_participants SET hidden_seq = hidden_seq - 1 WHERE hidden_seq >= 1"},
		{"refresh_tokens", "DELETE FROM refresh_tokens WHERE hash = 'of a login that goes on'", ""},
		{"owner_links", "UPDATE owner_links SET hash = '\\x00'", "UPDATE owner_links SET hash = '\\x0001ff'"},
		{"announcements", "INSERT INTO announcements VALUES ('" + id + "', 'one more', '', now())", "DELETE FROM announcements WHERE id = '" + id + "'"},
	} {
		changed := false
		_, err := store.Move{From: l.dir, To: target, Progress: func(p store.MoveProgress) {
			if p.Table == d.table && p.Verifying && !changed {
				changed = true
				if _, err := db.Exec(d.change); err != nil {
					t.Error(err)
				}
			}
		}}.Run(t.Context())
		refused(t, d.change, err, "not as the source", "in "+d.table+" ")
		if strings.Contains(err.Error(), "ada@") || strings.Contains(err.Error(), "login that") {
			t.Errorf("the error shows what people wrote: %v", err)
		}
		refused(t, "the target", opens(t, store.Config{DatabaseURL: target}), "was not finished")
		if err := opens(t, store.Config{DataDir: l.dir}); err != nil {
			t.Errorf("the source: %v", err)
		}
		if d.back == "" {
			continue
		}
		if _, err := db.Exec(d.back); err != nil {
			t.Fatal(err)
		}
	}
	// The token that is missing before the last one cannot be copied behind it; all of it can be copied anew.
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := (store.Move{From: l.dir, To: target, Restart: true}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.expectSame(t, target)
}

func TestAMoveThatCannotBeIsRefusedAndChangesNothing(t *testing.T) {
	l := livedIn(t)
	from := func(t *testing.T, query string) string {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "parley.db"), once.file, 0o600); err != nil {
			t.Fatal(err)
		}
		in := inside{raw: func() *sql.DB {
			db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "parley.db"))
			if err != nil {
				t.Fatal(err)
			}
			return db
		}()}
		in.exec(t, query)
		if err := in.raw.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	to := func(t *testing.T, query string) string {
		t.Helper()
		in := onPostgres(t)
		in.exec(t, query)
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		return in.cfg.DatabaseURL
	}
	inUse := onPostgres(t)
	user := "INSERT INTO users (id, username, username_key, display_name, display_key, created_at, updated_at) VALUES (gen_random_uuid(), 'a', 'a', 'a', 'a', now(), now())"
	for _, c := range []struct {
		name     string
		from, to func() string
		want     []string
	}{
		{"no folder", func() string { return filepath.Join(l.dir, "nowhere") }, nil, []string{"no database in", "no such file"}},
		{"an empty folder", func() string { return t.TempDir() }, nil, []string{"no database in"}},
		{"a schema of before", func() string { return from(t, "DELETE FROM goose_db_version WHERE version_id > 1") }, nil, []string{"sqlite", "parley migrate up --data"}},
		{"a schema of a newer program", func() string {
			return from(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
		}, nil, []string{"9999", "newer parley"}},
		{"broken data", func() string { return from(t, "UPDATE conversations SET last_rev = 1 WHERE last_seq > 0") }, nil, []string{"is broken", "at a rev past"}},
		{"a text that is none", func() string {
			return from(t, "UPDATE messages SET content = CAST(x'61ff62' AS text) WHERE seq = 3 AND deleted_at IS NULL")
		}, nil, []string{"content of a row of messages", "UTF-8"}},
		{"a text with a zero", func() string { return from(t, "UPDATE users SET display_name = 'a' || char(0) || 'b'") }, nil, []string{"display_name of a row of users", "UTF-8"}},
		{"a target with people", nil, func() string { return to(t, user) }, []string{"is not empty", "rows in users"}},
		{"a target with people and an older schema", nil, func() string { return to(t, user+"; DELETE FROM goose_db_version WHERE version_id > 1") }, []string{"postgres", "parley migrate up"}},
		{"a target of a newer program", nil, func() string {
			return to(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
		}, []string{"9999", "newer parley"}},
		{"a target that a server uses", nil, func() string { return inUse.cfg.DatabaseURL }, []string{"is in use (parley", "stop the servers"}},
	} {
		m := store.Move{From: l.dir}
		if c.from != nil {
			m.From = c.from()
		}
		if c.to == nil {
			m.To = pgtest.NewDatabase(t)
		} else {
			m.To = c.to()
		}
		before := rowsOf(t, "pgx", m.To)
		_, err := m.Run(t.Context())
		refused(t, c.name, err, c.want...)
		for table, rows := range rowsOf(t, "pgx", m.To) {
			if c.to != nil && !slices.Equal(rows, before[table]) {
				t.Errorf("%s: %s has changed", c.name, table)
			}
		}
		if _, err := os.Stat(filepath.Join(m.From, "moved.json")); err == nil {
			t.Errorf("%s: the source is marked as moved", c.name)
		}
	}
	for name, target := range map[string]string{"nobody there": "postgres://ada:hunter2@127.0.0.1:1/parley", "no URL": "postgres://ada:hunter2@[::1"} {
		if _, err := (store.Move{From: l.dir, To: target}).Run(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := opened(t, store.Config{DataDir: l.dir})
	if _, err := (store.Move{From: l.dir, To: pgtest.NewDatabase(t)}).Run(t.Context()); !errors.Is(err, store.ErrInUse) {
		t.Errorf("from a folder that a server uses: %v", err)
	}
	_ = s
}

func TestNobodyWritesIntoASourceOrMovesIntoATargetThatIsBeingMoved(t *testing.T) {
	l, target := livedIn(t), pgtest.NewDatabase(t)
	other := livedIn(t)
	asked := false
	_, err := store.Move{From: l.dir, To: target, Progress: func(store.MoveProgress) {
		if asked {
			return
		}
		asked = true
		_, err := store.Move{From: other.dir, To: target}.Run(t.Context())
		refused(t, "another move", err, "under way")
		refused(t, "a server on the target", opens(t, store.Config{DatabaseURL: target}), "was not finished")
		if err := opens(t, store.Config{DataDir: l.dir}); !errors.Is(err, store.ErrInUse) {
			t.Errorf("a server on the source: %v", err)
		}
		beside, err := store.Open(t.Context(), store.Config{DataDir: l.dir, Beside: true})
		if err != nil {
			t.Error(err)
			return
		}
		title := newID[string]()
		err = beside.CreateAccount(t.Context(), auth.Account{User: chat.User{ID: newID[chat.UserID](), Username: title, DisplayName: title, CreatedAt: time.Now()}, UsernameKey: title}, false)
		if chat.AsError(err).Code != chat.CodeDBTimeout {
			t.Errorf("a command beside it: %v", err)
		}
		if err := beside.Close(); err != nil {
			t.Error(err)
		}
	}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.expectSame(t, target)
}
