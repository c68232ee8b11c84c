package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func readers(t *testing.T, w world) {
	t.Run("a step is at a message, and who reads further has read what was before", w.steps)
	t.Run("steps that come twice, late and in any order say the same", w.doubledSteps)
	t.Run("what is no step is left out and the others are written", w.noSteps)
	t.Run("two devices that read at once move the position to the further one", w.twoDevices)
	t.Run("the times of somebody's steps do not go back with a clock", w.clocksGoingBack)
	t.Run("sending is reading", w.sendingIsReading)
	t.Run("who came and read nothing has read nothing, and who left is not counted", w.comingAndGoing)
	t.Run("a deleted message can be read", w.readingTombstones)
	t.Run("who has receipts off is not counted, listed or shown, and what they read then is shown as read when they switch them on", w.privacy)
	t.Run("who is invisible stays shown as far as they were, and what they read then is shown as read when they are visible", w.unseenReader)
	t.Run("what was read while all could see it is written also when the reader is invisible by then", w.unseenLater)
	t.Run("with receipts off nobody is shown, visible or not", w.unseenAndOff)
	t.Run("readers come in pages in the order of reading", w.pagesOfReaders)
	t.Run("how far devices have what was sent moves forward only and never past the end", w.delivered)
	t.Run("buried steps are kept until they are exhumed", w.buried)
	t.Run("of an erased person nothing is known that they read", w.erasedReaders)
	t.Run("steps written from two sides at once count once", func(t *testing.T) { StepsFromTwoSides(t, w.Store) })
	t.Run("positions, counts and readers equal a recount after any history", func(t *testing.T) { rapid.Check(t, w.anyReading) })
}

// conversationOf is a group of some people in which the first has said n things.
func (w world) conversationOf(t testing.TB, people []chat.UserID, n int) (chat.Conversation, []chat.Message) {
	t.Helper()
	c := w.group(t, people...)
	drafts := make([]chat.Draft, n)
	for i := range drafts {
		drafts[i] = draft(c, people[0], fmt.Sprint(i))
	}
	out := make([]chat.Message, n)
	for i, a := range w.append(t, drafts...) {
		out[i] = a.Message
	}
	return c, out
}

// stepTo is that somebody read a message at some time.
func stepTo(m chat.Message, u chat.UserID, at time.Time) chat.Step {
	return chat.Step{Conversation: m.Conversation, User: u, Message: m.ID, Seq: m.Seq, At: at}
}

// read is one person's reading of a message, as the suite compares it.
type read struct {
	user chat.UserID
	at   time.Time
}

// readersOf are all readers of a message, a page of limit at a time.
func (w world) readersOf(t testing.TB, m chat.Message, limit int) []read {
	t.Helper()
	out, err := w.pagedReaders(m, limit)
	ok(t, err)
	return out
}

func (w world) pagedReaders(m chat.Message, limit int) ([]read, error) {
	out, after := []read{}, chat.ReaderCursor{}
	for more := true; more; {
		page, hasMore, err := w.Readers(ctx, m.Conversation, m.ID, after, limit)
		if err != nil {
			return nil, err
		}
		if len(page) > limit || hasMore && len(page) < limit {
			return nil, fmt.Errorf("a page of %d at most has %d readers, and more: %v", limit, len(page), hasMore)
		}
		for _, r := range page {
			out = append(out, read{r.User.ID, r.ReadAt})
			after = chat.ReaderCursor{ReadAt: r.ReadAt, User: r.User.ID}
		}
		more = hasMore
	}
	return out, nil
}

// counts are the numbers of readers of messages, in their order.
func (w world) counts(t testing.TB, messages ...chat.Message) []int64 {
	t.Helper()
	of := make([]chat.Counted, len(messages))
	for i, m := range messages {
		of[i] = chat.Counted{Message: m.ID, Seq: m.Seq, Sender: m.Sender}
	}
	counts, err := w.ReadCounts(ctx, messages[0].Conversation, of)
	ok(t, err)
	out := make([]int64, len(messages))
	for i, m := range messages {
		out[i] = counts[m.ID]
	}
	return out
}

// shown is how far somebody is, as those who follow the conversation are shown it.
func (w world) shown(t testing.TB, c chat.Conversation, u chat.UserID) chat.Shown {
	t.Helper()
	all, err := w.ShownPositions(ctx, []chat.ConversationID{c.ID})
	ok(t, err)
	for _, p := range all[c.ID] {
		if p.User == u {
			p.Conversation, p.User = "", ""
			return p
		}
	}
	t.Fatalf("%s is not in the conversation", u)
	return chat.Shown{}
}

var allowRead = cmp.AllowUnexported(read{})

func (w world) expectReaders(t testing.TB, what string, m chat.Message, want ...read) {
	t.Helper()
	if diff := cmp.Diff(want, w.readersOf(t, m, 2), allowRead, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: readers of seq %d (-want +got):\n%s", what, m.Seq, diff)
	}
}

// noon is a time that is stored as it is.
var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func minutes(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

func (w world) steps(t *testing.T) {
	p := w.people(t, 4)
	ada, bob, cyd, dan := p[0], p[1], p[2], p[3]
	c, m := w.conversationOf(t, p, 6)
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[1], bob, minutes(1)), stepTo(m[4], bob, minutes(3)), stepTo(m[2], cyd, minutes(2))}))
	same(t, "counts", []int64{2, 2, 2, 1, 1, 0}, w.counts(t, m...))
	w.expectReaders(t, "first", m[0], read{bob, minutes(1)}, read{cyd, minutes(2)})
	w.expectReaders(t, "third", m[2], read{cyd, minutes(2)}, read{bob, minutes(3)})
	w.expectReaders(t, "last", m[5])
	positions, err := w.ReadPositions(ctx, c.ID)
	ok(t, err)
	same(t, "positions", map[chat.UserID]int64{ada: 6, bob: 5, cyd: 3, dan: 0}, positions)
	states, err := w.ReadStates(ctx, c.ID, []chat.UserID{bob})
	ok(t, err)
	same(t, "the state", chat.ReadState{Conversation: c.ID, UnreadCount: 1, LastReadMessageID: m[4].ID, LastReadSeq: 5, LastReadAt: minutes(3), LastSeq: 6}, states[bob])
	same(t, "shown of bob", chat.Shown{Message: m[4].ID, Seq: 5, At: minutes(3), DeliveredSeq: 5}, w.shown(t, c, bob))
	same(t, "shown of dan", chat.Shown{}, w.shown(t, c, dan))
	state, moved, err := w.AdvanceRead(ctx, c.ID, dan, m[3].ID, false)
	ok(t, err)
	if !moved || state.LastReadSeq != 4 {
		t.Errorf("reading at once: moved %v, %+v", moved, state)
	}
	if state, moved, err := w.AdvanceRead(ctx, c.ID, dan, m[2].ID, false); err != nil || moved || state.LastReadSeq != 4 {
		t.Errorf("an older one: moved %v, %+v, %v", moved, state, err)
	}
	same(t, "counts", []int64{3, 3, 3, 2, 1, 0}, w.counts(t, m...))
	if _, _, err := w.Readers(ctx, c.ID, newID[chat.MessageID](), chat.ReaderCursor{}, 5); code(err) != chat.CodeNotFound {
		t.Errorf("readers of an unknown message: %v", err)
	}
	_, elsewhere := w.conversationOf(t, p, 1)
	if _, _, err := w.Readers(ctx, c.ID, elsewhere[0].ID, chat.ReaderCursor{}, 5); code(err) != chat.CodeNotFound {
		t.Errorf("readers of a message of another conversation: %v", err)
	}
}

func (w world) doubledSteps(t *testing.T) {
	p := w.people(t, 3)
	_, m := w.conversationOf(t, p, 6)
	late := []chat.Step{stepTo(m[1], p[1], minutes(1)), stepTo(m[2], p[1], minutes(4)), stepTo(m[3], p[2], minutes(2))}
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[4], p[1], minutes(3)), stepTo(m[4], p[1], minutes(5)), stepTo(m[4], p[1], minutes(3))}))
	for range 3 {
		ok(t, w.WriteSteps(ctx, late))
		ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[4], p[1], minutes(9))}))
	}
	w.expectReaders(t, "the first", m[0], read{p[1], minutes(1)}, read{p[2], minutes(2)})
	// The step to it was later than one past it, so it says nothing.
	w.expectReaders(t, "the third", m[2], read{p[2], minutes(2)}, read{p[1], minutes(3)})
	same(t, "counts", []int64{2, 2, 2, 2, 1, 0}, w.counts(t, m...))
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[4], p[1], minutes(2))}))
	w.expectReaders(t, "one who turned out to have read it earlier", m[4], read{p[1], minutes(2)})
}

func (w world) noSteps(t *testing.T) {
	p := w.people(t, 3)
	c, m := w.conversationOf(t, p[:2], 3)
	_, elsewhere := w.conversationOf(t, p, 3)
	foreign, unknown, wrong, stranger := stepTo(m[1], p[1], noon), stepTo(m[1], p[1], noon), stepTo(m[0], p[1], noon), stepTo(m[1], p[2], noon)
	foreign.Message, unknown.Message, wrong.Seq = elsewhere[2].ID, newID[chat.MessageID](), 99
	garbage := chat.Step{Conversation: "x", User: "'; --", Message: "", At: noon}
	ok(t, w.WriteSteps(ctx, []chat.Step{foreign, unknown, stranger, garbage}))
	ok(t, w.WriteSteps(ctx, nil))
	same(t, "counts before", []int64{0, 0, 0}, w.counts(t, m...))
	resting, err := w.Groundless(ctx, []chat.Step{foreign, wrong, garbage, unknown, stranger, stepTo(m[2], p[0], noon)})
	ok(t, err)
	same(t, "what rests on nothing", []chat.Step{foreign, garbage, unknown, stranger}, resting)
	resting, err = w.Groundless(ctx, []chat.Step{garbage})
	ok(t, err)
	same(t, "what names nothing", []chat.Step{garbage}, resting)
	ok(t, w.WriteSteps(ctx, []chat.Step{foreign, unknown, wrong, stranger, garbage}))
	same(t, "counts after", []int64{1, 0, 0}, w.counts(t, m...))
	if state, _, err := w.AdvanceRead(ctx, c.ID, p[1], "", false); err != nil || state.LastReadSeq != 1 {
		t.Errorf("the position is %+v, %v", state, err)
	}
}

func (w world) twoDevices(t *testing.T) {
	p := w.people(t, 2)
	c, m := w.conversationOf(t, p, 20)
	var wg sync.WaitGroup
	for device := range 2 {
		wg.Go(func() {
			for i := device; i < len(m); i += 2 {
				state, _, err := w.AdvanceRead(ctx, c.ID, p[1], m[i].ID, false)
				if err != nil || state.LastReadSeq < m[i].Seq {
					t.Errorf("%+v, %v", state, err)
				}
			}
		})
	}
	wg.Wait()
	same(t, "counts", []int64{1, 1}, w.counts(t, m[0], m[19]))
	all := w.readersOf(t, m[0], 5)
	if len(all) != 1 {
		t.Errorf("read by %v", all)
	}
}

func (w world) clocksGoingBack(t *testing.T) {
	p := w.people(t, 2)
	c, m := w.conversationOf(t, p, 4)
	at := minutes(10)
	node := world{w.WithClock(func() time.Time { return at })}
	for i, clock := range []int{10, 5, 12} {
		at = minutes(clock)
		state, moved, err := node.AdvanceRead(ctx, c.ID, p[1], m[i].ID, false)
		ok(t, err)
		if want := minutes(max(clock, 10)); !moved || !state.LastReadAt.Equal(want) {
			t.Errorf("read at %v, want %v", state.LastReadAt, want)
		}
	}
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[3], p[1], minutes(1))}))
	for i, want := range []int{10, 10, 12, 12} {
		w.expectReaders(t, "with clocks that go back", m[i], read{p[1], minutes(want)})
	}
}

func (w world) sendingIsReading(t *testing.T) {
	p := w.people(t, 3)
	ada, bob := p[0], p[1]
	c, m := w.conversationOf(t, p, 3)
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[0], bob, m[0].CreatedAt)}))
	mine := w.send(t, c, bob, "an answer")
	more := w.send(t, c, ada, "and so on")
	same(t, "counts", []int64{1, 1, 1, 1, 0}, w.counts(t, append(m, mine, more)...))
	w.expectReaders(t, "the first", m[0], read{bob, m[0].CreatedAt})
	w.expectReaders(t, "the second", m[1], read{bob, mine.CreatedAt})
	w.expectReaders(t, "one's own", mine, read{ada, more.CreatedAt})
	same(t, "shown", chat.Shown{Message: mine.ID, Seq: 4, At: mine.CreatedAt, DeliveredSeq: 4}, w.shown(t, c, bob))
	if state, moved, err := w.AdvanceRead(ctx, c.ID, bob, m[2].ID, false); err != nil || moved || state.LastReadSeq != 4 {
		t.Errorf("reading what was before one's own: moved %v, %+v, %v", moved, state, err)
	}
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[1], bob, m[1].CreatedAt)}))
	w.expectReaders(t, "a step from before that was written late", m[1], read{bob, m[1].CreatedAt})
	_, _, err := w.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: mine.ID, RosterRev: c.RosterRev})
	ok(t, err)
	w.expectReaders(t, "after one's own was deleted", m[2], read{bob, mine.CreatedAt})
}

func (w world) comingAndGoing(t *testing.T) {
	p := w.people(t, 3)
	ada, bob, cyd := p[0], p[1], p[2]
	c, m := w.conversationOf(t, p[:2], 3)
	c = w.revise(t, c, chat.Revision{Add: []chat.UserID{cyd}})
	m = append(m, w.send(t, c, ada, "welcome"))
	same(t, "counts when somebody came", []int64{0, 0, 0, 0}, w.counts(t, m...))
	if state, moved, err := w.AdvanceRead(ctx, c.ID, cyd, m[0].ID, false); err != nil || moved || state.LastReadSeq != 3 {
		t.Errorf("reading what was before: moved %v, %+v, %v", moved, state, err)
	}
	positions, err := w.ReadPositions(ctx, c.ID)
	ok(t, err)
	same(t, "positions", map[chat.UserID]int64{ada: 4, bob: 0, cyd: 0}, positions)
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[1], cyd, minutes(1)), stepTo(m[1], bob, minutes(2))}))
	same(t, "counts when they read what was before", []int64{2, 2, 0, 0}, w.counts(t, m...))
	if state, _, err := w.AdvanceRead(ctx, c.ID, cyd, "", false); err != nil || state.LastReadSeq != 3 || state.LastReadMessageID != "" {
		t.Errorf("their own position is %+v, %v", state, err)
	}
	c = w.revise(t, c, chat.Revision{Remove: []chat.UserID{bob}})
	same(t, "counts when somebody left", []int64{1, 1, 0, 0}, w.counts(t, m...))
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[3], bob, minutes(3))}))
	w.expectReaders(t, "what somebody read who left", m[3])
	w.revise(t, c, chat.Revision{Add: []chat.UserID{bob}})
	w.expectReaders(t, "when they came back", m[3], read{bob, minutes(3)})
	w.expectReaders(t, "when they came back", m[0], read{cyd, minutes(1)}, read{bob, minutes(2)})
}

func (w world) readingTombstones(t *testing.T) {
	p := w.people(t, 2)
	c, m := w.conversationOf(t, p, 2)
	_, _, err := w.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: m[1].ID, RosterRev: c.RosterRev})
	ok(t, err)
	state, moved, err := w.AdvanceRead(ctx, c.ID, p[1], m[1].ID, false)
	ok(t, err)
	if !moved || state.LastReadSeq != 2 || state.UnreadCount != 0 {
		t.Errorf("moved %v, %+v", moved, state)
	}
	same(t, "counts", []int64{1, 1}, w.counts(t, m...))
}

func (w world) setReceipts(t testing.TB, s *store.Store, u chat.UserID, on bool) {
	t.Helper()
	me, err := s.UpdateMe(ctx, u, chat.ProfileEdit{ReadReceiptsEnabled: &on}, false)
	ok(t, err)
	if me.ReadReceiptsEnabled != on {
		t.Errorf("the account says %+v", me)
	}
}

func (w world) privacy(t *testing.T) {
	p := w.people(t, 2)
	ada, bob := p[0], p[1]
	c, m := w.conversationOf(t, p, 6)
	quiet, _ := w.conversationOf(t, p, 1)
	now := minutes(0)
	clocked := w.WithClock(func() time.Time { return now })
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[0], bob, minutes(1))}))
	w.setReceipts(t, w.Store, bob, false)
	shows, err := w.ShowReading(ctx, c.ID, []chat.UserID{ada, bob, newID[chat.UserID]()})
	ok(t, err)
	same(t, "who lets others know", map[chat.UserID]chat.Showing{ada: {Reading: true, Sending: true}, bob: {}}, shows)
	hidden := func(what string) {
		t.Helper()
		same(t, what, []int64{0, 0, 0, 0, 0, 0}, w.counts(t, m...))
		w.expectReaders(t, what, m[0])
		positions, err := w.ReadPositions(ctx, c.ID)
		ok(t, err)
		same(t, what, map[chat.UserID]int64{ada: 6}, positions)
		if got := w.shown(t, c, bob); got.Seq != 0 || got.Message != "" || !got.At.IsZero() {
			t.Errorf("%s: shown %+v", what, got)
		}
	}
	hidden("what was read before")
	private := stepTo(m[1], bob, minutes(2))
	private.Private = true
	ok(t, w.WriteSteps(ctx, []chat.Step{private, stepTo(m[2], bob, minutes(3))}))
	now = minutes(4)
	state, shown, err := clocked.AdvanceRead(ctx, c.ID, bob, m[3].ID, true)
	ok(t, err)
	if shown || state.LastReadSeq != 4 || !state.LastReadAt.Equal(minutes(4)) {
		t.Errorf("their own devices: shown %v, %+v", shown, state)
	}
	ok(t, w.AdvanceDelivered(ctx, []chat.DeliveredStep{{Conversation: c.ID, User: bob, Seq: 5}}))
	hidden("what was read with receipts off")
	if got := w.shown(t, c, bob); got.DeliveredSeq != 5 {
		t.Errorf("delivered: %+v", got)
	}
	now = minutes(10)
	w.setReceipts(t, clocked, bob, true)
	w.setReceipts(t, clocked, bob, true)
	same(t, "counts when it is on again", []int64{1, 1, 1, 1, 0, 0}, w.counts(t, m...))
	w.expectReaders(t, "read before it was off", m[0], read{bob, minutes(1)})
	for _, then := range m[1:4] {
		w.expectReaders(t, "read while it was off", then, read{bob, minutes(10)})
	}
	same(t, "shown again", chat.Shown{Message: m[3].ID, Seq: 4, At: minutes(10), DeliveredSeq: 5}, w.shown(t, c, bob))
	same(t, "shown where nothing was read", chat.Shown{}, w.shown(t, quiet, bob))
	late := stepTo(m[4], bob, minutes(5))
	late.Private = true
	now = minutes(12)
	ok(t, clocked.WriteSteps(ctx, []chat.Step{late}))
	w.expectReaders(t, "read while it was off and written later", m[4], read{bob, minutes(12)})
}

func (w world) pagesOfReaders(t *testing.T) {
	const n = 60
	p := w.people(t, n+1)
	_, m := w.conversationOf(t, p, 3)
	var steps []chat.Step
	for i, u := range p[1:] {
		steps = append(steps, stepTo(m[i%3], u, minutes(i*7%20)))
	}
	ok(t, w.WriteSteps(ctx, steps))
	whole := w.readersOf(t, m[0], n)
	if len(whole) != n {
		t.Fatalf("%d readers", len(whole))
	}
	for i := 1; i < n; i++ {
		a, b := whole[i-1], whole[i]
		if b.at.Before(a.at) || b.at.Equal(a.at) && b.user <= a.user {
			t.Errorf("%v comes before %v", a, b)
		}
	}
	for _, limit := range []int{1, 7, n - 1} {
		if diff := cmp.Diff(whole, w.readersOf(t, m[0], limit), allowRead); diff != "" {
			t.Errorf("pages of %d:\n%s", limit, diff)
		}
	}
}

func (w world) delivered(t *testing.T) {
	p := w.people(t, 3)
	c, _ := w.conversationOf(t, p, 5)
	step := func(u chat.UserID, seq int64) chat.DeliveredStep {
		return chat.DeliveredStep{Conversation: c.ID, User: u, Seq: seq}
	}
	for _, steps := range [][]chat.DeliveredStep{
		{step(p[1], 3), step(p[1], 1), step(p[2], 99), step(newID[chat.UserID](), 1), {Conversation: "x", User: "y", Seq: 1}},
		{step(p[1], 2), step(p[2], 4)},
		nil,
	} {
		ok(t, w.AdvanceDelivered(ctx, steps))
		for i, want := range []int64{3, 5} {
			if got := w.shown(t, c, p[i+1]); got.DeliveredSeq != want || got.Seq != 0 {
				t.Errorf("delivered up to %d, want %d", got.DeliveredSeq, want)
			}
		}
	}
}

func (w world) buried(t *testing.T) {
	p := w.people(t, 3)
	_, m := w.conversationOf(t, p, 3)
	var want []chat.Buried
	for i, u := range p {
		b := chat.Buried{Step: stepTo(m[i], u, minutes(i)), Reason: "the reason", Since: minutes(10 + i/2)}
		b.Private, b.Tries = i == 1, 5
		want = append(want, b)
		clocked := w.WithClock(func() time.Time { return b.Since })
		for _, reason := range []string{"another", "the reason"} {
			ok(t, clocked.BuryStep(ctx, b.Step, reason))
		}
	}
	// The first two have their time in common, and come in the order of their messages.
	var got []chat.Buried
	for after := (chat.Buried{}); ; after = got[len(got)-1] {
		page, all, err := w.BuriedSteps(ctx, after, 1)
		ok(t, err)
		if all != 3 || len(page) > 1 {
			t.Fatalf("a page of %d, of %d", len(page), all)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	same(t, "page by page", want, got)
	got, all, err := w.BuriedSteps(ctx, chat.Buried{}, 2)
	ok(t, err)
	same(t, "the oldest two", want[:2], got)
	if all != 3 {
		t.Errorf("%d are buried", all)
	}
	ok(t, w.ExhumeSteps(ctx, []chat.Step{got[0].Step, got[1].Step}))
	ok(t, w.ExhumeSteps(ctx, []chat.Step{got[0].Step}))
	ok(t, w.ExhumeSteps(ctx, nil))
	got, all, err = w.BuriedSteps(ctx, chat.Buried{}, 10)
	ok(t, err)
	same(t, "what is left", want[2:], got)
	if all != 1 {
		t.Errorf("%d are left", all)
	}
	_, err = w.EraseUser(ctx, got[0].User, false)
	ok(t, err)
	if _, all, err := w.BuriedSteps(ctx, chat.Buried{}, 10); err != nil || all != 0 {
		t.Errorf("after erasing: %d, %v", all, err)
	}
}

func (w world) erasedReaders(t *testing.T) {
	p := w.people(t, 3)
	c, m := w.conversationOf(t, p, 3)
	left, n := w.conversationOf(t, p, 3)
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[1], p[1], noon), stepTo(n[1], p[1], noon), stepTo(m[0], p[2], noon)}))
	w.revise(t, left, chat.Revision{Remove: []chat.UserID{p[1]}})
	_, err := w.EraseUser(ctx, p[1], false)
	ok(t, err)
	ok(t, w.WriteSteps(ctx, []chat.Step{stepTo(m[2], p[1], noon), stepTo(n[2], p[1], noon)}))
	same(t, "counts", []int64{1, 0, 0}, w.counts(t, m...))
	all, err := w.ShownPositions(ctx, []chat.ConversationID{c.ID})
	ok(t, err)
	for _, shown := range all[c.ID] {
		if shown.User == p[1] {
			t.Errorf("shown %+v", shown)
		}
	}
	shows, err := w.ShowReading(ctx, c.ID, []chat.UserID{p[1]})
	ok(t, err)
	same(t, "lets others know", map[chat.UserID]chat.Showing{p[1]: {}}, shows)
	states, err := w.ReadStates(ctx, c.ID, []chat.UserID{p[1]})
	ok(t, err)
	if got := states[p[1]]; got.LastReadMessageID != "" || !got.LastReadAt.IsZero() {
		t.Errorf("their own position says %+v", got)
	}
}

// StepsFromTwoSides writes the same people's steps in opposite orders, while people come, go and change their minds.
func StepsFromTwoSides(t *testing.T, s *store.Store) {
	w := world{s}
	p := w.people(t, 12)
	c, m := w.conversationOf(t, p, 40)
	other, n := w.conversationOf(t, p, 40)
	var wg sync.WaitGroup
	for side := range 2 {
		wg.Go(func() {
			for i := range m {
				var steps []chat.Step
				for k := range p[1:] {
					u := p[1+(k*(1+10*side)+i)%11]
					steps = append(steps, stepTo(m[i], u, noon), stepTo(n[i], u, noon))
				}
				if err := w.WriteSteps(ctx, steps); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 30 {
			w.setReceipts(t, w.Store, p[1+i%11], i%2 == 0)
		}
	})
	wg.Go(func() {
		for i := range 10 {
			roles := map[chat.UserID]chat.Role{}
			for _, u := range p[1:] {
				roles[u] = []chat.Role{chat.RoleAdmin, chat.RoleMember}[i%2]
			}
			c = w.revise(t, c, chat.Revision{Roles: roles, Remove: p[9:10], Add: nil})
			c = w.revise(t, c, chat.Revision{Add: p[9:10]})
		}
	})
	wg.Go(func() {
		for i := range m {
			for _, u := range p[1:3] {
				if _, _, err := w.AdvanceRead(ctx, other.ID, u, n[i].ID, false); err != nil {
					t.Error(err)
				}
			}
		}
	})
	wg.Wait()
	for _, u := range p[1:] {
		w.setReceipts(t, w.Store, u, true)
	}
	same(t, "counts", []int64{11, 11}, w.counts(t, m[0], m[39]))
	same(t, "counts", []int64{11, 11}, w.counts(t, n[0], n[39]))
}

// anyReading lets people read, send, come, go and change their minds at random, and counts again by hand.
func (w world) anyReading(t *rapid.T) {
	people := []chat.UserID{w.rapidPerson(t), w.rapidPerson(t), w.rapidPerson(t)}
	c, _, err := w.CreateConversation(ctx, chat.NewConversation{ID: newID[chat.ConversationID](), Type: chat.Group, Creator: people[0], Participants: people})
	if err != nil {
		t.Fatal(err)
	}
	var all []chat.Message
	at := map[chat.UserID]int64{}
	off := map[chat.UserID]bool{}
	for i := range rapid.IntRange(1, 25).Draw(t, "steps") {
		who := rapid.SampledFrom(people).Draw(t, "who")
		switch action := rapid.IntRange(0, 5).Draw(t, "action"); {
		case action <= 1 || len(all) == 0:
			appended, err := w.AppendMessages(ctx, []chat.Draft{draft(c, who, "x")})
			if err != nil || appended[0].Err != nil {
				t.Fatal(err, appended)
			}
			all = append(all, appended[0].Message)
			at[who] = appended[0].Message.Seq
		case action == 2:
			off[who] = !off[who]
			on := !off[who]
			if _, err := w.UpdateMe(ctx, who, chat.ProfileEdit{ReadReceiptsEnabled: &on}, false); err != nil {
				t.Fatal(err)
			}
		case action == 3:
			m := rapid.SampledFrom(all).Draw(t, "read at once")
			if _, _, err := w.AdvanceRead(ctx, c.ID, who, m.ID, off[who]); err != nil {
				t.Fatal(err)
			}
			at[who] = max(at[who], m.Seq)
		default:
			m := rapid.SampledFrom(all).Draw(t, "read")
			st := stepTo(m, who, minutes(i-rapid.IntRange(0, 9).Draw(t, "ago")))
			st.Private = rapid.Bool().Draw(t, "private")
			if err := w.WriteSteps(ctx, []chat.Step{st, st}); err != nil {
				t.Fatal(err)
			}
			at[who] = max(at[who], m.Seq)
		}
	}
	last := map[chat.UserID]time.Time{}
	for _, m := range all {
		var want int64
		for _, u := range people {
			if u != m.Sender && !off[u] && at[u] >= m.Seq {
				want++
			}
		}
		counts, err := w.ReadCounts(ctx, c.ID, []chat.Counted{{Message: m.ID, Seq: m.Seq, Sender: m.Sender}})
		if err != nil || counts[m.ID] != want {
			t.Fatalf("seq %d is read by %d, counted %d, %v", m.Seq, counts[m.ID], want, err)
		}
		listed, err := w.pagedReaders(m, 2)
		if err != nil || int64(len(listed)) != want {
			t.Fatalf("seq %d is read by %v, counted %d, %v", m.Seq, listed, want, err)
		}
		for _, r := range listed {
			if r.at.Before(last[r.user]) && m.Sender != r.user {
				t.Fatalf("%s has read seq %d at %v, before %v", r.user, m.Seq, r.at, last[r.user])
			}
			last[r.user] = r.at
		}
	}
}
