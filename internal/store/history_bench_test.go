package store_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

var historyRows = flag.Int("history.rows", 1_000_000, "how many messages the large table of BenchmarkHistory has")

// BenchmarkHistory reads pages of 50, the newest and ones in the middle, from a conversation of 10,000 messages that is
// alone in its table and from one of the same size in a large table, turn and turn about (P9: p99 grows by 1.5 at most).
func BenchmarkHistory(b *testing.B) {
	const mine = 10_000
	small, large := filled(b, mine, 0), filled(b, mine, *historyRows-mine)
	for _, place := range []string{"newest", "middle"} {
		b.Run(place, func(b *testing.B) {
			took := [2][]time.Duration{}
			turn := 0
			for b.Loop() {
				for i, h := range []historic{small, large} {
					q := chat.HistoryQuery{Conversation: h.c, Limit: 50}
					if place == "middle" {
						seq := 1_000 + (turn*7919)%(mine-2_000)
						q.CreatedAt, q.ID = h.begin.Add(time.Duration(seq)*time.Millisecond), newest
					}
					start := time.Now()
					page, _, err := h.Messages(b.Context(), q)
					took[i] = append(took[i], time.Since(start))
					if err != nil || len(page) != 50 {
						b.Fatal(len(page), err)
					}
				}
				turn++
			}
			for i, name := range []string{"small", "large"} {
				slices.Sort(took[i])
				b.ReportMetric(float64(took[i][len(took[i])/2].Microseconds()), name+"-p50-µs")
				b.ReportMetric(float64(took[i][len(took[i])*99/100].Microseconds()), name+"-p99-µs")
			}
			b.ReportMetric(took[1][len(took[1])*99/100].Seconds()/took[0][len(took[0])*99/100].Seconds(), "p99-ratio")
			b.ReportMetric(took[1][len(took[1])/2].Seconds()/took[0][len(took[0])/2].Seconds(), "p50-ratio")
		})
	}
}

// newest is behind every message of its moment.
const newest chat.MessageID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

type historic struct {
	inside
	c     chat.ConversationID
	begin time.Time
}

// filled has a conversation of mine messages, a millisecond apart, and others messages in a thousand other
// conversations among them.
func filled(b *testing.B, mine, others int) historic {
	h := historic{inside: onPostgres(b), begin: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	cs, ada := conversationsFor(b, h.Store)
	h.c = cs[0].ID
	// A row in so many is ours, as they come in over time.
	every := (mine + others) / mine
	h.exec(b, `INSERT INTO messages (id, conversation_id, sender_id, seq, rev, content, content_type, client_message_id, created_at, updated_at)
SELECT gen_random_uuid(), c, $2, seq, seq + 1, repeat('x', 100), 'text', i::text, $3::timestamptz + seq * interval '1 millisecond', $3
FROM (SELECT i, CASE WHEN i % $4 = 0 THEN $1::uuid ELSE md5((i % 1000)::text)::uuid END AS c,
        row_number() OVER (PARTITION BY CASE WHEN i % $4 = 0 THEN $1::uuid ELSE md5((i % 1000)::text)::uuid END ORDER BY i) AS seq
    FROM generate_series(0, $5::int - 1) i) r ORDER BY i`,
		string(h.c), string(ada), h.begin, every, mine+others)
	h.exec(b, "VACUUM (ANALYZE) messages")
	var n int
	if err := h.raw.QueryRow("SELECT count(*) FROM messages WHERE conversation_id = $1", string(h.c)).Scan(&n); err != nil || n != mine {
		b.Fatal(fmt.Errorf("%d messages, %w", n, err))
	}
	return h
}
