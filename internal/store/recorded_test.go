package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// record keeps what was told.
type record struct {
	mu   sync.Mutex
	told []recordedOp
}

type recordedOp struct {
	of       chat.Trace
	op       store.Operation
	messages int
	failed   bool
}

func (r *record) tell(of chat.Trace, op store.Operation, messages int, began time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, recordedOp{of, op, messages, err != nil})
}

// take returns what was told since.
func (r *record) take() []recordedOp {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := r.told
	r.told = nil
	return told
}

func TestWhatIsDoneUnderARecordedTraceIsTold(t *testing.T) {
	for name, cfg := range map[string]func(t *testing.T) store.Config{
		"sqlite":   func(t *testing.T) store.Config { return store.Config{DataDir: t.TempDir()} },
		"postgres": func(t *testing.T) store.Config { return store.Config{DatabaseURL: pgtest.NewDatabase(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			var r record
			c := cfg(t)
			c.Record = r.tell
			s := opened(t, c)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			cs, ada := conversationsFor(t, s)
			if told := r.take(); len(told) != 0 {
				t.Errorf("without a trace it is told %v", told)
			}
			recorded, not := chat.NewTrace(), chat.NewTrace()
			recorded.Sampled = true
			mine, other := draftFor(cs[0], ada, "mine"), draftFor(cs[0], ada, "other")
			mine.Trace, other.Trace = recorded, not
			for _, way := range []string{"lean", "exact, since both are stored"} {
				if _, err := s.AppendMessages(t.Context(), []chat.Draft{mine, other}); err != nil {
					t.Fatal(err)
				}
				if told := r.take(); len(told) != 1 || told[0] != (recordedOp{recorded, store.OpAppend, 2, false}) {
					t.Errorf("%s: of the batch it is told %+v", way, told)
				}
			}
			ctx := chat.WithTrace(t.Context(), recorded)
			if _, err := s.Message(ctx, cs[0].ID, mine.ID); err != nil {
				t.Fatal(err)
			}
			if told := r.take(); len(told) != 1 || told[0].op != store.OpRead || told[0].of != recorded {
				t.Errorf("of a read it is told %+v", told)
			}
			if err := s.WriteSteps(ctx, []chat.Step{{Conversation: cs[0].ID, User: ada, Message: mine.ID, Seq: 1, At: time.Now()}}); err != nil {
				t.Fatal(err)
			}
			if told := r.take(); len(told) != 1 || told[0].op != store.OpWrite || told[0].of != recorded {
				t.Errorf("of a write it is told %+v", told)
			}
			if _, err := s.Message(chat.WithTrace(t.Context(), not), cs[0].ID, mine.ID); err != nil {
				t.Fatal(err)
			}
			if told := r.take(); len(told) != 0 {
				t.Errorf("of a trace that is not recorded it is told %+v", told)
			}
		})
	}
}

func TestWhereNobodyRecordsAskingTheDatabaseCostsNoMemoryForIt(t *testing.T) {
	of := chat.NewTrace()
	of.Sampled = true
	ctx := chat.WithTrace(t.Context(), of)
	if n := testing.AllocsPerRun(1000, func() { _ = store.Asked(ctx, nil) }); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
	told := 0
	_ = store.Asked(ctx, func(context.Context, store.Operation, time.Time, error) { told++ })
	if told != 1 {
		t.Errorf("it is told %d times", told)
	}
}
