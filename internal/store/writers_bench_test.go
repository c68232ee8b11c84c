package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// BenchmarkHotConversation is one conversation that 1, 2 and 4 nodes append to as fast as they can, a batch
// at a time each. All of them wait for one row, so more nodes add nothing; they must not take much away.
func BenchmarkHotConversation(b *testing.B) {
	for _, size := range []int{1, 20, 100} {
		for _, nodes := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("batch of %d/%d writers", size, nodes), func(b *testing.B) {
				hot(b, nodes, size)
			})
		}
	}
}

func hot(b *testing.B, nodes, size int) {
	url := pgtest.NewDatabase(b)
	writers := make([]*store.Store, nodes)
	for i := range writers {
		writers[i] = opened(b, store.Config{DatabaseURL: url})
	}
	cs, ada := conversationsFor(b, writers[0])
	batches := make(chan []chat.Draft)
	content := strings.Repeat("x", contentSize)
	var wg sync.WaitGroup
	for _, s := range writers {
		wg.Go(func() {
			for drafts := range batches {
				appended, err := s.AppendMessages(context.Background(), drafts)
				if err != nil || appended[0].Err != nil {
					b.Error(err, appended)
				}
			}
		})
	}
	start := time.Now()
	for b.Loop() {
		drafts := make([]chat.Draft, size)
		for i := range drafts {
			drafts[i] = chat.Draft{
				ID: newID[chat.MessageID](), Conversation: cs[0].ID, Sender: ada, ClientMessageID: uuid.NewString(),
				Content: content, ContentType: "text", RosterRev: cs[0].RosterRev,
			}
		}
		batches <- drafts
	}
	close(batches)
	wg.Wait()
	b.ReportMetric(float64(b.N*size)/time.Since(start).Seconds(), "messages/s")
}
