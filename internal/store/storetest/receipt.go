package storetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

func receipts(t *testing.T, w world) {
	t.Run("a read position only moves forward", w.onlyForward)
	t.Run("sending moves the sender's position", w.sendingReads)
	t.Run("what was said before somebody came is not unread", w.newcomers)
	t.Run("who comes back keeps the position of then", w.comingBack)
	t.Run("the unread count equals a recount after any history", func(t *testing.T) {
		rapid.Check(t, w.anyHistory)
	})
}

func (w world) onlyForward(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c := w.group(t, ada, bob)
	none, _, err := w.AdvanceRead(ctx, c.ID, bob, "", false)
	ok(t, err)
	same(t, "before the first message", chat.ReadState{Conversation: c.ID}, none)
	var sent []chat.Message
	for i := range 4 {
		sent = append(sent, w.send(t, c, ada, fmt.Sprint(i)))
	}
	third, _, err := w.AdvanceRead(ctx, c.ID, bob, sent[2].ID, false)
	ok(t, err)
	if age := time.Since(third.LastReadAt); age < -time.Second || age > time.Minute {
		t.Errorf("read at %v", third.LastReadAt)
	}
	same(t, "third", chat.ReadState{Conversation: c.ID, UnreadCount: 1, LastReadMessageID: sent[2].ID, LastReadSeq: 3, LastSeq: 4, LastReadAt: third.LastReadAt}, third)
	for _, m := range []chat.MessageID{sent[0].ID, sent[2].ID, ""} {
		got, _, err := w.AdvanceRead(ctx, c.ID, bob, m, false)
		ok(t, err)
		same(t, "an older message or none", third, got)
	}
	if _, _, err := w.AdvanceRead(ctx, c.ID, bob, newID[chat.MessageID](), false); code(err) != chat.CodeNotFound {
		t.Errorf("an unknown message: %v", err)
	}
	elsewhere := w.group(t, ada, bob)
	if _, _, err := w.AdvanceRead(ctx, elsewhere.ID, bob, sent[0].ID, false); code(err) != chat.CodeNotFound {
		t.Errorf("a message of another conversation: %v", err)
	}
	seen, err := w.Conversation(ctx, c.ID, bob)
	ok(t, err)
	if seen.UnreadCount != 1 || seen.LastReadSeq != 3 || seen.LastReadMessageID != sent[2].ID {
		t.Errorf("the conversation says %+v", seen)
	}
}

func (w world) sendingReads(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c := w.group(t, ada, bob)
	w.send(t, c, ada, "one")
	w.send(t, c, ada, "two")
	mine := w.send(t, c, bob, "three")
	got, _, err := w.AdvanceRead(ctx, c.ID, bob, "", false)
	ok(t, err)
	same(t, "after sending", chat.ReadState{Conversation: c.ID, LastReadMessageID: mine.ID, LastReadSeq: 3, LastSeq: 3, LastReadAt: mine.CreatedAt}, got)
	w.send(t, c, ada, "four")
	_, _, err = w.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: mine.ID, RosterRev: c.RosterRev})
	ok(t, err)
	states, err := w.ReadStates(ctx, c.ID, []chat.UserID{ada, bob, newID[chat.UserID]()})
	ok(t, err)
	if len(states) != 2 || states[ada].UnreadCount != 0 || states[bob].UnreadCount != 1 {
		t.Errorf("the states are %+v", states)
	}
}

func (w world) newcomers(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c := w.group(t, ada)
	w.send(t, c, ada, "before")
	c = w.revise(t, c, chat.Revision{Add: []chat.UserID{bob}})
	w.send(t, c, ada, "after")
	got, _, err := w.AdvanceRead(ctx, c.ID, bob, "", false)
	ok(t, err)
	same(t, "newcomer", chat.ReadState{Conversation: c.ID, UnreadCount: 1, LastReadSeq: 1, LastSeq: 2}, got)
}

func (w world) comingBack(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c := w.group(t, ada, bob)
	read := w.send(t, c, ada, "read")
	_, _, err := w.AdvanceRead(ctx, c.ID, bob, read.ID, false)
	ok(t, err)
	c = w.revise(t, c, chat.Revision{Remove: []chat.UserID{bob}})
	w.send(t, c, ada, "missed")
	if _, _, err := w.AdvanceRead(ctx, c.ID, bob, read.ID, false); code(err) != chat.CodeNotInConversation {
		t.Errorf("reading after having left: %v", err)
	}
	c = w.revise(t, c, chat.Revision{Add: []chat.UserID{bob}})
	got, _, err := w.AdvanceRead(ctx, c.ID, bob, "", false)
	ok(t, err)
	if got.LastReadMessageID != read.ID || got.UnreadCount != 1 {
		t.Errorf("got %+v", got)
	}
}

// anyHistory lets people write, delete and read at random and counts again by hand.
func (w world) anyHistory(t *rapid.T) {
	people := []chat.UserID{w.rapidPerson(t), w.rapidPerson(t), w.rapidPerson(t)}
	c, _, err := w.CreateConversation(ctx, chat.NewConversation{ID: newID[chat.ConversationID](), Type: chat.Group, Creator: people[0], Participants: people})
	if err != nil {
		t.Fatal(err)
	}
	var all []chat.Message
	read := map[chat.UserID]int64{}
	for range rapid.IntRange(1, 25).Draw(t, "steps") {
		who := rapid.SampledFrom(people).Draw(t, "who")
		switch action := rapid.IntRange(0, 3).Draw(t, "action"); {
		case action <= 1 || len(all) == 0:
			appended, err := w.AppendMessages(ctx, []chat.Draft{draft(c, who, "x")})
			if err != nil || appended[0].Err != nil {
				t.Fatal(err, appended)
			}
			all = append(all, appended[0].Message)
			read[who] = appended[0].Message.Seq
		case action == 2:
			i := rapid.IntRange(0, len(all)-1).Draw(t, "deleted")
			m, _, err := w.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: all[i].ID, RosterRev: c.RosterRev})
			if err != nil {
				t.Fatal(err)
			}
			all[i] = m
		default:
			m := rapid.SampledFrom(all).Draw(t, "read")
			state, _, err := w.AdvanceRead(ctx, c.ID, who, m.ID, false)
			if err != nil {
				t.Fatal(err)
			}
			read[who] = max(read[who], m.Seq)
			if state.LastReadSeq != read[who] {
				t.Fatalf("position %d, want %d", state.LastReadSeq, read[who])
			}
		}
	}
	states, err := w.ReadStates(ctx, c.ID, people)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range people {
		var want int64
		for _, m := range all {
			if m.Seq > read[u] && m.Sender != u && !m.Deleted() {
				want++
			}
		}
		if states[u].UnreadCount != want {
			t.Fatalf("%d unread, counted %d", states[u].UnreadCount, want)
		}
	}
}

func (w world) rapidPerson(t *rapid.T) chat.UserID {
	a := newAccount()
	if err := w.CreateAccount(ctx, a, false); err != nil {
		t.Fatal(err)
	}
	return a.ID
}
