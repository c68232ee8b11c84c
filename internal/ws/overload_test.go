package ws_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// heldStore appends nothing while it holds.
type heldStore struct {
	chat.Store
	holds atomic.Bool
	began atomic.Bool   // something waits to be appended
	goes  chan struct{} // closed when it goes on
	steps atomic.Int64  // of devices that have what was sent
	slow  atomic.Bool   // heads take a second
}

func (s *heldStore) Heads(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID]chat.Head, error) {
	if s.slow.Load() {
		time.Sleep(time.Second)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return s.Store.Heads(ctx, cs)
}

func (s *heldStore) AdvanceDelivered(ctx context.Context, steps []chat.DeliveredStep) error {
	s.steps.Add(int64(len(steps)))
	return s.Store.AdvanceDelivered(ctx, steps)
}

func (s *heldStore) AppendMessages(ctx context.Context, drafts []chat.Draft) ([]chat.Appended, error) {
	if s.holds.Load() {
		s.began.Store(true)
		<-s.goes
	}
	return s.Store.AppendMessages(context.WithoutCancel(ctx), drafts)
}

// until waits until something is so.
func (w *world) until(what string, is func() bool) {
	w.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			w.Fatalf("%s: not after %v", what, patience)
		}
		<-tick.C
	}
}

// flood fills the queue, while nothing is appended, until everything but sends is left out.
func (w *world) flood(c chat.ConversationID, sender chat.UserID) {
	for i := range 950 {
		w.rules.SendMessage(chat.Submission{Conversation: c, Sender: sender, ClientMessageID: fmt.Sprint("m", i), Content: "Hello"}, func(chat.Sent, error) {})
	}
}

func TestUnderOverloadTypingIsDroppedAndAcksAreToldAfterwards(t *testing.T) {
	held := &heldStore{goes: make(chan struct{})}
	w := newWorld(t, options{over: func(s chat.Store) chat.Store { held.Store = s; return held }})
	url := w.serve()
	ada, bob := w.person(), w.person()
	id, flooded := w.group(ada, bob), w.group(bob)
	hers, his := w.connect(url, ada), w.connect(url, bob)
	for _, c := range []*client{hers, his} {
		c.send(`{"type":"subscribe","conversationId":%q}`, id)
		c.await("caught:up")
	}
	for i := range 2 {
		hers.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k%d"}`, id, i)
		hers.await("message:sent")
		his.await("message:received")
	}
	held.holds.Store(true)
	w.flood(flooded, bob)
	w.until("everything is left out", func() bool { return w.rules.Overload().Level == chat.WorkReads })
	his.send(`{"type":"typing:start","conversationId":%q}`, id)
	his.send(`{"type":"message:ack","conversationId":%q,"seq":1}`, id)
	his.send(`{"type":"message:ack","conversationId":%q,"seq":2}`, id)
	w.until("typing and acks are left out", func() bool {
		shed := w.rules.Overload().Shed
		return shed[chat.WorkTyping] == 1 && shed[chat.WorkReceipts] >= 2
	})
	close(held.goes)
	for told := false; !told; {
		switch e, err := hers.next(); {
		case err != nil:
			t.Fatal(err)
		case e.Type == "typing:started":
			t.Error("typing is told")
		case e.Type == "message:delivered":
			if told = true; e.UpToSeq != 2 {
				t.Errorf("%+v: want the furthest ack", e)
			}
		}
	}
	w.until("nothing is left out", func() bool { return w.rules.Overload().Level == 0 })
	his.send(`{"type":"typing:stop","conversationId":%q}`, id)
	his.send(`{"type":"typing:start","conversationId":%q}`, id)
	if e := hers.await("typing:started"); e.UserID != string(bob) {
		t.Errorf("%+v", e)
	}
}

// withHeldAck is a node that has too much to do and holds an ack of his, of her message, whose delivery she would be told.
func withHeldAck(t *testing.T) (w *world, held *heldStore, hers, his *client) {
	t.Helper()
	held = &heldStore{goes: make(chan struct{})}
	w = newWorld(t, options{over: func(s chat.Store) chat.Store { held.Store = s; return held }})
	url := w.serve()
	ada, bob := w.person(), w.person()
	id, flooded := w.group(ada, bob), w.group(bob)
	hers, his = w.connect(url, ada), w.connect(url, bob)
	hers.send(`{"type":"subscribe","conversationId":%q}`, id)
	hers.await("caught:up")
	hers.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"one"}`, id)
	hers.await("message:sent")
	held.holds.Store(true)
	t.Cleanup(func() { close(held.goes) })
	w.flood(flooded, bob)
	w.until("acks are left out", func() bool { return w.rules.Overload().Level >= chat.WorkReceipts })
	his.send(`{"type":"message:ack","conversationId":%q,"seq":1}`, id)
	w.until("the ack is held", func() bool { return w.rules.Overload().Shed[chat.WorkReceipts] > 0 })
	return w, held, hers, his
}

func TestAcksThatAreHeldAreToldWhenTheConnectionEnds(t *testing.T) {
	_, _, hers, his := withHeldAck(t)
	_ = his.CloseNow()
	if e := hers.await("message:delivered"); e.UpToSeq != 1 {
		t.Errorf("%+v", e)
	}
}

func TestAcksThatAreHeldAreNotedWhenTheNodeDrains(t *testing.T) {
	w, held, _, _ := withHeldAck(t)
	if err := w.ws.Drain(bg); err != nil {
		t.Error(err)
	}
	w.until("the ack is written", func() bool { return held.steps.Load() > 0 })
}

func TestManyAcksThatWereHeldAreAllToldByADatabaseThatIsSlow(t *testing.T) {
	var held *heldStore
	timed(t, options{over: func(s chat.Store) chat.Store {
		held = &heldStore{Store: s, goes: make(chan struct{})}
		return held
	}}, func(w *world, connect func() *piped) {
		ada, bob := w.person(), w.person()
		hers, his := connect(), connect()
		hers.send(`{"type":"auth","token":%q}`, w.token(ada, time.Hour))
		his.send(`{"type":"auth","token":%q}`, w.token(bob, time.Hour))
		var ids []chat.ConversationID
		for range 8 {
			id := w.group(ada, bob)
			hers.send(`{"type":"subscribe","conversationId":%q}`, id)
			hers.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"one"}`, id)
			ids = append(ids, id)
		}
		time.Sleep(time.Second)
		held.holds.Store(true)
		w.flood(w.group(bob), bob)
		time.Sleep(1200 * time.Millisecond)
		for _, id := range ids {
			// How far it goes is to be looked up.
			his.send(`{"type":"message:ack","conversationId":%q,"seq":9}`, id)
		}
		synctest.Wait()
		if n := w.rules.Overload().Shed[chat.WorkReceipts]; n < int64(len(ids)) {
			t.Errorf("%d acks are held", n)
		}
		held.slow.Store(true)
		close(held.goes)
		time.Sleep(20 * time.Second)
		if events, _ := hers.seen(); strings.Count(events, "message:delivered") != len(ids) {
			t.Errorf("she was told %s", events)
		}
	})
}

func TestASendThatThereIsNoTimeForIsRefusedAtOnceAndTakenLater(t *testing.T) {
	held := &heldStore{goes: make(chan struct{})}
	w := newWorld(t, options{over: func(s chat.Store) chat.Store { held.Store = s; return held }})
	ada, bob := w.person(), w.person()
	id, flooded := w.group(ada), w.group(bob)
	hers := w.connect(w.serve(), ada)
	held.holds.Store(true)
	w.rules.SendMessage(chat.Submission{Conversation: flooded, Sender: bob, ClientMessageID: "first", Content: "Hello"}, func(chat.Sent, error) {})
	w.until("a batch is under way", held.began.Load)
	for i := 0; w.rules.Overload().RefusedSends == 0; i++ {
		w.rules.SendMessage(chat.Submission{Conversation: flooded, Sender: bob, ClientMessageID: fmt.Sprint("m", i), Content: "Hello"}, func(chat.Sent, error) {})
	}
	for _, key := range []string{"one", "two"} {
		hers.send(`{"type":"message:send","conversationId":%q,"content":"Hello","clientMessageId":%q}`, id, key)
		if e := hers.await("message:error"); e.ClientMessageID != key || e.Code != "DB_TIMEOUT" || e.Outcome != "rejected" || e.RetryAfterMs < 1000 {
			t.Errorf("%+v", e)
		}
	}
	close(held.goes)
	w.until("the queue is empty", func() bool { return w.rules.Queue().Messages == 0 })
	w.until("she can send", func() bool {
		hers.send(`{"type":"message:send","conversationId":%q,"content":"Hello","clientMessageId":"one"}`, id)
		e, err := hers.next()
		if err != nil {
			t.Fatal(err)
		}
		return e.Type == "message:sent"
	})
}

func TestASendThatIsRefusedWhileTheNodeDrainsIsAnswered(t *testing.T) {
	var held *heldStore
	var drain func()
	timed(t, options{
		over: func(s chat.Store) chat.Store {
			held = &heldStore{Store: s, goes: make(chan struct{})}
			return held
		},
		sent: func(r chat.SendReport) {
			if r.ClientMessageID == "hers" {
				drain()
			}
		},
	}, func(w *world, connect func() *piped) {
		ada, bob := w.person(), w.person()
		id, flooded := w.group(ada), w.group(bob)
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(ada, time.Hour))
		drained := make(chan error, 1)
		drain = func() {
			go func() { drained <- w.ws.Drain(bg) }()
			time.Sleep(time.Second)
		}
		held.holds.Store(true)
		flood := func(key string) {
			w.rules.SendMessage(chat.Submission{Conversation: flooded, Sender: bob, ClientMessageID: key, Content: "Hello"}, func(chat.Sent, error) {})
		}
		flood("first")
		synctest.Wait()
		for i := 0; w.rules.Overload().RefusedSends == 0; i++ {
			flood(fmt.Sprint("m", i))
		}
		c.send(`{"type":"message:send","conversationId":%q,"content":"Hello","clientMessageId":"hers"}`, id)
		if err := <-drained; err != nil {
			t.Error(err)
		}
		close(held.goes)
		if events, code := c.seen(); code != 1012 || !strings.Contains(events, "message:error") {
			t.Errorf("%q and close %d", events, code)
		}
	})
}

// stuckChanges does not find a message that is to be changed.
type stuckChanges struct{ chat.Store }

func (stuckChanges) Message(ctx context.Context, _ chat.ConversationID, _ chat.MessageID) (chat.Message, error) {
	<-ctx.Done()
	return chat.Message{}, ctx.Err()
}

func TestANodeThatDrainsDoesNotLookAgainAndAgainForTimeToTellAcks(t *testing.T) {
	var held *heldStore
	timed(t, options{over: func(s chat.Store) chat.Store {
		held = &heldStore{Store: stuckChanges{s}, goes: make(chan struct{})}
		return held
	}}, func(w *world, connect func() *piped) {
		ada, bob := w.person(), w.person()
		id := w.group(ada, bob)
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(ada, time.Hour))
		c.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"one"}`, id)
		c.seen()
		held.holds.Store(true)
		w.flood(w.group(bob), bob)
		time.Sleep(1200 * time.Millisecond)
		c.send(`{"type":"message:ack","conversationId":%q,"seq":1}`, id)
		synctest.Wait()
		if w.rules.Overload().Shed[chat.WorkReceipts] == 0 {
			t.Error("the ack is not held")
		}
		// It keeps the connection open.
		c.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"other"}`, id, nobodys)
		synctest.Wait()
		drained := make(chan error, 1)
		began := time.Now()
		go func() { drained <- w.ws.Drain(bg) }()
		close(held.goes)
		// Fake time stands still while anybody goes round.
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < time.Second {
			t.Errorf("drained after %v: the edit was to keep it open", took)
		}
	})
}

func TestWhatWaitsBesideTheReadingIsBoundedInBytes(t *testing.T) {
	warily(t, func(w *world, db *wary, id chat.ConversationID, ada, _ *piped) {
		large := strings.Repeat("x", 60<<10)
		for range 20 {
			ada.send(`{"type":"message:edit","conversationId":%q,"messageId":%q,"content":"other","more":%q}`, id, nobodys, large)
		}
		synctest.Wait()
		events, code := ada.seen()
		if n := strings.Count(events, " error"); n != 2 {
			t.Errorf("%d of 20 frames of 60 KiB are refused: %.300q, %d", n, events, code)
		}
	})
}
