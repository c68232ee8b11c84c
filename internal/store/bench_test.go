package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

const (
	batchConversations = 20
	// content is what a person typically writes: 100 bytes.
	contentSize = 100
)

// BenchmarkAppend compares what AppendMessages does with a batch with the bare insert of as many rows into the
// same table, turn and turn about, and prints the rates and their ratio (goals: P1 and P7 want 0.75 and 0.7
// of the whole path; P2 wants one message alone in 1.5 times its bare insert, a ratio of 0.67).
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint("sqlite/batch of ", size), func(b *testing.B) {
			// Two files, because a connection drops its cache when another one writes.
			probe := b.TempDir()
			opened(b, store.Config{DataDir: probe})
			compare(b, openSQLite(b), size, bareSQLite(b, probe+"/parley.db"))
		})
		b.Run(fmt.Sprint("postgres/batch of ", size), func(b *testing.B) {
			url := pgtest.NewDatabase(b)
			s := opened(b, store.Config{DatabaseURL: url})
			compare(b, s, size, barePostgres(b, url))
		})
	}
}

// compare runs both in turns of a batch each, so that whatever else the machine does hits both alike.
func compare(b *testing.B, s *store.Store, size int, bare func(rows []chat.Message)) {
	ctx := context.Background()
	cs, sender := conversationsFor(b, s)
	probes, seq := make([]chat.ConversationID, batchConversations), int64(0)
	for i := range probes {
		probes[i] = newID[chat.ConversationID]()
	}
	var tBare, tAppend time.Duration
	for b.Loop() {
		rows := make([]chat.Message, size)
		drafts := make([]chat.Draft, size)
		for i := range rows {
			seq++
			rows[i] = chat.Message{
				ID: newID[chat.MessageID](), Conversation: probes[i%len(probes)], Sender: sender, Seq: seq, Rev: seq + 1,
				Content: strings.Repeat("x", contentSize), ContentType: "text", ClientMessageID: uuid.NewString(), CreatedAt: time.Now(),
			}
			c := cs[i%len(cs)]
			drafts[i] = chat.Draft{
				ID: newID[chat.MessageID](), Conversation: c.ID, Sender: sender, ClientMessageID: uuid.NewString(),
				Content: rows[i].Content, ContentType: "text", RosterRev: c.RosterRev,
			}
		}
		start := time.Now()
		bare(rows)
		middle := time.Now()
		appended, err := s.AppendMessages(ctx, drafts)
		end := time.Now()
		if err != nil || appended[0].Err != nil {
			b.Fatal(err, appended)
		}
		tBare, tAppend = tBare+middle.Sub(start), tAppend+end.Sub(middle)
	}
	n := float64(b.N * size)
	b.ReportMetric(n/tBare.Seconds(), "bare-rows/s")
	b.ReportMetric(n/tAppend.Seconds(), "append-rows/s")
	b.ReportMetric(tBare.Seconds()/tAppend.Seconds(), "ratio")
}

// BenchmarkSnapshot measures what a subscribe and a look at the list cost on SQLite.
func BenchmarkSnapshot(b *testing.B) {
	s := openSQLite(b)
	cs, person := conversationsFor(b, s)
	for range 20 {
		if _, err := s.AppendMessages(b.Context(), []chat.Draft{draftFor(cs[0], person, "hello")}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("changes", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Changes(b.Context(), cs[0].ID, 1, 100); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.Conversations(b.Context(), chat.ListQuery{Viewer: person, Limit: 20}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func newID[S ~string]() S { return S(uuid.Must(uuid.NewV7()).String()) }

func conversationsFor(tb testing.TB, s *store.Store) ([]chat.Conversation, chat.UserID) {
	tb.Helper()
	id := personFor(tb, s)
	var cs []chat.Conversation
	for range batchConversations {
		c, _, err := s.CreateConversation(context.Background(), chat.NewConversation{
			ID: newID[chat.ConversationID](), Type: chat.Group, Creator: id, Participants: []chat.UserID{id},
		})
		if err != nil {
			tb.Fatal(err)
		}
		cs = append(cs, c)
	}
	return cs, id
}

func personFor(tb testing.TB, s *store.Store) chat.UserID {
	tb.Helper()
	id := newID[chat.UserID]()
	a := auth.Account{User: chat.User{ID: id, Username: string(id), DisplayName: "x", CreatedAt: time.Now()}, UsernameKey: string(id)}
	if err := s.CreateAccount(context.Background(), a, false); err != nil {
		tb.Fatal(err)
	}
	return id
}

// barePostgres inserts with one unnest and nothing else.
func barePostgres(b *testing.B, url string) func([]chat.Message) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(ctx) })
	const insert = `INSERT INTO messages (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
SELECT id, conversation_id, sender_id, seq, rev, content, 'text', client_id, at, at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::timestamptz[])
AS r (id, conversation_id, sender_id, seq, rev, content, client_id, at)`
	return func(rows []chat.Message) {
		n := len(rows)
		ids, cs, senders := make([]pgtype.UUID, n), make([]pgtype.UUID, n), make([]pgtype.UUID, n)
		seqs, revs, contents, clients, ats := make([]int64, n), make([]int64, n), make([]string, n), make([]string, n), make([]time.Time, n)
		for i, m := range rows {
			_ = ids[i].Scan(string(m.ID))
			_ = cs[i].Scan(string(m.Conversation))
			_ = senders[i].Scan(string(m.Sender))
			seqs[i], revs[i], contents[i], clients[i], ats[i] = m.Seq, m.Rev, m.Content, m.ClientMessageID, m.CreatedAt
		}
		if _, err := conn.Exec(ctx, insert, ids, cs, senders, seqs, revs, contents, clients, ats); err != nil {
			b.Fatal(err)
		}
	}
}

// bareSQLite inserts with a prepared statement a row in one transaction.
func bareSQLite(b *testing.B, path string) func([]chat.Message) {
	ctx := context.Background()
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_pragma=cache_size(-32768)", path))
	if err != nil {
		b.Fatal(err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	stmt, err := conn.PrepareContext(ctx, `INSERT INTO messages (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, 'text', $7, $8, $8)`)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _, _ = stmt.Close(), conn.Close(), db.Close() })
	must := func(query string) {
		if _, err := conn.ExecContext(ctx, query); err != nil {
			b.Fatal(err)
		}
	}
	return func(rows []chat.Message) {
		must("BEGIN IMMEDIATE")
		for _, m := range rows {
			if _, err := stmt.ExecContext(ctx, string(m.ID), string(m.Conversation), string(m.Sender), m.Seq, m.Rev, m.Content, m.ClientMessageID, m.CreatedAt.UnixMicro()); err != nil {
				b.Fatal(err)
			}
		}
		must("COMMIT")
	}
}
