package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// quietConversations are those of a database that has been in use: nobody writes to them now.
const quietConversations = 100_000

// BenchmarkAppendPartitioned compares AppendMessages on whole tables and on tables spread over 16 partitions, turn
// and turn about, each beside 100,000 conversations that nobody writes to.
func BenchmarkAppendPartitioned(b *testing.B) {
	for _, size := range []int{1, 20, 100, 400} {
		b.Run(fmt.Sprint("batch of ", size), func(b *testing.B) {
			var stores []*store.Store
			for _, partitions := range []int{0, 16} {
				cfg := store.Config{DatabaseURL: pgtest.NewDatabase(b)}
				in := within(b, cfg, "pgx", cfg.DatabaseURL)
				if partitions > 0 {
					if err := in.Partition(b.Context(), partitions); err != nil {
						b.Fatal(err)
					}
				}
				in.exec(b, fmt.Sprintf("INSERT INTO conversations (id, type, created_at, updated_at) SELECT gen_random_uuid(), 'group', now(), now() FROM generate_series(1, %d)", quietConversations))
				in.exec(b, "VACUUM ANALYZE")
				stores = append(stores, in.Store)
			}
			appendInTurns(b, stores[0], stores[1], size)
		})
	}
}

func appendInTurns(b *testing.B, whole, spread *store.Store, size int) {
	stores := []*store.Store{whole, spread}
	var cs [2][]chat.Conversation
	var senders [2]chat.UserID
	for i, s := range stores {
		cs[i], senders[i] = conversationsFor(b, s)
	}
	content := strings.Repeat("x", contentSize)
	var took [2]time.Duration
	for b.Loop() {
		for i, s := range stores {
			drafts := make([]chat.Draft, size)
			for k := range drafts {
				c := cs[i][k%len(cs[i])]
				drafts[k] = chat.Draft{
					ID: newID[chat.MessageID](), Conversation: c.ID, Sender: senders[i], ClientMessageID: uuid.NewString(),
					Content: content, ContentType: "text", RosterRev: c.RosterRev,
				}
			}
			start := time.Now()
			appended, err := s.AppendMessages(context.Background(), drafts)
			took[i] += time.Since(start)
			if err != nil || appended[0].Err != nil {
				b.Fatal(err, appended)
			}
		}
	}
	n := float64(b.N * size)
	b.ReportMetric(n/took[0].Seconds(), "whole-rows/s")
	b.ReportMetric(n/took[1].Seconds(), "spread-rows/s")
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "ratio")
}
