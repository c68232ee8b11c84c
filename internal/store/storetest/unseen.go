package storetest

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func (w world) setInvisible(t testing.TB, s *store.Store, u chat.UserID, invisible bool) {
	t.Helper()
	after, err := s.UpdateMe(ctx, u, chat.ProfileEdit{PresenceInvisible: &invisible}, false)
	ok(t, err)
	if after.PresenceInvisible != invisible {
		t.Errorf("the account says %+v", after)
	}
}

// private is a step that nobody is to know of.
func private(m chat.Message, u chat.UserID, at time.Time) chat.Step {
	step := stepTo(m, u, at)
	step.Private = true
	return step
}

func (w world) unseenReader(t *testing.T) {
	p := w.people(t, 2)
	ada, bob := p[0], p[1]
	c, m := w.conversationOf(t, p, 8)
	quiet, _ := w.conversationOf(t, p, 1)
	now := minutes(0)
	clocked := w.WithClock(func() time.Time { return now })
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[1], bob, minutes(1))}))
	ok(t, w.AdvanceDelivered(ctx, []chat.DeliveredStep{{Conversation: c.ID, User: bob, Seq: 4}}))
	frozen := func(what string, seq int64, shown chat.Shown) {
		t.Helper()
		counts := make([]int64, 8)
		for i := range seq {
			counts[i] = 1
		}
		same(t, what, counts, w.counts(t, m...))
		positions, err := w.ReadPositions(ctx, c.ID)
		ok(t, err)
		same(t, what, map[chat.UserID]int64{ada: 8, bob: seq}, positions)
		same(t, what, shown, w.shown(t, c, bob))
		w.expectReaders(t, what, m[1], read{bob, minutes(1)})
		if seq < 8 {
			w.expectReaders(t, what, m[seq])
		}
	}
	before := chat.Shown{Message: m[1].ID, Seq: 2, At: minutes(1), DeliveredSeq: 4}
	frozen("visible", 2, before)
	now = minutes(2)
	w.setInvisible(t, clocked, bob, true)
	shows, err := w.ShowReading(ctx, c.ID, p)
	ok(t, err)
	same(t, "what they let others know", map[chat.UserID]chat.Showing{ada: {Reading: true, Sending: true}, bob: {Sending: true}}, shows)
	frozen("invisible", 2, before)
	ok(t, w.WriteSteps(ctx, []chat.Step{private(m[2], bob, minutes(3))}))
	now = minutes(4)
	// Who asked for it when they could be seen is told apart by nobody from who did it a moment later.
	for i, private := range []bool{true, false} {
		state, shown, err := clocked.AdvanceRead(ctx, c.ID, bob, m[3+i].ID, private)
		ok(t, err)
		if shown || state.LastReadSeq != int64(4+i) || state.UnreadCount != int64(4-i) || !state.LastReadAt.Equal(minutes(4)) {
			t.Errorf("their own devices: shown %v, %+v", shown, state)
		}
	}
	frozen("reading unseen", 2, before)
	now = minutes(9)
	w.setInvisible(t, clocked, bob, true)
	frozen("invisible again", 2, before)
	now = minutes(10)
	w.setInvisible(t, clocked, bob, false)
	frozen("visible again", 5, chat.Shown{Message: m[4].ID, Seq: 5, At: minutes(10), DeliveredSeq: 5})
	for _, then := range m[2:5] {
		w.expectReaders(t, "read unseen", then, read{bob, minutes(10)})
	}
	same(t, "shown where nothing was read", chat.Shown{}, w.shown(t, quiet, bob))
	now = minutes(11)
	w.setInvisible(t, clocked, bob, true)
	own := w.send(t, c, bob, "sending is reading")
	same(t, "sending unseen", []int64{1, 1, 1, 1, 1, 1, 1, 1}, w.counts(t, m...))
	same(t, "sending unseen", chat.Shown{Message: own.ID, Seq: 9, At: own.CreatedAt, DeliveredSeq: 9}, w.shown(t, c, bob))
	w.expectReaders(t, "read by sending", m[7], read{bob, own.CreatedAt})
}

func (w world) unseenLater(t *testing.T) {
	p := w.people(t, 2)
	c, m := w.conversationOf(t, p, 4)
	now := minutes(5)
	clocked := w.WithClock(func() time.Time { return now })
	w.setInvisible(t, clocked, p[1], true)
	ok(t, clocked.WriteSteps(ctx, []chat.Step{stepTo(m[0], p[1], minutes(1)), private(m[1], p[1], minutes(6))}))
	w.expectReaders(t, "read before", m[0], read{p[1], minutes(1)})
	w.expectReaders(t, "read unseen", m[1])
	same(t, "shown", chat.Shown{Message: m[0].ID, Seq: 1, At: minutes(1), DeliveredSeq: 1}, w.shown(t, c, p[1]))
	now = minutes(8)
	w.setInvisible(t, clocked, p[1], false)
	now = minutes(9)
	ok(t, clocked.WriteSteps(ctx, []chat.Step{private(m[2], p[1], minutes(7))}))
	w.expectReaders(t, "read unseen", m[1], read{p[1], minutes(8)})
	w.expectReaders(t, "read unseen and written when all can see it", m[2], read{p[1], minutes(9)})
}

func (w world) unseenAndOff(t *testing.T) {
	p := w.people(t, 2)
	c, m := w.conversationOf(t, p, 4)
	now := minutes(0)
	clocked := w.WithClock(func() time.Time { return now })
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[0], p[1], minutes(1))}))
	w.setInvisible(t, clocked, p[1], true)
	w.setReceipts(t, clocked, p[1], false)
	ok(t, w.WriteSteps(ctx, []chat.Step{private(m[1], p[1], minutes(2))}))
	off := func(what string) {
		t.Helper()
		w.expectReaders(t, what, m[0])
		same(t, what, chat.Shown{}, w.shown(t, c, p[1]))
		same(t, what, []int64{0, 0, 0, 0}, w.counts(t, m...))
	}
	off("invisible")
	now = minutes(3)
	w.setReceipts(t, clocked, p[1], true)
	same(t, "receipts on again", []int64{1, 0, 0, 0}, w.counts(t, m...))
	w.setReceipts(t, clocked, p[1], false)
	w.setInvisible(t, clocked, p[1], false)
	off("visible")
	now = minutes(4)
	w.setReceipts(t, clocked, p[1], true)
	w.expectReaders(t, "all is shown", m[1], read{p[1], minutes(4)})
	w.expectReaders(t, "all is shown", m[0], read{p[1], minutes(1)})
}
