package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// audience is a conversation with much said in it and many who read.
type audience struct {
	*store.Store
	readers  []chat.UserID
	messages []chat.Message
}

func newAudience(b *testing.B, s *store.Store, readers, messages int) audience {
	b.Helper()
	ctx, x := context.Background(), audience{Store: s}
	for range readers + 1 {
		id := newID[chat.UserID]()
		a := auth.Account{User: chat.User{ID: id, Username: string(id), DisplayName: "x", CreatedAt: time.Now()}, UsernameKey: string(id)}
		if err := s.CreateAccount(ctx, a, false); err != nil {
			b.Fatal(err)
		}
		x.readers = append(x.readers, id)
	}
	c, _, err := s.CreateConversation(ctx, chat.NewConversation{ID: newID[chat.ConversationID](), Type: chat.Group, Creator: x.readers[0], Participants: x.readers})
	if err != nil {
		b.Fatal(err)
	}
	x.readers = x.readers[1:]
	x.say(b, c, messages)
	return x
}

// say has the owner of a conversation say something in it until there are so many messages.
func (x *audience) say(b *testing.B, c chat.Conversation, messages int) {
	b.Helper()
	for len(x.messages) < messages {
		drafts := make([]chat.Draft, min(1_000, messages-len(x.messages)))
		for i := range drafts {
			drafts[i] = draftFor(c, c.OwnerID, "x")
		}
		appended, err := x.AppendMessages(context.Background(), drafts)
		if err != nil {
			b.Fatal(err)
		}
		for _, a := range appended {
			x.messages = append(x.messages, a.Message)
		}
	}
}

// read is everybody's step to one message.
func (x audience) read(i int) []chat.Step {
	steps := make([]chat.Step, len(x.readers))
	for k, u := range x.readers {
		m := x.messages[i]
		steps[k] = chat.Step{Conversation: m.Conversation, User: u, Message: m.ID, Seq: m.Seq, At: m.CreatedAt.Add(time.Duration(i*k) * time.Millisecond)}
	}
	return steps
}

// BenchmarkWriteSteps writes the steps of a thousand people to a message, as the flush of a large conversation does.
func BenchmarkWriteSteps(b *testing.B) {
	for _, db := range databases[:2] {
		b.Run(db.name, func(b *testing.B) {
			x, i := newAudience(b, db.open(b), 1_000, 1_000), 0
			for b.Loop() {
				if err := x.WriteSteps(context.Background(), x.read(i%len(x.messages))); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(x.readers)), "µs/step")
		})
	}
}

// BenchmarkUnreadPastTombstones asks what is unread by one person and by 100, each at another place, past 20,000 deleted
// messages, and says how many times as long the many take.
func BenchmarkUnreadPastTombstones(b *testing.B) {
	for _, db := range databases[:2] {
		b.Run(db.name, func(b *testing.B) {
			ctx, x := context.Background(), newAudience(b, db.open(b), 100, 20_000)
			var steps []chat.Step
			for i, u := range x.readers {
				m := x.messages[i]
				steps = append(steps, chat.Step{Conversation: m.Conversation, User: u, Message: m.ID, Seq: m.Seq, At: m.CreatedAt})
			}
			if err := x.WriteSteps(ctx, steps); err != nil {
				b.Fatal(err)
			}
			if _, err := x.EraseUser(ctx, x.messages[0].Sender, true); err != nil {
				b.Fatal(err)
			}
			var one, many time.Duration
			ask := func(people []chat.UserID) time.Duration {
				begun := time.Now()
				if _, err := x.ReadStates(ctx, x.messages[0].Conversation, people); err != nil {
					b.Fatal(err)
				}
				return time.Since(begun)
			}
			for b.Loop() {
				one, many = one+ask(x.readers[:1]), many+ask(x.readers)
			}
			b.ReportMetric(float64(one.Microseconds())/1e3/float64(b.N), "ms/one")
			b.ReportMetric(float64(many)/float64(one), "×one-for-100")
		})
	}
}

// BenchmarkReceiptsOnDisk has 100 people read 10,000 messages and says what that takes on disk of PostgreSQL, tables and
// indexes, when they read so many messages in one look, and with a row for each message and reader. Run it once:
// go test -run none -bench ReceiptsOnDisk -benchtime 1x ./internal/store
func BenchmarkReceiptsOnDisk(b *testing.B) {
	const readers, messages = 100, 10_000
	for _, look := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("steps of ", look), func(b *testing.B) {
			for b.Loop() {
				url := pgtest.NewDatabase(b)
				x := newAudience(b, opened(b, store.Config{DatabaseURL: url}), readers, messages)
				var batch []chat.Step
				for i := look - 1; i < messages; i += look {
					if batch = append(batch, x.read(i)...); len(batch) < 1_000 && i+look < messages {
						continue
					}
					if err := x.WriteSteps(context.Background(), batch); err != nil {
						b.Fatal(err)
					}
					batch = nil
				}
				b.ReportMetric(sizeOf(b, url, "read_receipts"), "MB")
				b.ReportMetric(float64(readers*messages/look), "rows")
			}
		})
	}
	b.Run("a row for each message and reader", func(b *testing.B) {
		for b.Loop() {
			url := pgtest.NewDatabase(b)
			newAudience(b, opened(b, store.Config{DatabaseURL: url}), readers, messages)
			b.ReportMetric(sizeOf(b, url, "each", "CREATE TABLE each (message_id uuid, user_id uuid, read_at timestamptz NOT NULL, PRIMARY KEY (message_id, user_id))",
				`INSERT INTO each SELECT m.id, p.user_id, m.created_at FROM messages m JOIN conversation_participants p ON p.role <> 'owner' ORDER BY m.seq`), "MB")
			b.ReportMetric(readers*messages, "rows")
		}
	})
}

// sizeOf is what a table takes with its indexes, in megabytes, after what prepares it.
func sizeOf(b *testing.B, url, table string, prepare ...string) float64 {
	b.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, statement := range prepare {
		if _, err := db.Exec(statement); err != nil {
			b.Fatal(err)
		}
	}
	var bytes float64
	if err := db.QueryRow("SELECT pg_total_relation_size($1::text::regclass)", table).Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	return bytes / 1e6
}
