package ws_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// wary is a database that says who is in some conversations, which message is which and who is invisible only when it is let.
type wary struct {
	chat.Store
	gate   chan struct{} // closed when it answers
	silent map[chat.ConversationID]bool
	asked  int // who is in those
}

func (s *wary) pass(ctx context.Context) error {
	select {
	case <-s.gate:
		return nil
	case <-ctx.Done():
		return &chat.Error{Code: chat.CodeDBTimeout, Err: ctx.Err()}
	}
}

func (s *wary) Roster(ctx context.Context, c chat.ConversationID) (chat.Roster, error) {
	if s.silent[c] {
		s.asked++
		if err := s.pass(ctx); err != nil {
			return chat.Roster{}, err
		}
	}
	return s.Store.Roster(ctx, c)
}

func (s *wary) Message(ctx context.Context, c chat.ConversationID, id chat.MessageID) (chat.Message, error) {
	if err := s.pass(ctx); err != nil {
		return chat.Message{}, err
	}
	return s.Store.Message(ctx, c, id)
}

func (s *wary) Privacies(ctx context.Context, us []chat.UserID) (map[chat.UserID]chat.Privacy, error) {
	if err := s.pass(ctx); err != nil {
		return nil, err
	}
	return s.Store.Privacies(ctx, us)
}

// warily has two people who follow a conversation on a node whose database is wary.
func warily(t *testing.T, test func(w *world, db *wary, id chat.ConversationID, ada, bob *piped)) {
	var db *wary
	o := options{over: func(s chat.Store) chat.Store {
		db = &wary{Store: s, gate: make(chan struct{}), silent: make(map[chat.ConversationID]bool)}
		return db
	}}
	timed(t, o, func(w *world, connect func() *piped) {
		id, ada, bob := typists(w, connect)
		ada.seen()
		bob.forget()
		test(w, db, id, ada, bob)
	})
}

// forget has what was seen so far not be seen.
func (c *piped) forget() {
	c.seen()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = nil
}

const nobodys = "0198c0de-0000-7000-8000-000000000e55"

func TestASendDoesNotWaitForTheEditsAndTheTypingBeforeIt(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, _ *piped) {
		ada.forget()
		for range 2 {
			other := newID()
			db.silent[chat.ConversationID(other)] = true
			ada.send(`{"type":"typing:start","conversationId":%q}`, other)
		}
		ada.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"other"}`, id, nobodys)
		ada.send(`{"type":"message:delete","conversationId":%q,"messageId":%q}`, id, nobodys)
		ada.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k1"}`, id)
		time.Sleep(time.Second)
		if got, _ := ada.seen(); !strings.Contains(got, "message:sent") || strings.Contains(got, "error") {
			w.Errorf("within a second came %q", got)
		}
		time.Sleep(2*time.Second + time.Millisecond)
		if got := ada.refused(); len(got) != 4 || strings.Count(strings.Join(got, ","), "DB_TIMEOUT") != 4 {
			w.Errorf("after three seconds was answered %q", got)
		}
		close(db.gate)
	})
}

func TestEditsAreDoneInTheirOrderThoughTheDatabaseIsSlow(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, bob *piped) {
		ada.send(`{"type":"message:send","conversationId":%q,"content":"none","clientMessageId":"k1"}`, id)
		sent := ada.last(1).MessageID
		bob.forget()
		want := ""
		for _, content := range []string{"one", "two", "three"} {
			ada.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":%q}`, id, sent, content)
			want += "message:updated " + content + ", "
		}
		ada.send(`{"type":"message:delete","conversationId":%q,"messageId":%q}`, id, sent)
		ada.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"late"}`, id, sent)
		ada.forget()
		time.Sleep(time.Second)
		close(db.gate)
		bob.seen()
		got := ""
		for _, e := range bob.events {
			if e.Type == "message:updated" || e.Type == "message:deleted" {
				got += strings.TrimSpace(e.Type+" "+e.Message.Content) + ", "
			}
		}
		if want += "message:deleted, "; got != want {
			w.Errorf("told was %q, want %q", got, want)
		}
		if got := ada.refused(); len(got) != 1 || got[0] != "NOT_FOUND "+sent {
			w.Errorf("refused was %q", got)
		}
	})
}

func TestMoreEditsThanMayWaitAreRefusedAndSendsAreNot(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, _ *piped) {
		for range 1 + 256 {
			ada.send(`{"type":"message:delete","conversationId":%q,"messageId":%q}`, id, nobodys)
		}
		if got := ada.refused(); len(got) > 0 {
			w.Errorf("refused were %q", got)
		}
		ada.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"x"}`, id, nobodys)
		ada.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k1"}`, id)
		if got := ada.last(1); got.Type != "message:sent" {
			w.Errorf("the send was answered %+v", got)
		}
		if got := strings.Join(ada.refused(), ","); got != "RATE_LIMITED "+nobodys {
			w.Errorf("refused were %q", got)
		}
		time.Sleep(3*time.Second + time.Millisecond)
		if got := ada.refused(); len(got) != 1+256 {
			w.Errorf("within three seconds %d of those that waited were answered", len(got))
		}
		close(db.gate)
	})
}

func TestAnEditThatWaitsIsAnsweredBeforeADrainingNodeCloses(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, _ *piped) {
		ada.forget()
		ada.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"x"}`, id, nobodys)
		drained := make(chan error, 1)
		go func() { drained <- w.ws.Drain(bg) }()
		time.Sleep(time.Second)
		ada.expect("while it waits", "system:draining", 0)
		close(db.gate)
		ada.expect("once it is answered", "system:draining error", 1012)
		if err := <-drained; err != nil {
			w.Error(err)
		}
	})
}

func TestATypingThatWaitsIsNotPassedOnAfterTheMessage(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, bob *piped) {
		frame := func(kind string) { ada.send(`{"type":"typing:%s","conversationId":%q}`, kind, id) }
		frame("start")
		ada.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k1"}`, id)
		time.Sleep(time.Second)
		bob.expect("while it waits", "message:received"+receipts, 0)
		close(db.gate)
		bob.expect("when the database answers", "message:received"+receipts, 0)
		frame("start")
		bob.expect("once they type again", "message:received"+receipts+" typing:started", 0)
	})
}

func TestOfTypingThatWaitsTheLastWordCounts(t *testing.T) {
	for words, want := range map[string]string{
		"start": "typing:started", "start stop": "", "start stop start": "typing:started", "stop start": "typing:started",
		"stop": "", "start send start": "message:received typing:started",
	} {
		warily(t, func(w *world, db *wary, id chat.ConversationID, ada, bob *piped) {
			for _, word := range strings.Fields(words) {
				if word == "send" {
					ada.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k1"}`, id)
					continue
				}
				ada.send(`{"type":"typing:%s","conversationId":%q}`, word, id)
			}
			close(db.gate)
			bob.expect(words, want, 0)
		})
	}
}

func TestTypingIsPassedOnAtOnceWhereItIsKnownWhoIsThereThoughOthersWait(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, bob *piped) {
		go func() {
			time.Sleep(time.Second)
			close(db.gate)
		}()
		ada.send(`{"type":"typing:start","conversationId":%q}`, id)
		time.Sleep(time.Second + time.Millisecond)
		bob.expect("at first", "typing:started", 0)
		db.gate = make(chan struct{})
		other := newID()
		db.silent[chat.ConversationID(other)] = true
		ada.send(`{"type":"typing:start","conversationId":%q}`, other)
		ada.send(`{"type":"typing:stop","conversationId":%q}`, id)
		bob.expect("though another waits", "typing:started typing:stopped", 0)
		close(db.gate)
		ada.seen()
	})
}

func TestMoreTypingThanMayWaitIsDropped(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, _ *piped) {
		for range 300 {
			other := newID()
			db.silent[chat.ConversationID(other)] = true
			ada.send(`{"type":"typing:stop","conversationId":%q}`, other)
		}
		if got := ada.refused(); len(got) > 0 {
			w.Errorf("refused were %q", got)
		}
		time.Sleep(3*time.Second + time.Millisecond)
		if got := ada.refused(); len(got) != 64 {
			w.Errorf("%d were answered", len(got))
		}
		if db.asked != 1 {
			w.Errorf("the database was asked %d times, the last ones for nobody", db.asked)
		}
		close(db.gate)
		synctest.Wait()
	})
}

func TestTypingWhereOneIsNotIsRefused(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, _ *piped) {
		close(db.gate)
		ada.forget()
		for _, c := range []string{"x", newID(), string(w.group(w.person()))} {
			for _, word := range []string{"start", "stop"} {
				ada.send(`{"type":"typing:%s","conversationId":%q}`, word, c)
				if got := fmt.Sprint(ada.refused()); got != fmt.Sprintf("[NOT_IN_CONVERSATION %s]", c) {
					w.Errorf("%s in %s: %s", word, c, got)
				}
			}
		}
	})
}

// lateRosters is a database that is given up before it has said who is in a conversation.
type lateRosters struct{ chat.Store }

func (lateRosters) Roster(context.Context, chat.ConversationID) (chat.Roster, error) {
	return chat.Roster{}, fmt.Errorf("asking who is in it: %w", context.DeadlineExceeded)
}

func TestWhatIsOutOfTimeIsNoFaultOfTheServer(t *testing.T) {
	w := newWorld(t, options{over: func(s chat.Store) chat.Store { return lateRosters{s} }})
	c := w.connect(w.serve(), w.person())
	c.send(`{"type":"receipt:sync","conversationId":%q,"lastReadMessageId":null}`, newID())
	if e := c.await("error"); e.Code != "DB_TIMEOUT" {
		t.Errorf("%+v", e)
	}
}
