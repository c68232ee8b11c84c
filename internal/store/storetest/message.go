package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
)

func messages(t *testing.T, w world) {
	t.Run("a message comes back as it was stored", w.aMessageComesBack)
	t.Run("a batch keeps the order of its drafts in every conversation", w.aBatchKeepsItsOrder)
	t.Run("an empty batch is nothing", func(t *testing.T) {
		if appended, err := w.AppendMessages(ctx, nil); err != nil || len(appended) != 0 {
			t.Errorf("got %v, %v", appended, err)
		}
	})
	t.Run("sixteen writers leave seq and rev without gaps and times that rise", w.sixteenWriters)
	t.Run("a resent draft is stored once", w.aResentDraft)
	t.Run("two equal drafts in one batch are stored once", w.equalDraftsInABatch)
	t.Run("equal drafts racing on sixteen connections are stored once", w.equalDraftsRacing)
	t.Run("a draft decided on an old roster is refused and takes no number", w.staleDrafts)
	t.Run("drafts of one conversation decided on two rosters are told apart", w.mixedRosters)
	t.Run("a draft for a conversation that is not there is refused", w.missingConversation)
	t.Run("a retry finds its message when the conversation has ended since", w.retryAfterTheEnd)
	t.Run("an edit takes the next rev and keeps the place", w.edit)
	t.Run("a tombstone keeps its place and nothing of its text", w.tombstone)
	t.Run("an edit or deletion decided on an old roster is refused", w.staleChanges)
	t.Run("what is not there is not found", w.notFound)
}

func (w world) aMessageComesBack(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada, w.person(t))
	for i, content := range []string{"hello", "héllo\n\u200d👩‍👩‍👧 \u202e", strings.Repeat("😀", 4000), " leading and trailing ", `"quotes" \ and $1 'too'`} {
		d := draft(c, ada, content)
		got := w.append(t, d)[0].Message
		want := chat.Message{
			ID: d.ID, Conversation: c.ID, Sender: ada, Seq: int64(i + 1), Rev: int64(i + 2), Content: d.Content, ContentType: "text",
			ClientMessageID: d.ClientMessageID, CreatedAt: got.CreatedAt, UpdatedAt: got.CreatedAt,
		}
		same(t, "stored", want, got)
		if age := time.Since(got.CreatedAt); age < -time.Second || age > time.Minute || got.CreatedAt.Location() != time.UTC {
			t.Errorf("created at %v", got.CreatedAt)
		}
		read, err := w.Message(ctx, c.ID, d.ID)
		ok(t, err)
		same(t, "read back", got, read)
		byKey, err := w.MessageByClientID(ctx, c.ID, ada, d.ClientMessageID)
		ok(t, err)
		same(t, "read by clientMessageId", got, byKey)
	}
}

func (w world) aBatchKeepsItsOrder(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	cs := []chat.Conversation{w.group(t, ada, bob), w.group(t, ada, bob), w.group(t, bob, ada)}
	var drafts []chat.Draft
	for i := range 50 {
		drafts = append(drafts, draft(cs[i*7%3], []chat.UserID{ada, bob}[i%2], fmt.Sprint(i)))
	}
	next := make(map[chat.ConversationID]int64)
	for i, a := range w.append(t, drafts...) {
		d := drafts[i]
		next[d.Conversation]++
		if a.Message.ID != d.ID || a.Message.Seq != next[d.Conversation] || a.Message.Rev != next[d.Conversation]+1 || a.Duplicate {
			t.Fatalf("draft %d became seq %d rev %d of %s, want seq %d", i, a.Message.Seq, a.Message.Rev, a.Message.Content, next[d.Conversation])
		}
		read, err := w.Message(ctx, d.Conversation, d.ID)
		ok(t, err)
		same(t, "read back", a.Message, read)
	}
}

func (w world) sixteenWriters(t *testing.T) {
	people := w.people(t, 4)
	cs := []chat.Conversation{w.group(t, people...), w.group(t, people...), w.group(t, people...)}
	const writers, batches, size = 16, 6, 5
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for b := range batches {
				drafts := make([]chat.Draft, 0, size)
				for k := range 1 + (i+b)%size {
					drafts = append(drafts, draft(cs[(i+b+k)%len(cs)], people[i%4], fmt.Sprint(i, b, k)))
				}
				appended, err := w.AppendMessages(ctx, drafts)
				for k := range appended {
					err = errors.Join(err, appended[k].Err)
				}
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	for _, c := range cs {
		w.expectDense(t, c.ID)
	}
}

// expectDense reads a whole conversation: seq and rev without gaps, times that rise, the head at the end.
func (w world) expectDense(t *testing.T, c chat.ConversationID) {
	t.Helper()
	all := w.history(t, c)
	revs := map[int64]bool{}
	for i, m := range all {
		if m.Seq != int64(i+1) {
			t.Fatalf("message %d has seq %d", i+1, m.Seq)
		}
		if i > 0 && !m.CreatedAt.After(all[i-1].CreatedAt) {
			t.Fatalf("seq %d is at %v, not after %v", m.Seq, m.CreatedAt, all[i-1].CreatedAt)
		}
		revs[m.Rev] = true
	}
	heads, err := w.Heads(ctx, []chat.ConversationID{c})
	ok(t, err)
	if heads[c].LastSeq != int64(len(all)) {
		t.Errorf("last seq is %d with %d messages", heads[c].LastSeq, len(all))
	}
	if len(revs) != len(all) || (len(all) > 0 && heads[c].LastRev < all[len(all)-1].Rev) {
		t.Errorf("%d revs for %d messages, the head at %d", len(revs), len(all), heads[c].LastRev)
	}
}

// history is a whole conversation, oldest first.
func (w world) history(t *testing.T, c chat.ConversationID) []chat.Message {
	t.Helper()
	var all []chat.Message
	q := chat.HistoryQuery{Conversation: c, Newer: true, Limit: 100}
	for {
		page, more, err := w.Messages(ctx, q)
		ok(t, err)
		all = append(all, page...)
		if !more {
			return all
		}
		q.CreatedAt, q.ID = page[len(page)-1].CreatedAt, page[len(page)-1].ID
	}
}

func (w world) aResentDraft(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada, w.person(t))
	first := draft(c, ada, "once")
	stored := w.append(t, first)[0].Message
	again := first
	again.ID, again.Content = newID[chat.MessageID](), "other words"
	appended := w.append(t, draft(c, ada, "before"), again, draft(c, ada, "after"))
	if !appended[1].Duplicate {
		t.Error("the retry is not a duplicate")
	}
	same(t, "first answer", stored, appended[1].Message)
	if appended[0].Message.Seq != 2 || appended[2].Message.Seq != 3 || appended[0].Duplicate || appended[2].Duplicate {
		t.Errorf("around it: seq %d and %d", appended[0].Message.Seq, appended[2].Message.Seq)
	}
	alone := w.append(t, again)[0]
	if !alone.Duplicate || alone.Message.ID != first.ID {
		t.Errorf("alone: duplicate %v, id %s", alone.Duplicate, alone.Message.ID)
	}
	w.expectDense(t, c.ID)

	// Another sender, and another conversation, may use the same key.
	elsewhere := w.group(t, ada)
	other := again
	other.Conversation, other.RosterRev, other.ID = elsewhere.ID, elsewhere.RosterRev, newID[chat.MessageID]()
	if w.append(t, other)[0].Duplicate {
		t.Error("the key of another conversation counts here")
	}
}

func (w world) equalDraftsInABatch(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada, w.person(t))
	one := draft(c, ada, "twice")
	two := one
	two.ID = newID[chat.MessageID]()
	appended := w.append(t, draft(c, ada, "a"), one, draft(c, ada, "b"), two, draft(c, ada, "c"))
	if appended[1].Duplicate || !appended[3].Duplicate {
		t.Errorf("duplicates: %v %v", appended[1].Duplicate, appended[3].Duplicate)
	}
	same(t, "second", appended[1].Message, appended[3].Message)
	if appended[4].Message.Seq != 4 {
		t.Errorf("the last has seq %d", appended[4].Message.Seq)
	}
	w.expectDense(t, c.ID)
}

func (w world) equalDraftsRacing(t *testing.T) {
	ada := w.person(t)
	cs := []chat.Conversation{w.group(t, ada), w.group(t, ada)}
	for round := range 5 {
		base := []chat.Draft{draft(cs[0], ada, "a"), draft(cs[1], ada, "b")}
		results := make([][]chat.Appended, 16)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() {
				mine := slices.Clone(base)
				for k := range mine {
					mine[k].ID = newID[chat.MessageID]()
				}
				if i%2 == 0 {
					slices.Reverse(mine)
				}
				appended, err := w.AppendMessages(ctx, mine)
				if err != nil {
					t.Errorf("round %d: %v", round, err)
					return
				}
				if i%2 == 0 {
					slices.Reverse(appended)
				}
				results[i] = appended
			})
		}
		wg.Wait()
		for k := range base {
			fresh := 0
			for _, r := range results {
				if r == nil || r[k].Err != nil {
					t.Fatalf("round %d: %+v", round, r)
				}
				if r[k].Message.ID != results[0][k].Message.ID || r[k].Message.Seq != results[0][k].Message.Seq {
					t.Fatalf("round %d: two answers to one draft", round)
				}
				if !r[k].Duplicate {
					fresh++
				}
			}
			if fresh != 1 {
				t.Errorf("round %d: %d of 16 believe to have stored it", round, fresh)
			}
		}
	}
	for _, c := range cs {
		w.expectDense(t, c.ID)
	}
}

func (w world) staleDrafts(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	old, quiet := w.group(t, ada, bob), w.group(t, ada, bob)
	w.revise(t, old, chat.Revision{Remove: []chat.UserID{bob}})
	for _, alone := range []bool{true, false} {
		drafts := []chat.Draft{draft(old, bob, "too late")}
		if !alone {
			drafts = []chat.Draft{draft(quiet, ada, "fine"), drafts[0], draft(quiet, bob, "fine too")}
		}
		appended, err := w.AppendMessages(ctx, drafts)
		ok(t, err)
		for i, a := range appended {
			stale := drafts[i].Conversation == old.ID
			if errors.Is(a.Err, chat.ErrStale) != stale || (!stale && a.Err != nil) {
				t.Errorf("draft %d of %d: %v", i, len(drafts), a.Err)
			}
		}
	}
	heads, err := w.Heads(ctx, []chat.ConversationID{old.ID, quiet.ID})
	ok(t, err)
	same(t, "heads", map[chat.ConversationID]chat.Head{
		old.ID: {LastSeq: 0, LastRev: 2, RosterRev: 2}, quiet.ID: {LastSeq: 2, LastRev: 3, RosterRev: 1},
	}, heads)
}

func (w world) mixedRosters(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	before := w.group(t, ada, bob)
	after := w.revise(t, before, chat.Revision{Remove: []chat.UserID{bob}})
	appended, err := w.AppendMessages(ctx, []chat.Draft{draft(before, bob, "old"), draft(after, ada, "new"), draft(before, ada, "old")})
	ok(t, err)
	if !errors.Is(appended[0].Err, chat.ErrStale) || appended[1].Err != nil || !errors.Is(appended[2].Err, chat.ErrStale) {
		t.Errorf("got %v, %v, %v", appended[0].Err, appended[1].Err, appended[2].Err)
	}
	if appended[1].Message.Seq != 1 {
		t.Errorf("seq %d", appended[1].Message.Seq)
	}
	w.expectDense(t, before.ID)
}

func (w world) missingConversation(t *testing.T) {
	ada := w.person(t)
	here, ended := w.group(t, ada), w.group(t, ada)
	w.revise(t, ended, chat.Revision{End: true})
	nowhere := chat.Conversation{ID: newID[chat.ConversationID](), RosterRev: 1}
	appended, err := w.AppendMessages(ctx, []chat.Draft{draft(nowhere, ada, "x"), draft(here, ada, "y"), draft(ended, ada, "z")})
	ok(t, err)
	if code(appended[0].Err) != chat.CodeNotInConversation || appended[1].Err != nil || code(appended[2].Err) != chat.CodeNotInConversation {
		t.Errorf("got %v, %v, %v", appended[0].Err, appended[1].Err, appended[2].Err)
	}
	appended, err = w.AppendMessages(ctx, []chat.Draft{draft(nowhere, ada, "x")})
	ok(t, err)
	if code(appended[0].Err) != chat.CodeNotInConversation {
		t.Errorf("alone: %v", appended[0].Err)
	}
}

func (w world) retryAfterTheEnd(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada)
	d := draft(c, ada, "x")
	w.append(t, d)
	w.revise(t, c, chat.Revision{End: true})
	if again := w.append(t, d)[0]; !again.Duplicate || again.Message.ID != d.ID {
		t.Errorf("got %+v", again)
	}
}

func (w world) edit(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada)
	m := w.send(t, c, ada, "tpyo")
	w.send(t, c, ada, "next")
	got, err := w.EditMessage(ctx, chat.Edit{Conversation: c.ID, Message: m.ID, Content: "typo", RosterRev: c.RosterRev})
	ok(t, err)
	want := m
	want.Content, want.Rev, want.EditedAt, want.UpdatedAt = "typo", 4, got.EditedAt, got.EditedAt
	same(t, "edited", want, got)
	if got.EditedAt.Before(m.CreatedAt) {
		t.Errorf("edited at %v, written at %v", got.EditedAt, m.CreatedAt)
	}
	read, err := w.Message(ctx, c.ID, m.ID)
	ok(t, err)
	same(t, "read back", got, read)
	if next := w.send(t, c, ada, "after"); next.Seq != 3 || next.Rev != 5 {
		t.Errorf("the next message has seq %d, rev %d", next.Seq, next.Rev)
	}
}

func (w world) tombstone(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada)
	d := draft(c, ada, "canary-text")
	m := w.append(t, d)[0].Message
	deletion := chat.Deletion{Conversation: c.ID, Message: m.ID, RosterRev: c.RosterRev}
	got, already, err := w.DeleteMessage(ctx, deletion)
	ok(t, err)
	want := m
	want.Content, want.Rev, want.DeletedAt, want.UpdatedAt = "", 3, got.DeletedAt, got.DeletedAt
	same(t, "tombstone", want, got)
	if already || !got.Deleted() {
		t.Errorf("already %v, deleted at %v", already, got.DeletedAt)
	}
	again, already, err := w.DeleteMessage(ctx, deletion)
	ok(t, err)
	if !already {
		t.Error("the second deletion does not know the first")
	}
	same(t, "second deletion", got, again)
	if _, err := w.EditMessage(ctx, chat.Edit{Conversation: c.ID, Message: m.ID, Content: "back", RosterRev: c.RosterRev}); code(err) != chat.CodeNotFound {
		t.Errorf("editing a tombstone: %v", err)
	}
	if retry := w.append(t, d)[0]; !retry.Duplicate || retry.Message.Content != "" {
		t.Errorf("retry after the deletion: %+v", retry)
	}
	if next := w.send(t, c, ada, "after"); next.Seq != 2 || next.Rev != 4 {
		t.Errorf("the next message has seq %d, rev %d", next.Seq, next.Rev)
	}
}

func (w world) staleChanges(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c := w.group(t, ada, bob)
	m := w.send(t, c, bob, "x")
	w.revise(t, c, chat.Revision{Remove: []chat.UserID{bob}})
	if _, err := w.EditMessage(ctx, chat.Edit{Conversation: c.ID, Message: m.ID, Content: "y", RosterRev: c.RosterRev}); !errors.Is(err, chat.ErrStale) {
		t.Errorf("edit: %v", err)
	}
	if _, _, err := w.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: m.ID, RosterRev: c.RosterRev}); !errors.Is(err, chat.ErrStale) {
		t.Errorf("deletion: %v", err)
	}
	read, err := w.Message(ctx, c.ID, m.ID)
	ok(t, err)
	same(t, "untouched", m, read)
}

func (w world) notFound(t *testing.T) {
	ada := w.person(t)
	c, other := w.group(t, ada), w.group(t, ada)
	m := w.send(t, other, ada, "x")
	if _, err := w.Message(ctx, c.ID, m.ID); code(err) != chat.CodeNotFound {
		t.Errorf("a message of another conversation: %v", err)
	}
	if _, err := w.MessageByClientID(ctx, c.ID, ada, "nothing"); code(err) != chat.CodeNotFound {
		t.Errorf("an unknown clientMessageId: %v", err)
	}
	if _, err := w.EditMessage(ctx, chat.Edit{Conversation: c.ID, Message: m.ID, Content: "y", RosterRev: c.RosterRev}); code(err) != chat.CodeNotFound {
		t.Errorf("editing a message of another conversation: %v", err)
	}
	if _, _, err := w.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: m.ID, RosterRev: c.RosterRev}); code(err) != chat.CodeNotFound {
		t.Errorf("deleting a message of another conversation: %v", err)
	}
	heads, err := w.Heads(ctx, []chat.ConversationID{c.ID, newID[chat.ConversationID]()})
	ok(t, err)
	same(t, "heads", map[chat.ConversationID]chat.Head{c.ID: {LastSeq: 0, LastRev: 1, RosterRev: 1}}, heads)
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
