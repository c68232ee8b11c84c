package chat_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

// readingWorld has a large group of twelve and a small one of two.
func readingWorld(t *testing.T, readers chat.Readers) (w *world, large, small chat.ConversationID) {
	t.Helper()
	w = newWorldWith(t, 12, chat.Config{NewID: newID, Readers: readers})
	return w, w.group(t, w.people...), w.group(t, w.people[:2]...)
}

// awaitCount waits until the announcer was last told that so many have read the message.
func (w *world) awaitCount(m chat.MessageID, want int64) {
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	for w.heard.lastCount(m) != want {
		w.heard.more.Wait()
	}
}

// lastCount is what was told with the highest version, -1 for nothing.
func (r *recorder) lastCount(m chat.MessageID) int64 {
	count, version := int64(-1), int64(-1)
	for _, counted := range r.counted {
		for _, one := range counted.Counts {
			if one.Message == m && counted.Version > version {
				count, version = one.Count, counted.Version
			}
		}
	}
	return count
}

// countTold is lastCount for who waits for nothing.
func (r *recorder) countTold(m chat.MessageID) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastCount(m)
}

// awaitShown waits until somebody's position was shown.
func (w *world) awaitShown(c chat.ConversationID, u chat.UserID, seq int64) {
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	for !slices.ContainsFunc(w.heard.shown, func(s chat.Shown) bool { return s.Conversation == c && s.User == u && s.Seq == seq }) {
		w.heard.more.Wait()
	}
}

func (w *world) read(t *testing.T, u chat.UserID, c chat.ConversationID, m chat.MessageID) chat.ReadState {
	t.Helper()
	state, err := w.AdvanceRead(t.Context(), u, c, m)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// readAll has everybody but the first read a message at once, each twice.
func (w *world) readAll(t *testing.T, c chat.ConversationID, m chat.MessageID) {
	var reading sync.WaitGroup
	for _, u := range append(w.people[1:], w.people[1:]...) {
		reading.Go(func() {
			if state, err := w.AdvanceRead(t.Context(), u, c, m); err != nil || state.UnreadCount != 0 || state.LastReadMessageID != m {
				t.Errorf("reading: %+v, %v", state, err)
			}
		})
	}
	reading.Wait()
}

func TestEverybodyWhoReadsAMessageOfALargeGroupIsCountedOnce(t *testing.T) {
	for name, readers := range map[string]chat.Readers{"in memory": inmem.NewReaders(), "in the store alone": nil} {
		t.Run(name, func(t *testing.T) {
			w, c, _ := readingWorld(t, readers)
			m := w.send(t, c, w.people[0], "one", "Hello")
			w.readAll(t, c, m.ID)
			w.awaitCount(m.ID, 11)
			page, err := w.MessageReaders(t.Context(), w.people[3], c, m.ID, chat.ReaderCursor{}, 100)
			if err != nil || len(page.Readers) != 11 || page.Count != 11 || page.HasMore {
				t.Errorf("%d readers, %d counted, more %v, %v", len(page.Readers), page.Count, page.HasMore, err)
			}
			if slices.ContainsFunc(page.Readers, func(r chat.Reader) bool { return r.User.ID == w.people[0] }) {
				t.Error("the sender is among the readers")
			}
		})
	}
}

func TestWhoLetsNobodyKnowIsNeitherCountedNorShown(t *testing.T) {
	w, large, small := readingWorld(t, inmem.NewReaders())
	off, on := false, true
	if _, err := w.UpdateMe(t.Context(), w.people[1], chat.ProfileEdit{ReadReceiptsEnabled: &off}); err != nil {
		t.Fatal(err)
	}
	m, quiet := w.send(t, large, w.people[0], "one", "Hello"), w.send(t, small, w.people[0], "one", "Hello")
	w.readAll(t, large, m.ID)
	w.awaitCount(m.ID, 10)
	if state := w.read(t, w.people[1], small, quiet.ID); state.UnreadCount != 0 || state.LastReadSeq != 1 {
		t.Errorf("the own position is %+v", state)
	}
	w.heard.mu.Lock()
	if slices.ContainsFunc(w.heard.shown, func(s chat.Shown) bool { return s.User == w.people[1] && s.Seq > 0 }) {
		t.Errorf("shown: %+v", w.heard.shown)
	}
	w.heard.mu.Unlock()
	receipts, err := w.Receipts(t.Context(), []chat.ConversationID{small})
	if err != nil || slices.ContainsFunc(receipts[small].Shown, func(s chat.Shown) bool { return s.User == w.people[1] && s.Seq > 0 }) {
		t.Errorf("receipts: %+v, %v", receipts, err)
	}
	if _, err := w.UpdateMe(t.Context(), w.people[1], chat.ProfileEdit{ReadReceiptsEnabled: &on}); err != nil {
		t.Fatal(err)
	}
	w.awaitCount(m.ID, 11)
}

func TestReadingInASmallConversationIsShownAtOnceAndSoIsSending(t *testing.T) {
	w, _, c := readingWorld(t, inmem.NewReaders())
	first := w.send(t, c, w.people[0], "one", "Hello")
	w.read(t, w.people[1], c, first.ID)
	w.awaitShown(c, w.people[1], 1)
	second := w.send(t, c, w.people[1], "two", "Hello to you")
	w.awaitShown(c, w.people[1], second.Seq)
}

func TestSendingInALargeGroupIsReading(t *testing.T) {
	w, c, _ := readingWorld(t, inmem.NewReaders())
	m := w.send(t, c, w.people[0], "one", "Hello")
	w.send(t, c, w.people[1], "two", "Hello to you")
	w.awaitCount(m.ID, 1)
}

func TestTheOperatorSaysFromWhichSizeReadersAreCounted(t *testing.T) {
	w := newWorldWith(t, 3, chat.Config{NewID: newID, Readers: inmem.NewReaders(), ReadThreshold: 3})
	three, two := w.group(t, w.people...), w.group(t, w.people[:2]...)
	m, n := w.send(t, three, w.people[0], "one", "Hello"), w.send(t, two, w.people[0], "one", "Hello")
	w.read(t, w.people[1], three, m.ID)
	w.awaitCount(m.ID, 1)
	w.read(t, w.people[1], two, n.ID)
	w.awaitShown(two, w.people[1], n.Seq)
	if count := w.heard.countTold(n.ID); count != -1 {
		t.Errorf("the readers of the small one are counted: %d", count)
	}
}

func TestWhoLeavesIsNotCountedAnyMore(t *testing.T) {
	w, c, _ := readingWorld(t, inmem.NewReaders())
	m := w.send(t, c, w.people[0], "one", "Hello")
	w.readAll(t, c, m.ID)
	w.awaitCount(m.ID, 11)
	if err := w.RemoveParticipant(t.Context(), w.people[5], c, w.people[5]); err != nil {
		t.Fatal(err)
	}
	w.awaitCount(m.ID, 10)
	_, err := w.AdvanceRead(t.Context(), w.people[5], c, m.ID)
	wantCode(t, err, chat.CodeNotInConversation)
}

func TestAPositionInALargeGroupNeverGoesBackAndOnlyKnowsItsOwnMessages(t *testing.T) {
	w, c, other := readingWorld(t, inmem.NewReaders())
	first, second := w.send(t, c, w.people[0], "one", "Hello"), w.send(t, c, w.people[0], "two", "Again")
	foreign := w.send(t, other, w.people[0], "three", "Elsewhere")
	if got := w.read(t, w.people[1], c, second.ID); got.LastReadSeq != 2 || got.UnreadCount != 0 {
		t.Errorf("after the second: %+v", got)
	}
	if got := w.read(t, w.people[1], c, first.ID); got.LastReadSeq != 2 || got.UnreadCount != 0 || got.LastReadMessageID != second.ID {
		t.Errorf("after the first again: %+v", got)
	}
	for _, id := range []chat.MessageID{foreign.ID, chat.MessageID(newID()), "'; --"} {
		_, err := w.AdvanceRead(t.Context(), w.people[1], c, id)
		wantCode(t, err, chat.CodeNotFound)
	}
	if got := w.read(t, w.people[1], c, ""); got.LastReadSeq != 2 {
		t.Errorf("asked for: %+v", got)
	}
}

func TestWhatWasReadIsWrittenWhenTheRulesEnd(t *testing.T) {
	w := newWorld(t, 12)
	rules := chat.New(chat.Config{NewID: newID, Readers: inmem.NewReaders()}, w.store, w.heard)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		rules.Run(ctx)
		close(ran)
	}()
	c := w.group(t, w.people...)
	m := w.send(t, c, w.people[0], "one", "Hello")
	if _, err := rules.AdvanceRead(ctx, w.people[1], c, m.ID); err != nil {
		t.Fatal(err)
	}
	stop()
	<-ran
	states, err := w.store.ReadStates(t.Context(), c, w.people[1:2])
	if err != nil || states[w.people[1]].LastReadSeq != 1 {
		t.Errorf("the store has %+v, %v", states, err)
	}
}

// poisoned cannot write the steps of one person.
type poisoned struct {
	chat.Store
	user chat.UserID
}

func (p poisoned) WriteSteps(ctx context.Context, steps []chat.Step) error {
	if slices.ContainsFunc(steps, func(s chat.Step) bool { return s.User == p.user }) {
		return errors.New("this one cannot be written")
	}
	return p.Store.WriteSteps(ctx, steps)
}

func TestAStepThatCannotBeWrittenHoldsUpNoOtherAndIsBuriedAfterFiveTries(t *testing.T) {
	w := newWorld(t, 12)
	c := w.group(t, w.people...)
	m := w.send(t, c, w.people[0], "one", "Hello")
	readers := inmem.NewReaders()
	reports := make(chan chat.FlushReport, 10)
	rules := chat.New(chat.Config{NewID: newID, Readers: readers, Flushed: func(r chat.FlushReport) { reports <- r }}, poisoned{w.store, w.people[7]}, w.heard)
	var steps []chat.Step
	for _, u := range w.people[1:] {
		steps = append(steps, chat.Step{Conversation: c, User: u, Message: m.ID, Seq: 1, At: time.Now().UTC()})
	}
	if err := readers.Advance(t.Context(), c, steps, chat.ByReading); err != nil && !errors.Is(err, chat.ErrUnseeded) {
		t.Fatal(err)
	}
	for try := 1; try <= 5; try++ {
		rules.Flush(t.Context())
		got := <-reports
		want := chat.FlushReport{Again: 1, Waiting: 1}
		if try == 1 {
			want.Written = 10
		}
		buried := 0
		if try == 5 {
			want, buried = chat.FlushReport{}, 1
		}
		if len(got.Buried) != buried || buried == 1 && (got.Buried[0].User != w.people[7] || got.Buried[0].Reason != "this one cannot be written") {
			t.Errorf("try %d: buried %+v", try, got.Buried)
		}
		if got.Took <= 0 {
			t.Errorf("try %d took %v", try, got.Took)
		}
		got.Took, got.Buried = 0, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("try %d: %+v, want %+v", try, got, want)
		}
	}
	buried, all, err := w.store.BuriedSteps(t.Context(), chat.Buried{}, 10)
	if err != nil || all != 1 || buried[0].User != w.people[7] || buried[0].Reason != "this one cannot be written" {
		t.Errorf("buried: %+v, %d, %v", buried, all, err)
	}
}

// leafed is a store that answers in pages of two.
type leafed struct{ chat.Store }

func (l leafed) BuriedSteps(ctx context.Context, after chat.Buried, _ int) ([]chat.Buried, int, error) {
	return l.Store.BuriedSteps(ctx, after, 2)
}

func TestBuriedStepsAreReplayedPageByPageAndWhatStaysIsTold(t *testing.T) {
	w := newWorld(t, 12)
	c := w.group(t, w.people...)
	m := w.send(t, c, w.people[0], "one", "Hello")
	for _, u := range w.people[1:] {
		step := chat.Step{Conversation: c, User: u, Message: m.ID, Seq: 1, At: time.Now().UTC(), Tries: 5}
		if err := w.store.BuryStep(t.Context(), step, "the reason"); err != nil {
			t.Fatal(err)
		}
	}
	replay := func(store chat.Store, wantWritten int, wantStay ...chat.UserID) {
		t.Helper()
		var stay []chat.UserID
		written, err := chat.Replay(t.Context(), leafed{store}, func(f chat.Fate) {
			if f.Why == nil || f.Why.Error() != "this one cannot be written" {
				t.Errorf("it stays because of %v", f.Why)
			}
			stay = append(stay, f.User)
		})
		if err != nil || written != wantWritten || !slices.Equal(stay, wantStay) {
			t.Errorf("%d written, %v stay, %v; want %d and %v", written, stay, err, wantWritten, wantStay)
		}
	}
	one := poisoned{w.store, w.people[7]}
	replay(one, 10, w.people[7])
	replay(one, 0, w.people[7])
	replay(w.store, 1)
	replay(w.store, 0)
	counts, err := w.store.ReadCounts(t.Context(), c, []chat.Counted{{Message: m.ID, Seq: 1, Sender: m.Sender}})
	if err != nil || counts[m.ID] != 11 {
		t.Errorf("%v, %v", counts, err)
	}
}

// absent is a store that is away when steps are to be written.
type absent struct{ chat.Store }

func (absent) WriteSteps(context.Context, []chat.Step) error {
	return &chat.Error{Code: chat.CodeDBConnectionLost, Message: "The database cannot be reached."}
}

func TestWhileTheStoreIsAwayNoStepIsReplayedOrTriedOrToldToStay(t *testing.T) {
	w := newWorld(t, 12)
	c := w.group(t, w.people...)
	m := w.send(t, c, w.people[0], "one", "Hello")
	step := chat.Step{Conversation: c, User: w.people[1], Message: m.ID, Seq: 1, At: time.Now().UTC(), Tries: 5}
	if err := w.store.BuryStep(t.Context(), step, "the reason"); err != nil {
		t.Fatal(err)
	}
	written, err := chat.Replay(t.Context(), absent{w.store}, func(f chat.Fate) { t.Errorf("%s stays because of %v", f.User, f.Why) })
	if written != 0 || chat.AsError(err).Code != chat.CodeDBConnectionLost {
		t.Errorf("%d written, %v", written, err)
	}
	buried, all, err := w.store.BuriedSteps(t.Context(), chat.Buried{}, 10)
	if err != nil || all != 1 || buried[0].Tries != 5 {
		t.Errorf("buried: %+v, %d, %v", buried, all, err)
	}
}

func TestReadersAreNamedOnceAGroupHasBecomeSmall(t *testing.T) {
	w := newWorldWith(t, 10, chat.Config{NewID: newID, Readers: inmem.NewReaders()})
	c := w.group(t, w.people...)
	m := w.send(t, c, w.people[0], "one", "Hello")
	w.read(t, w.people[1], c, m.ID)
	w.awaitCount(m.ID, 1)
	if err := w.RemoveParticipant(t.Context(), w.people[0], c, w.people[9]); err != nil {
		t.Fatal(err)
	}
	receipts, err := w.Receipts(t.Context(), []chat.ConversationID{c})
	if err != nil || receipts[c].Counts != nil || !slices.ContainsFunc(receipts[c].Shown, func(s chat.Shown) bool { return s.User == w.people[1] && s.Seq == 1 }) {
		t.Errorf("receipts: %+v, %v", receipts, err)
	}
}

func TestAWrongMessageIsAnsweredAsOneAlsoBesideARightOneOfTheSamePerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c, other := readingWorld(t, inmem.NewReaders())
		m, foreign := w.send(t, c, w.people[0], "one", "Hello"), w.send(t, other, w.people[0], "one", "Hello")
		var reading sync.WaitGroup
		reading.Go(func() { w.read(t, w.people[1], c, m.ID) })
		_, err := w.AdvanceRead(t.Context(), w.people[1], c, foreign.ID)
		wantCode(t, err, chat.CodeNotFound)
		reading.Wait()
	})
}

// torn is a store of which one conversation cannot be read.
type torn struct {
	chat.Store
	conversation chat.ConversationID
}

func (s *torn) NewestMessages(ctx context.Context, c chat.ConversationID, limit int) ([]chat.Counted, error) {
	if c == s.conversation {
		return nil, errors.New("a broken page")
	}
	return s.Store.NewestMessages(ctx, c, limit)
}

func TestOneConversationThatCannotBeReadKeepsTheReceiptsOfNoOtherBack(t *testing.T) {
	w, large, small := readingWorld(t, inmem.NewReaders())
	broken := w.group(t, w.people...)
	rules := chat.New(chat.Config{NewID: newID, Readers: inmem.NewReaders()}, &torn{w.store, broken}, w.heard)
	got, err := rules.Receipts(t.Context(), []chat.ConversationID{broken, large, small})
	var unread *chat.UnreadReceipts
	if !errors.As(err, &unread) || !slices.Equal(unread.Of, []chat.ConversationID{broken}) {
		t.Errorf("not read: %v", err)
	}
	if len(got) != 2 || got[large].Counts == nil || got[small].Shown == nil {
		t.Errorf("read: %+v", got)
	}
}

func TestReadingTheSameAgainShowsNobodyAnything(t *testing.T) {
	w, _, c := readingWorld(t, inmem.NewReaders())
	m := w.send(t, c, w.people[0], "one", "Hello")
	for range 3 {
		w.read(t, w.people[1], c, m.ID)
	}
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	times := 0
	for _, s := range w.heard.shown {
		if s.User == w.people[1] {
			times++
		}
	}
	if times != 1 {
		t.Errorf("shown %d times", times)
	}
}
