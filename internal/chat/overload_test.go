package chat_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// slow is the rules in fake time over a store whose appends do what a test says.
func slow(t *testing.T, append func(n int) ([]chat.Appended, error), overloaded func(bool)) (w *world, c chat.ConversationID) {
	c, ada := chat.ConversationID(newID()), chat.UserID(newID())
	w = &world{people: []chat.UserID{ada}, heard: newRecorder()}
	w.store = &faultyStore{Store: fixedRoster{roster: chat.Roster{Type: chat.Group, Rev: 1, Roles: map[chat.UserID]chat.Role{ada: chat.RoleOwner}}}}
	w.store.fault(func(_ context.Context, drafts []chat.Draft, _ func() ([]chat.Appended, error)) ([]chat.Appended, error) {
		return append(len(drafts))
	})
	w.Service = chat.New(chat.Config{NewID: newID, Overloaded: overloaded}, w.store, w.heard)
	w.run(t)
	return w, c
}

func TestASendThatCouldNotBeAnsweredInTimeIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := slow(t, func(n int) ([]chat.Appended, error) {
			time.Sleep(2 * time.Second)
			return make([]chat.Appended, n), nil
		}, nil)
		post := func(key string) <-chan answer { return w.post(c, w.people[0], key, "Hello") }
		for i := range 6 {
			if a := <-post(fmt.Sprint("alone", i)); a.err != nil {
				t.Fatal(a.err)
			}
		}
		first := post("first")
		synctest.Wait()
		asked := time.Now()
		e := chat.AsError((<-post("at-once")).err)
		if took := time.Since(asked); took != 0 || e.Code != chat.CodeDBTimeout || e.Reason != chat.ReasonOverloaded || e.Outcome != chat.OutcomeRejected {
			t.Errorf("%v after %v", e, took)
		}
		if e.RetryAfter < 3*time.Second || e.RetryAfter > 8*time.Second {
			t.Errorf("it may come again after %v", e.RetryAfter)
		}
		time.Sleep(1700 * time.Millisecond)
		// There is time for this one: the rest of the batch before it, and its own.
		second := post("second")
		for _, answered := range []<-chan answer{first, second} {
			if a := <-answered; a.err != nil {
				t.Error(a.err)
			}
		}
		if got := w.Overload().RefusedSends; got != 1 {
			t.Errorf("%d refused", got)
		}
	})
}

func TestADatabaseThatIsQuickAgainTakesEverythingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var takes atomic.Int64
		takes.Store(int64(2900 * time.Millisecond))
		w, c := slow(t, func(n int) ([]chat.Appended, error) {
			took := time.Duration(takes.Load())
			time.Sleep(took)
			if took > time.Second {
				return nil, &chat.Error{Code: chat.CodeDBTimeout, Message: "It hangs.", Outcome: chat.OutcomeUnknown}
			}
			return make([]chat.Appended, n), nil
		}, nil)
		for i := range 4 {
			wantCode(t, (<-w.post(c, w.people[0], fmt.Sprint("hangs", i), "Hello")).err, chat.CodeDBTimeout)
			time.Sleep(10 * time.Second)
		}
		takes.Store(int64(time.Millisecond))
		for i := range 8 {
			if a := <-w.post(c, w.people[0], fmt.Sprint("quick", i), "Hello"); a.err != nil {
				t.Fatal(a.err)
			}
		}
		takes.Store(int64(100 * time.Millisecond))
		first := w.post(c, w.people[0], "first", "Hello")
		synctest.Wait()
		second := w.post(c, w.people[0], "second", "Hello")
		for _, answered := range []<-chan answer{first, second} {
			if a := <-answered; a.err != nil {
				t.Error(a.err)
			}
		}
	})
}

func TestWorkIsLeftOutInItsOrderAndDoneAgainInSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var told []bool
		w, c := slow(t, func(n int) ([]chat.Appended, error) {
			<-release
			return make([]chat.Appended, n), nil
		}, func(is bool) { told = append(told, is) })
		if w.Shed(chat.WorkTyping) {
			t.Error("a node with nothing to do leaves typing out")
		}
		answers := []<-chan answer{w.post(c, w.people[0], "first", "Hello")}
		synctest.Wait()
		for i := range 900 {
			answers = append(answers, w.post(c, w.people[0], fmt.Sprint("m", i), "Hello"))
		}
		all := []chat.Work{chat.WorkTyping, chat.WorkPresence, chat.WorkReceipts, chat.WorkReads}
		time.Sleep(25 * time.Millisecond)
		for step := range len(all) + 1 {
			for i, work := range all {
				if got := w.Shed(work); got != (i < step) {
					t.Errorf("after %d looks %v is left out: %v", step, work, got)
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		close(release)
		for i, answered := range answers {
			if a := <-answered; a.err != nil {
				t.Fatalf("send %d: %v", i, a.err)
			}
		}
		calm := time.Now()
		for w.Overload().Level > 0 {
			time.Sleep(50 * time.Millisecond)
		}
		if took := time.Since(calm); took > 2*time.Second {
			t.Errorf("everything is done again after %v", took)
		}
		synctest.Wait()
		if len(told) != 2 || !told[0] || told[1] {
			t.Errorf("told %v", told)
		}
		if o := w.Overload(); o.Shed[chat.WorkReads] != 1 {
			t.Errorf("%+v", o)
		}
	})
}

func TestABurstThatIsOverInAMomentCostsNobodyTheirReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := slow(t, func(n int) ([]chat.Appended, error) {
			time.Sleep(60 * time.Millisecond)
			return make([]chat.Appended, n), nil
		}, nil)
		var answers []<-chan answer
		for i := range 1000 {
			answers = append(answers, w.post(c, w.people[0], fmt.Sprint("m", i), "Hello"))
		}
		for range 40 {
			time.Sleep(50 * time.Millisecond)
			if w.Shed(chat.WorkReads) || w.Shed(chat.WorkReceipts) {
				t.Fatal("reads or receipts are left out")
			}
		}
		for _, answered := range answers {
			if a := <-answered; a.err != nil {
				t.Error(a.err)
			}
		}
	})
}

func TestAnOutageThatIsOverInTimeIsNoOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := slow(t, func(n int) ([]chat.Appended, error) {
			time.Sleep(5 * time.Millisecond)
			return make([]chat.Appended, n), nil
		}, nil)
		back := make(chan struct{})
		w.store.awaits(func(context.Context) error {
			<-back
			return nil
		})
		var answers []<-chan answer
		send := func(n int) {
			for range n {
				answers = append(answers, w.post(c, w.people[0], fmt.Sprint("m", len(answers)), "Hello"))
			}
		}
		for range 9 {
			send(90)
			time.Sleep(200 * time.Millisecond)
		}
		send(90)
		close(back)
		time.Sleep(time.Second)
		// There is time again: what it waited says nothing of how long the next batches take.
		send(600)
		for _, answered := range answers {
			if a := <-answered; a.err != nil {
				t.Fatal(a.err)
			}
		}
	})
}

func TestARowThatSomebodyKeepsLockedCostsNobodyTheirReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locked := chat.ConversationID(newID())
		w, c := slow(t, nil, nil)
		w.store.fault(func(_ context.Context, drafts []chat.Draft, _ func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			for i := range drafts {
				if drafts[i].Conversation == locked {
					time.Sleep(time.Second)
					return nil, &chat.Error{Code: chat.CodeDBTimeout, Reason: chat.ReasonLocked, Message: "locked", Outcome: chat.OutcomeRejected}
				}
			}
			return make([]chat.Appended, len(drafts)), nil
		})
		wantCode(t, (<-w.post(locked, w.people[0], "first", "Hello")).err, chat.CodeDBTimeout)
		time.Sleep(time.Second)
		for round := range 3 {
			stuck := w.post(locked, w.people[0], fmt.Sprint("stuck", round), "Hello")
			free := w.post(c, w.people[0], fmt.Sprint("free", round), "Hello")
			for range 19 {
				time.Sleep(50 * time.Millisecond)
				if w.Shed(chat.WorkReads) || w.Shed(chat.WorkTyping) {
					t.Fatal("work is left out")
				}
			}
			wantCode(t, (<-stuck).err, chat.CodeDBTimeout)
			if a := <-free; a.err != nil {
				t.Error(a.err)
			}
		}
	})
}

func TestWhatWasNeverGivenToADatabaseThatIsAwayIsRefusedForSureAndNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored []string
		w, c := slow(t, nil, nil)
		w.store.fault(func(_ context.Context, drafts []chat.Draft, _ func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			for i := range drafts {
				stored = append(stored, drafts[i].ClientMessageID)
			}
			return make([]chat.Appended, len(drafts)), nil
		})
		back := make(chan struct{})
		w.store.awaits(func(ctx context.Context) error {
			select {
			case <-back:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		began := time.Now()
		var early, late []<-chan answer
		for i := range 3 {
			early = append(early, w.post(c, w.people[0], fmt.Sprint("early", i), "Hello"))
		}
		synctest.Wait()
		// These wait behind the batch of the first.
		for i := range 3 {
			early = append(early, w.post(c, w.people[0], fmt.Sprint("queued", i), "Hello"))
		}
		time.Sleep(time.Second)
		if w.Shed(chat.WorkReads) || w.Shed(chat.WorkTyping) {
			t.Error("a database that is away is taken for too much to do")
		}
		for i := range 3 {
			late = append(late, w.post(c, w.people[0], fmt.Sprint("late", i), "Hello"))
		}
		for i, answered := range early {
			e := chat.AsError((<-answered).err)
			if e.Code != chat.CodeDBConnectionLost || e.Outcome != chat.OutcomeRejected {
				t.Errorf("send %d: %v", i, e)
			}
		}
		if took := time.Since(began); took > 2900*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
		time.Sleep(200 * time.Millisecond)
		close(back)
		for i, answered := range late {
			if a := <-answered; a.err != nil {
				t.Errorf("late send %d: %v", i, a.err)
			}
		}
		synctest.Wait()
		if got := fmt.Sprint(stored); got != "[late0 late1 late2]" {
			t.Errorf("%s is stored", got)
		}
	})
}
