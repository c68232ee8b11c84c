package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestSending(t *testing.T) {
	t.Run("a message is stored, answered and announced once", func(t *testing.T) {
		w := newWorld(t, 2)
		c := w.group(t, w.people...)
		m := w.send(t, c, w.people[0], "one", "Hello")
		if m.Seq != 1 || m.Rev != 2 || m.Content != "Hello" {
			t.Fatalf("stored %+v, want seq 1 at rev 2", m)
		}
		w.settle(t)
		if got := w.heard.announced(chat.MessageAdded); len(got) != 1 || got[0].Message.ID != m.ID {
			t.Fatalf("announced %+v", got)
		}
	})

	t.Run("a resent draft is stored once and gets the first answer again", func(t *testing.T) {
		w := newWorld(t, 2)
		c := w.group(t, w.people...)
		first := w.send(t, c, w.people[0], "one", "Hello")
		again := <-w.post(c, w.people[0], "one", "Hello")
		if again.err != nil || !again.Duplicate || again.Message.ID != first.ID || again.Message.Seq != first.Seq || !again.Message.CreatedAt.Equal(first.CreatedAt) {
			t.Fatalf("second answer %+v, want the first", again)
		}
		w.settle(t)
		if got := w.heard.announced(chat.MessageAdded); len(got) != 1 {
			t.Fatalf("announced %d times", len(got))
		}
	})

	t.Run("the same clientMessageId at the same moment is stored once", func(t *testing.T) {
		w := newWorld(t, 2)
		c := w.group(t, w.people...)
		var answers []<-chan answer
		for range 50 {
			answers = append(answers, w.post(c, w.people[0], "one", "Hello"))
		}
		ids := map[chat.MessageID]bool{}
		for _, a := range answers {
			got := <-a
			if got.err != nil {
				t.Fatal(got.err)
			}
			ids[got.Message.ID] = true
		}
		w.settle(t)
		if len(ids) != 1 || len(w.heard.announced(chat.MessageAdded)) != 1 {
			t.Fatalf("%d ids, %d announced", len(ids), len(w.heard.announced(chat.MessageAdded)))
		}
	})

	t.Run("another text under the same key is refused, unless the message was edited since", func(t *testing.T) {
		w := newWorld(t, 2)
		c := w.group(t, w.people...)
		first := w.send(t, c, w.people[0], "one", "Hello")
		other := <-w.post(c, w.people[0], "one", "Other")
		wantCode(t, other.err, chat.CodeValidation)
		if e := chat.AsError(other.err); e.Reason != chat.ReasonIdempotencyConflict || e.Outcome != chat.OutcomeRejected {
			t.Fatalf("refused with %+v", e)
		}
		if _, err := w.EditMessage(t.Context(), w.people[0], c, first.ID, "Edited"); err != nil {
			t.Fatal(err)
		}
		if again := <-w.post(c, w.people[0], "one", "Other"); again.err != nil || again.Message.ID != first.ID {
			t.Fatalf("after an edit: %+v", again)
		}
	})

	t.Run("one sender's messages keep their order", func(t *testing.T) {
		w := newWorld(t, 1)
		c := w.group(t, w.people...)
		var answers []<-chan answer
		for i := range 300 {
			answers = append(answers, w.post(c, w.people[0], fmt.Sprint("m", i), "Hello"))
		}
		for i, a := range answers {
			got := <-a
			if got.err != nil || got.Message.Seq != int64(i+1) {
				t.Fatalf("message %d: seq %d, %v", i, got.Message.Seq, got.err)
			}
		}
	})

	t.Run("what arrives during a commit is one batch", func(t *testing.T) {
		w := newWorld(t, 1)
		c := w.group(t, w.people...)
		w.send(t, c, w.people[0], "warm", "Hello")
		held, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var mu sync.Mutex
		var sizes []int
		w.store.fault(func(_ context.Context, drafts []chat.Draft, commit func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			mu.Lock()
			sizes = append(sizes, len(drafts))
			mu.Unlock()
			once.Do(func() {
				close(held)
				<-release
			})
			return commit()
		})
		first := w.post(c, w.people[0], "first", "Hello")
		<-held
		var rest []<-chan answer
		for i := range 40 {
			rest = append(rest, w.post(c, w.people[0], fmt.Sprint("m", i), "Hello"))
		}
		close(release)
		<-first
		for _, a := range rest {
			if got := <-a; got.err != nil {
				t.Fatal(got.err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(sizes) != 2 || sizes[0] != 1 || sizes[1] != 40 {
			t.Fatalf("batches of %v, want 1 and 40", sizes)
		}
	})
}

func TestBadInputIsRefused(t *testing.T) {
	w := newWorld(t, 2)
	c := w.group(t, w.people[0])
	for name, bad := range map[string]string{
		"empty":              "",
		"white space":        " \t\n\u00a0\u2003",
		"nothing that shows": "\u200b\u200d\ufeff",
		"4,001 code points":  strings.Repeat("a", 4001),
		"16 KiB and 1":       strings.Repeat("😀", 4000) + "a",
		"NUL":                "a\x00b",
		"invalid UTF-8":      "a\xffb",
	} {
		a := <-w.post(c, w.people[0], "id", bad)
		if chat.AsError(a.err).Code != chat.CodeValidation {
			t.Errorf("%s: %v", name, a.err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", 65), "a b", "ü", "a\x7f"} {
		a := <-w.post(c, w.people[0], bad, "Hello")
		if chat.AsError(a.err).Field != "clientMessageId" {
			t.Errorf("clientMessageId %q: %v", bad, a.err)
		}
	}
	for _, id := range []chat.ConversationID{"", "x", chat.ConversationID(newID())} {
		a := <-w.post(id, w.people[0], "id", "Hello")
		wantCode(t, a.err, chat.CodeNotInConversation)
	}
	a := <-w.post(c, w.people[1], "id", "Hello")
	wantCode(t, a.err, chat.CodeNotInConversation)
	if a := <-w.post(c, w.people[0], "id", strings.Repeat("😀", 4000)); a.err != nil {
		t.Errorf("4,000 code points: %v", a.err)
	}
}

func TestWhenTheDatabaseFails(t *testing.T) {
	gone := &chat.Error{Code: chat.CodeDBConnectionLost, Message: "gone", Outcome: chat.OutcomeUnknown}

	t.Run("a commit whose answer was lost is found by trying again", func(t *testing.T) {
		w := newWorld(t, 1)
		c := w.group(t, w.people...)
		var lose sync.Once
		w.store.fault(func(_ context.Context, _ []chat.Draft, commit func() ([]chat.Appended, error)) (out []chat.Appended, err error) {
			out, err = commit()
			lose.Do(func() { out, err = nil, gone })
			return out, err
		})
		a := <-w.post(c, w.people[0], "one", "Hello")
		if a.err != nil || a.Message.Seq != 1 {
			t.Fatalf("answered %+v", a)
		}
		w.settle(t)
		if got := w.heard.announced(chat.MessageAdded); len(got) != 1 {
			t.Fatalf("announced %d times", len(got))
		}
	})

	t.Run("four failures answer with an unknown outcome and make the conversation suspect", func(t *testing.T) {
		w := newWorld(t, 1)
		c := w.group(t, w.people...)
		attempts := 0
		w.store.fault(func(context.Context, []chat.Draft, func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			attempts++
			return nil, gone
		})
		began := time.Now()
		a := <-w.post(c, w.people[0], "one", "Hello")
		e := chat.AsError(a.err)
		if e.Code != chat.CodeDBConnectionLost || e.Outcome != chat.OutcomeUnknown || attempts != 4 || time.Since(began) > 3*time.Second {
			t.Fatalf("%v after %d attempts in %v", e, attempts, time.Since(began))
		}
		w.store.fault(nil)
		w.send(t, c, w.people[0], "two", "Hello")
		w.settle(t)
		w.heard.mu.Lock()
		defer w.heard.mu.Unlock()
		if len(w.heard.suspects) != 1 {
			t.Fatalf("suspects %v", w.heard.suspects)
		}
	})

	t.Run("a retry of what was committed after all makes the conversation suspect again", func(t *testing.T) {
		w := newWorld(t, 1)
		c := w.group(t, w.people...)
		late := func() ([]chat.Appended, error) { return nil, nil }
		w.store.fault(func(_ context.Context, _ []chat.Draft, commit func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			late = commit
			return nil, gone
		})
		wantCode(t, (<-w.post(c, w.people[0], "one", "Hello")).err, chat.CodeDBConnectionLost)
		w.store.fault(nil)
		if _, err := late(); err != nil {
			t.Fatal(err)
		}
		if m := w.send(t, c, w.people[0], "one", "Hello"); m.Seq != 1 {
			t.Fatalf("stored again: %+v", m)
		}
		w.send(t, c, w.people[0], "two", "Hello")
		w.settle(t)
		w.heard.mu.Lock()
		defer w.heard.mu.Unlock()
		if len(w.heard.suspects) != 2 {
			t.Fatalf("suspects %v: nobody is told of the message", w.heard.suspects)
		}
	})

	t.Run("one that the store cannot take does not take the others with it", func(t *testing.T) {
		w := newWorld(t, 1)
		c := w.group(t, w.people...)
		held, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		w.store.fault(func(_ context.Context, drafts []chat.Draft, commit func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			once.Do(func() {
				close(held)
				<-release
			})
			for _, d := range drafts {
				if d.Content == "poison" {
					return nil, errors.New("cannot take it")
				}
			}
			return commit()
		})
		w.post(c, w.people[0], "first", "Hello")
		<-held
		before := w.post(c, w.people[0], "before", "Hello")
		poison := w.post(c, w.people[0], "poison", "poison")
		after := w.post(c, w.people[0], "after", "Hello")
		close(release)
		if a := <-before; a.err != nil {
			t.Fatal(a.err)
		}
		if a := <-after; a.err != nil {
			t.Fatal(a.err)
		}
		wantCode(t, (<-poison).err, chat.CodeInternal)
	})

	t.Run("a conversation whose row somebody keeps locked holds up no other", func(t *testing.T) {
		w := newWorld(t, 1)
		locked, free := w.group(t, w.people...), w.group(t, w.people...)
		held, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var mu sync.Mutex
		var tried [][]chat.ConversationID
		w.store.fault(func(_ context.Context, drafts []chat.Draft, commit func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			once.Do(func() {
				close(held)
				<-release
			})
			var cs []chat.ConversationID
			for _, d := range drafts {
				cs = append(cs, d.Conversation)
			}
			mu.Lock()
			tried = append(tried, cs)
			mu.Unlock()
			if slices.Contains(cs, locked) {
				return nil, &chat.Error{Code: chat.CodeDBTimeout, Reason: chat.ReasonLocked, Message: "locked"}
			}
			return commit()
		})
		w.post(free, w.people[0], "first", "Hello")
		<-held
		kept := w.post(locked, w.people[0], "kept", "Hello")
		goes := w.post(free, w.people[0], "goes", "Hello")
		close(release)
		if a := <-goes; a.err != nil {
			t.Fatal(a.err)
		}
		wantCode(t, (<-kept).err, chat.CodeDBTimeout)
		// From now on the two are not in one batch.
		kept, goes = w.post(locked, w.people[0], "kept-too", "Hello"), w.post(free, w.people[0], "goes-too", "Hello")
		if a := <-goes; a.err != nil {
			t.Fatal(a.err)
		}
		wantCode(t, (<-kept).err, chat.CodeDBTimeout)
		mu.Lock()
		mixed := 0
		for _, cs := range tried {
			if slices.Contains(cs, locked) && slices.Contains(cs, free) {
				mixed++
			}
		}
		mu.Unlock()
		if mixed > 1 {
			t.Errorf("%d batches had both", mixed)
		}
		w.store.fault(nil)
		w.send(t, locked, w.people[0], "kept", "Hello")
	})

	t.Run("what may be stored is not called rejected when its batch was taken apart afterwards", func(t *testing.T) {
		w := newWorld(t, 1)
		locked, other := w.group(t, w.people...), w.group(t, w.people...)
		held, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var together int // only the one lane counts
		w.store.fault(func(_ context.Context, drafts []chat.Draft, commit func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			once.Do(func() {
				close(held)
				<-release
			})
			switch {
			case len(drafts) == 1 && drafts[0].ClientMessageID == "first":
				return commit()
			case len(drafts) == 1:
				return nil, &chat.Error{Code: chat.CodeDBConnectionLost, Outcome: chat.OutcomeRejected, Message: "It is away."}
			}
			if together++; together > 1 {
				return nil, &chat.Error{Code: chat.CodeDBTimeout, Reason: chat.ReasonLocked, Message: "locked"}
			}
			if _, err := commit(); err != nil {
				t.Error(err)
			}
			return nil, &chat.Error{Code: chat.CodeDBConnectionLost, Outcome: chat.OutcomeUnknown, Message: "The answer is lost."}
		})
		first := w.post(locked, w.people[0], "first", "Hello")
		<-held
		both := []<-chan answer{w.post(locked, w.people[0], "one", "Hello"), w.post(other, w.people[0], "two", "Hello")}
		close(release)
		if a := <-first; a.err != nil {
			t.Fatal(a.err)
		}
		for _, answered := range both {
			if a := <-answered; chat.AsError(a.err).Outcome != chat.OutcomeUnknown {
				t.Errorf("what is stored is answered with %+v", a.err)
			}
		}
	})

	t.Run("a hanging database is answered for within 3 seconds, and a late commit is announced", func(t *testing.T) {
		w := newWorld(t, 1)
		c := w.group(t, w.people...)
		hang := make(chan struct{})
		committed := make(chan struct{})
		w.store.fault(func(_ context.Context, _ []chat.Draft, commit func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			<-hang
			defer close(committed)
			return commit()
		})
		began := time.Now()
		a := <-w.post(c, w.people[0], "one", "Hello")
		e := chat.AsError(a.err)
		if took := time.Since(began); e.Code != chat.CodeDBTimeout || e.Outcome != chat.OutcomeUnknown || took > 3*time.Second {
			t.Fatalf("%v after %v", e, took)
		}
		w.store.fault(nil)
		close(hang)
		<-committed
		again := <-w.post(c, w.people[0], "one", "Hello")
		if again.err != nil || again.Message.Seq != 1 {
			t.Fatalf("the retry: %+v", again)
		}
		w.settle(t)
		if got := w.heard.announced(chat.MessageAdded); len(got) != 1 || got[0].Origin != "" {
			t.Fatalf("announced %+v", got)
		}
	})

	t.Run("a full queue answers at once", func(t *testing.T) {
		w := newWorld(t, 1)
		c := w.group(t, w.people...)
		held, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		w.store.fault(func(_ context.Context, drafts []chat.Draft, _ func() ([]chat.Appended, error)) ([]chat.Appended, error) {
			once.Do(func() {
				close(held)
				<-release
			})
			return make([]chat.Appended, len(drafts)), nil
		})
		var waiting []<-chan answer
		waiting = append(waiting, w.post(c, w.people[0], "first", "Hello"))
		<-held
		for i := range 1000 {
			waiting = append(waiting, w.post(c, w.people[0], fmt.Sprint("m", i), "Hello"))
		}
		over := <-w.post(c, w.people[0], "over", "Hello")
		if e := chat.AsError(over.err); e.Code != chat.CodeDBTimeout || e.Outcome != chat.OutcomeRejected || e.RetryAfter == 0 {
			t.Fatalf("over the bound: %v", over.err)
		}
		close(release)
		for i, a := range waiting {
			if got := <-a; got.err != nil {
				t.Fatalf("waiting %d: %v", i, got.err)
			}
		}
	})
}
