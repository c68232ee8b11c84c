package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// BenchmarkConversationList lists 100 conversations of 20 people who have all read, and says how much longer it would take
// with everybody's positions, which nobody is shown with a list.
func BenchmarkConversationList(b *testing.B) {
	for _, db := range databases[:2] {
		b.Run(db.name, func(b *testing.B) {
			ctx, x := context.Background(), newAudience(b, db.open(b), 19, 40)
			viewer := x.readers[0]
			ids := []chat.ConversationID{x.messages[0].Conversation}
			for len(ids) < 100 {
				c, _, err := x.CreateConversation(ctx, chat.NewConversation{ID: newID[chat.ConversationID](), Type: chat.Group, Creator: viewer, Participants: x.readers})
				if err != nil {
					b.Fatal(err)
				}
				x.messages = x.messages[:0]
				x.say(b, c, 40)
				if err := x.WriteSteps(ctx, x.read(30)); err != nil {
					b.Fatal(err)
				}
				ids = append(ids, c.ID)
			}
			var list, positions time.Duration
			for b.Loop() {
				begun := time.Now()
				if _, _, err := x.Conversations(ctx, chat.ListQuery{Viewer: viewer, Limit: 100}); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				if _, err := x.ShownPositions(ctx, ids); err != nil {
					b.Fatal(err)
				}
				list, positions = list+middle.Sub(begun), positions+time.Since(middle)
			}
			b.ReportMetric(float64(list.Microseconds())/1e3/float64(b.N), "ms/list")
			b.ReportMetric(float64(list+positions)/float64(list), "×with-positions")
		})
	}
}
