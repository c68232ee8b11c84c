package chat_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

// watchful is a store that notes what is asked of it when people become invisible or visible, and can let them wait.
type watchful struct {
	chat.Store
	held chan struct{} // nil, or closed when those who wait may go on

	mu     sync.Mutex
	turns  []int // how many were written together each time
	seeded int   // how often everybody's positions were read
}

func (w *watchful) SetVisibility(ctx context.Context, asked []chat.Visibility) (map[chat.UserID]chat.PrivacyChange, error) {
	if w.held != nil {
		<-w.held
	}
	w.mu.Lock()
	w.turns = append(w.turns, len(asked))
	w.mu.Unlock()
	return w.Store.SetVisibility(context.WithoutCancel(ctx), asked)
}

func (w *watchful) ReadPositions(ctx context.Context, c chat.ConversationID) (map[chat.UserID]int64, error) {
	w.mu.Lock()
	w.seeded++
	w.mu.Unlock()
	return w.Store.ReadPositions(ctx, c)
}

func (w *watchful) seen() (turns []int, seeded int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.turns), w.seeded
}

// watched is another node over the store of a world, which notes what is asked of it.
func (w *world) watched(t *testing.T, readers chat.Readers) (*world, *watchful) {
	t.Helper()
	store := &watchful{Store: w.store}
	node := &world{store: w.store, heard: newRecorder(), people: w.people}
	node.Service = chat.New(chat.Config{NewID: newID, Readers: readers}, store, node.heard)
	node.run(t)
	return node, store
}

// become has people become visible or invisible at once.
func (w *world) become(t *testing.T, status chat.Status, users ...chat.UserID) {
	t.Helper()
	var all sync.WaitGroup
	for _, u := range users {
		all.Go(func() {
			if err := w.SetPresence(t.Context(), u, nil, status); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestManyWhoBecomeInvisibleAreWrittenTogetherAndWhoIsItIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := inmem.NewReaders()
		w, _, _ := readingWorld(t, readers)
		node, store := w.watched(t, readers)
		began := time.Now()
		node.become(t, chat.StatusInvisible, w.people...)
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		turns, _ := store.seen()
		if len(turns) > 2 {
			t.Errorf("they were written in parts of %v", turns)
		}
		node.become(t, chat.StatusInvisible, w.people...)
		if again, _ := store.seen(); len(again) != len(turns) {
			t.Errorf("who was invisible was written: %v", again[len(turns):])
		}
		privacies, err := w.store.Privacies(t.Context(), w.people)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range w.people {
			if p := privacies[u]; !p.Invisible || p.Rev != 1 {
				t.Errorf("one is %+v", p)
			}
		}
	})
}

func TestWhoBecomesVisibleIsToldOfWhereTheyReadSomethingAndNowhereElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := inmem.NewReaders()
		w, large, small := readingWorld(t, readers)
		node, store := w.watched(t, readers)
		m := w.send(t, large, w.people[0], "one", "Hello")
		n := w.send(t, small, w.people[0], "two", "Hello")
		time.Sleep(time.Minute)
		node.expectCounted(t, "before", m, 0)
		_, before := store.seen()
		others := w.people[1:]
		node.become(t, chat.StatusInvisible, others...)
		node.become(t, chat.StatusOnline, others...)
		time.Sleep(time.Second)
		if _, seeded := store.seen(); seeded != before || node.heard.hidden(small, others[0]) > 0 {
			t.Errorf("nothing was read: everybody's positions were read %d times, and %v told", seeded-before, node.heard.unsure)
		}
		node.become(t, chat.StatusInvisible, others...)
		node.readAll(t, large, m.ID)
		_, before = store.seen()
		for _, u := range others {
			node.become(t, chat.StatusOnline, u)
		}
		time.Sleep(2 * time.Second)
		node.expectCounted(t, "all visible", m, 11)
		if _, seeded := store.seen(); seeded == before || seeded-before > 4 {
			t.Errorf("the large one was read: everybody's positions were read %d times", seeded-before)
		}
		if node.heard.hidden(small, others[0]) > 0 {
			t.Error("the small one was told")
		}
		node.become(t, chat.StatusInvisible, others[0])
		node.read(t, others[0], small, n.ID)
		node.become(t, chat.StatusOnline, others[0])
		if told := node.heard.hidden(small, others[0]); told != 1 {
			t.Errorf("the small one was told %d times", told)
		}
	})
}

func TestWhoHasNoTurnInTimeStaysAsTheyAreAndMessagesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := inmem.NewReaders()
		w, large, _ := readingWorld(t, readers)
		node, store := w.watched(t, readers)
		store.held = make(chan struct{})
		set := func(u chat.UserID) <-chan error {
			out := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				out <- node.SetPresence(ctx, u, nil, chat.StatusInvisible)
			}()
			return out
		}
		first := set(w.people[0])
		synctest.Wait()
		second := set(w.people[1])
		synctest.Wait()
		began := time.Now()
		node.send(t, large, w.people[2], "one", "Hello")
		if took := time.Since(began); took > 0 {
			t.Errorf("a message took %v", took)
		}
		for name, one := range map[string]struct {
			answer  <-chan error
			outcome chat.Outcome
		}{
			"is being written": {first, chat.OutcomeUnknown},
			"waits":            {second, chat.OutcomeRejected},
		} {
			if e := chat.AsError(<-one.answer); e.Code != chat.CodeDBTimeout || e.Outcome != one.outcome || !e.Code.Info().Retryable() {
				t.Errorf("who %s is answered %+v", name, e)
			}
		}
		close(store.held)
		time.Sleep(20 * time.Second)
		privacies, err := w.store.Privacies(t.Context(), w.people[:2])
		if err != nil || !privacies[w.people[0]].Invisible || privacies[w.people[1]].Invisible {
			t.Errorf("they are %+v, %v", privacies, err)
		}
	})
}
