package chat_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

// pair is two nodes that have a store and readers in common and tell each other nothing.
type pair struct {
	*world
	other *world
	over  *distant // the readers of the other
}

// distant are readers that can be away from one node.
type distant struct {
	chat.Readers
	away atomic.Bool
}

var errAway = errors.New("the readers are away")

func (d *distant) Advance(ctx context.Context, c chat.ConversationID, steps []chat.Step, how chat.Moved) error {
	if d.away.Load() {
		return errAway
	}
	return d.Readers.Advance(ctx, c, steps, how)
}

func (d *distant) Epoch(ctx context.Context, c chat.ConversationID) (int64, error) {
	if d.away.Load() {
		return 0, errAway
	}
	return d.Readers.Epoch(ctx, c)
}

func (d *distant) Counts(ctx context.Context, c chat.ConversationID, of []chat.Counted) (map[chat.MessageID]int64, int64, error) {
	if d.away.Load() {
		return nil, 0, errAway
	}
	return d.Readers.Counts(ctx, c, of)
}

func (d *distant) Unseed(ctx context.Context, c chat.ConversationID, gone ...chat.UserID) error {
	if d.away.Load() {
		return errAway
	}
	return d.Readers.Unseed(ctx, c, gone...)
}

func newPair(t *testing.T, people int) *pair {
	t.Helper()
	readers := inmem.NewReaders()
	p := &pair{over: &distant{Readers: readers}}
	p.world = newWorldWith(t, people, chat.Config{NewID: newID, Readers: readers})
	p.other = &world{store: p.store, heard: newRecorder(), people: p.people}
	p.other.Service = chat.New(chat.Config{NewID: newID, Readers: p.over}, p.store, p.other.heard)
	p.other.run(t)
	return p
}

// countedBy is how many have read a message, as a node counts them now.
func (w *world) countedBy(t *testing.T, m chat.Message) int64 {
	t.Helper()
	receipts, err := w.Receipts(t.Context(), []chat.ConversationID{m.Conversation})
	if err != nil || receipts[m.Conversation].Counts == nil {
		t.Fatalf("nothing is counted: %+v, %v", receipts, err)
	}
	for _, c := range receipts[m.Conversation].Counts.Counts {
		if c.Message == m.ID {
			return c.Count
		}
	}
	return -1
}

func (w *world) expectCounted(t *testing.T, when string, m chat.Message, want int64) {
	t.Helper()
	if got := w.countedBy(t, m); got != want {
		t.Errorf("%s %d are counted, want %d", when, got, want)
	}
}

func TestWhoReadsWhereItIsNotKnownYetThatAGroupHasGrownIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, 10)
		c := p.group(t, p.people[:9]...)
		m := p.send(t, c, p.people[0], "one", "Hello")
		p.other.remembers(t, c)
		grown, err := p.AddParticipants(t.Context(), p.people[0], c, p.people[9:])
		if err != nil {
			t.Fatal(err)
		}
		p.expectCounted(t, "before anybody has read", m, 0)
		p.other.read(t, p.people[1], c, m.ID)
		p.other.RosterMoved(c, grown.RosterRev)
		for range 3 {
			p.other.Reseed(c)
		}
		time.Sleep(time.Second)
		p.expectCounted(t, "when both know", m, 1)
	})
}

// lateRevision commits a revision and says that nobody knows whether it did.
type lateRevision struct{ chat.Store }

func (l lateRevision) ReviseConversation(ctx context.Context, r chat.Revision) (chat.Conversation, error) {
	if _, err := l.Store.ReviseConversation(ctx, r); err != nil {
		return chat.Conversation{}, err
	}
	return chat.Conversation{}, &chat.Error{Code: chat.CodeDBTimeout, Outcome: chat.OutcomeUnknown}
}

func TestWhoLeftByAChangeWhoseOutcomeWasUnknownIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := inmem.NewReaders()
		w := newWorldWith(t, 12, chat.Config{NewID: newID, Readers: readers})
		c := w.group(t, w.people...)
		m := w.send(t, c, w.people[0], "one", "Hello")
		w.readAll(t, c, m.ID)
		time.Sleep(15 * time.Second)
		w.expectCounted(t, "of twelve", m, 11)
		unsure := &world{store: w.store, heard: newRecorder(), people: w.people}
		unsure.Service = chat.New(chat.Config{NewID: newID, Readers: readers}, lateRevision{w.store}, unsure.heard)
		if err := unsure.RemoveParticipant(t.Context(), w.people[0], c, w.people[5]); chat.AsError(err).Outcome != chat.OutcomeUnknown {
			t.Fatalf("the change answers %v", err)
		}
		time.Sleep(10 * time.Second)
		w.expectCounted(t, "of eleven", m, 10)
	})
}

func TestWhatWasReadWhereTheReadersWereAwayIsCountedOnceTheyAreBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, 12)
		c := p.group(t, p.people...)
		m := p.send(t, c, p.people[0], "one", "Hello")
		p.expectCounted(t, "before anybody has read", m, 0)
		p.over.away.Store(true)
		p.other.read(t, p.people[1], c, m.ID)
		time.Sleep(15 * time.Second)
		p.over.away.Store(false)
		p.other.CatchUp()
		time.Sleep(time.Second)
		p.expectCounted(t, "when they are back", m, 1)
	})
}

func TestWhoLeavesAndReturnsBeforeItIsWrittenHasReadWhatTheyHadRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, 12)
		c := p.group(t, p.people...)
		m := p.send(t, c, p.people[0], "one", "Hello")
		p.readAll(t, c, m.ID)
		p.send(t, c, p.people[0], "two", "Again")
		gone := p.people[5]
		if err := p.RemoveParticipant(t.Context(), gone, c, gone); err != nil {
			t.Fatal(err)
		}
		p.expectCounted(t, "without them", m, 10)
		if _, err := p.AddParticipants(t.Context(), p.people[0], c, []chat.UserID{gone}); err != nil {
			t.Fatal(err)
		}
		p.expectCounted(t, "with them again", m, 11)
		if state := p.read(t, gone, c, ""); state.LastReadSeq != 1 || state.UnreadCount != 1 {
			t.Errorf("they are at %+v", state)
		}
	})
}

func TestWhoReadsWhereItIsNotKnownYetThatTheyLeftIsToldThatTheyAreNotInIt(t *testing.T) {
	p := newPair(t, 12)
	c := p.group(t, p.people...)
	m := p.send(t, c, p.people[0], "one", "Hello")
	p.other.remembers(t, c)
	if err := p.RemoveParticipant(t.Context(), p.people[0], c, p.people[5]); err != nil {
		t.Fatal(err)
	}
	_, err := p.other.AdvanceRead(t.Context(), p.people[5], c, m.ID)
	wantCode(t, err, chat.CodeNotInConversation)
}
