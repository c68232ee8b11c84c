package chat_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

// faulty is a store in which one question, or the steps of one person, are a fault of the program.
type faulty struct {
	chat.Store
	question string
	left     atomic.Int64 // how often it still is
	user     chat.UserID
}

func (f *faulty) asked(question string) {
	if question == f.question && f.left.Add(-1) >= 0 {
		panic("a fault in " + question)
	}
}

func (f *faulty) MessageSeqs(ctx context.Context, c chat.ConversationID, ids []chat.MessageID) (map[chat.MessageID]int64, error) {
	f.asked("reading")
	return f.Store.MessageSeqs(ctx, c, ids)
}

func (f *faulty) NewestMessages(ctx context.Context, c chat.ConversationID, limit int) ([]chat.Counted, error) {
	f.asked("counting")
	return f.Store.NewestMessages(ctx, c, limit)
}

func (f *faulty) AdvanceDelivered(ctx context.Context, steps []chat.DeliveredStep) error {
	f.asked("acknowledging")
	return f.Store.AdvanceDelivered(ctx, steps)
}

func (f *faulty) ConversationIDs(ctx context.Context, u chat.UserID) ([]chat.ConversationID, error) {
	f.asked("telling of a switch")
	return f.Store.ConversationIDs(ctx, u)
}

func (f *faulty) WriteSteps(ctx context.Context, steps []chat.Step) error {
	if slices.ContainsFunc(steps, func(s chat.Step) bool { return s.User == f.user }) {
		f.asked("writing")
	}
	return f.Store.WriteSteps(ctx, steps)
}

// faultyNode is a node whose store is faulty, beside the one of w.
func (w *world) faultyNode(t *testing.T, store *faulty) (node *world, panicked *atomic.Int64) {
	t.Helper()
	store.Store, panicked = w.store, new(atomic.Int64)
	node = &world{store: w.store, heard: newRecorder(), people: w.people}
	node.Service = chat.New(chat.Config{
		NewID: newID, Readers: inmem.NewReaders(),
		Panicked: func(fault any, stack []byte) {
			if fault == nil || len(stack) == 0 {
				t.Errorf("told of %v with a stack of %d bytes", fault, len(stack))
			}
			panicked.Add(1)
		},
	}, store, node.heard)
	node.run(t)
	return node, panicked
}

func TestAFaultInOneReadingIsAnsweredAndEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c, _ := readingWorld(t, nil)
		m := w.send(t, c, w.people[0], "one", "Hello")
		store := &faulty{question: "reading"}
		node, panicked := w.faultyNode(t, store)
		store.left.Store(1)
		_, err := node.AdvanceRead(t.Context(), w.people[1], c, m.ID)
		wantCode(t, err, chat.CodeInternal)
		node.read(t, w.people[1], c, m.ID)
		if panicked.Load() != 1 {
			t.Errorf("told of %d faults", panicked.Load())
		}
	})
}

func TestAfterAFaultInCountingReadersAreCountedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c, _ := readingWorld(t, nil)
		m := w.send(t, c, w.people[0], "one", "Hello")
		store := &faulty{question: "counting"}
		node, panicked := w.faultyNode(t, store)
		store.left.Store(1)
		node.read(t, w.people[1], c, m.ID)
		time.Sleep(time.Second)
		node.read(t, w.people[2], c, m.ID)
		time.Sleep(5 * time.Second)
		if got := node.heard.countTold(m.ID); got != 2 || panicked.Load() != 1 {
			t.Errorf("%d are counted after %d faults", got, panicked.Load())
		}
	})
}

func TestADeliveryWhoseWritingIsAFaultIsWrittenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := readingWorld(t, nil)
		m := w.send(t, c, w.people[0], "one", "Hello")
		store := &faulty{question: "acknowledging"}
		node, panicked := w.faultyNode(t, store)
		store.left.Store(1)
		if err := node.AcknowledgeDelivery(t.Context(), w.people[1], c, m.Seq); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		shown, err := w.store.ShownPositions(t.Context(), []chat.ConversationID{c})
		if err != nil || !slices.ContainsFunc(shown[c], func(s chat.Shown) bool { return s.User == w.people[1] && s.DeliveredSeq == m.Seq }) || panicked.Load() != 1 {
			t.Errorf("the store has %+v, %v, after %d faults", shown, err, panicked.Load())
		}
	})
}

func TestAStepWhoseWritingIsAFaultHoldsUpNoOtherAndIsBuried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c, _ := readingWorld(t, nil)
		m := w.send(t, c, w.people[0], "one", "Hello")
		store := &faulty{question: "writing", user: w.people[3]}
		node, _ := w.faultyNode(t, store)
		for _, u := range w.people[1:6] {
			node.read(t, u, c, m.ID)
		}
		store.left.Store(1 << 30)
		time.Sleep(2 * time.Minute)
		counts, err := w.store.ReadCounts(t.Context(), c, []chat.Counted{{Message: m.ID, Seq: m.Seq, Sender: m.Sender}})
		if err != nil || counts[m.ID] != 4 {
			t.Errorf("written: %v, %v", counts, err)
		}
		buried, all, err := w.store.BuriedSteps(t.Context(), chat.Buried{}, 10)
		if err != nil || all != 1 || buried[0].User != w.people[3] {
			t.Errorf("buried: %+v, %d, %v", buried, all, err)
		}
	})
}

func TestASwitchOfReceiptsIsToldAfterAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := readingWorld(t, nil)
		store := &faulty{question: "telling of a switch"}
		node, panicked := w.faultyNode(t, store)
		store.left.Store(3)
		off := false
		if _, err := node.UpdateMe(t.Context(), w.people[1], chat.ProfileEdit{ReadReceiptsEnabled: &off}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		if told := node.heard.hidden(c, w.people[1]); told != 1 || panicked.Load() != 3 {
			t.Errorf("told %d times after %d faults", told, panicked.Load())
		}
	})
}
