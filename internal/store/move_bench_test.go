package store_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

var moveRows = flag.Int("move.rows", 100_000, "how many messages BenchmarkMove moves")

// BenchmarkMove moves that many messages of 100 bytes in 20 conversations, and says how long copying and comparing
// took each.
func BenchmarkMove(b *testing.B) {
	dir := b.TempDir()
	s, err := store.Open(b.Context(), store.Config{DataDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	cs, ada := conversationsFor(b, s)
	for n := 0; n < *moveRows; n += 500 {
		drafts := make([]chat.Draft, 500)
		for i := range drafts {
			drafts[i] = draftFor(cs[i%len(cs)], ada, string(make100(n+i)))
		}
		if _, err := s.AppendMessages(b.Context(), drafts); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	var copied, compared, all time.Duration
	for b.Loop() {
		start := time.Now()
		var comparing time.Time
		moved, err := store.Move{From: dir, To: pgtest.NewDatabase(b), Progress: func(p store.MoveProgress) {
			if p.Verifying && comparing.IsZero() {
				comparing = time.Now()
			}
			if p.Verifying {
				compared = time.Since(comparing)
			}
		}}.Run(b.Context())
		if err != nil || moved.Rows < int64(*moveRows) {
			b.Fatal(moved, err)
		}
		copied, all = comparing.Sub(start), time.Since(start)
		if err := os.Remove(filepath.Join(dir, "moved.json")); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(*moveRows)
	b.ReportMetric(n/copied.Seconds(), "copied-rows/s")
	b.ReportMetric(n/compared.Seconds(), "compared-rows/s")
	b.ReportMetric(n/all.Seconds(), "rows/s")
	b.ReportMetric(all.Seconds(), "s")
}

func make100(n int) []byte {
	out := make([]byte, contentSize)
	for i := range out {
		out[i] = byte('a' + (n+i)%26)
	}
	return out
}
