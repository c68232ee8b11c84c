package chat_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// countingSteps counts the transactions that write steps, and the steps in them.
type countingSteps struct {
	chat.Store
	transactions, steps atomic.Int64
	refuse              atomic.Pointer[chat.UserID] // whose steps cannot be written
}

func (s *countingSteps) WriteSteps(ctx context.Context, steps []chat.Step) error {
	s.transactions.Add(1)
	s.steps.Add(int64(len(steps)))
	if u := s.refuse.Load(); u != nil && slices.ContainsFunc(steps, func(step chat.Step) bool { return step.User == *u }) {
		return errors.New("a row that cannot be written")
	}
	return s.Store.WriteSteps(ctx, steps)
}

// eachListed runs a test on a large group in each database.
func eachListed(t *testing.T, people int, test func(*testing.T, *world, *countingSteps, chat.ConversationID)) {
	for name, where := range map[string]store.Config{"sqlite": {DataDir: t.TempDir()}, "postgres": {DatabaseURL: pgtest.NewDatabase(t)}} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOn(t, where, people, chat.Config{NewID: newID})
			counted := &countingSteps{Store: w.store}
			over := *w
			over.Service = chat.New(chat.Config{NewID: newID, Readers: inmem.NewReaders()}, counted, w.heard)
			over.run(t)
			test(t, &over, counted, over.group(t, w.people...))
		})
	}
}

func (w *world) list(t *testing.T, u chat.UserID, c chat.ConversationID, m chat.MessageID) chat.ReaderPage {
	t.Helper()
	page, err := w.MessageReaders(t.Context(), u, c, m, chat.ReaderCursor{}, 1000)
	if err != nil {
		t.Error(err)
	}
	return page
}

func TestListsOfReadersWriteWhatWaitsOnceTogether(t *testing.T) {
	eachListed(t, 60, func(t *testing.T, w *world, written *countingSteps, c chat.ConversationID) {
		m := w.send(t, c, w.people[0], "one", "Hello")
		w.readAll(t, c, m.ID)
		w.awaitCount(m.ID, 59)
		before, steps := written.transactions.Load(), written.steps.Load()
		var lists sync.WaitGroup
		for _, u := range w.people {
			lists.Go(func() {
				if page := w.list(t, u, c, m.ID); len(page.Readers) != 59 || page.Count != 59 {
					t.Errorf("%d readers are listed and %d counted", len(page.Readers), page.Count)
				}
			})
		}
		lists.Wait()
		w.list(t, w.people[0], c, m.ID)
		if n, all := written.transactions.Load()-before, written.steps.Load()-steps; n > 1 || all > 59 {
			t.Errorf("61 lists of 59 steps that wait are %d transactions of %d steps", n, all)
		}
	})
}

func TestWhoHasReadIsInEveryListFromThenOn(t *testing.T) {
	eachListed(t, 40, func(t *testing.T, w *world, written *countingSteps, c chat.ConversationID) {
		m := w.send(t, c, w.people[0], "one", "Hello")
		began := time.Now()
		var reading sync.WaitGroup
		for _, u := range w.people[1:] {
			reading.Go(func() {
				w.read(t, u, c, m.ID)
				page := w.list(t, w.people[0], c, m.ID)
				if !slices.ContainsFunc(page.Readers, func(r chat.Reader) bool { return r.User.ID == u }) {
					t.Errorf("who has just read it is not among %d readers", len(page.Readers))
				}
			})
		}
		reading.Wait()
		// Counting may write once, when it begins.
		if most := 3 + int64(time.Since(began)/time.Second); written.transactions.Load() > most {
			t.Errorf("39 readings and lists are %d transactions, not at most %d", written.transactions.Load(), most)
		}
	})
}

func TestAStepThatCannotBeWrittenHoldsUpOneListAtMost(t *testing.T) {
	eachListed(t, 12, func(t *testing.T, w *world, written *countingSteps, c chat.ConversationID) {
		m := w.send(t, c, w.people[0], "one", "Hello")
		written.refuse.Store(&w.people[5])
		w.readAll(t, c, m.ID)
		for range 2 {
			if page := w.list(t, w.people[1], c, m.ID); len(page.Readers) != 10 {
				t.Errorf("%d readers, not the 10 that can be written", len(page.Readers))
			}
		}
		tried := written.transactions.Load()
		w.list(t, w.people[1], c, m.ID)
		if n := written.transactions.Load() - tried; n != 0 {
			t.Errorf("it was tried in %d transactions more", n)
		}
	})
}
