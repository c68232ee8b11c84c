package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func history(t *testing.T, w world) {
	t.Run("pages traversed in both directions lose and double nothing while others write", w.pagesUnderWrites)
	t.Run("a page tells exactly whether there is more", w.exactlyMore)
	t.Run("changes folded onto an old state give the new state", w.changesFold)
	t.Run("changes of a conversation that ended tell that it has", w.changesOfTheEnded)
	t.Run("changes come from one state of the data", w.changesAreASnapshot)
	t.Run("the interests of people are all their conversations and where they stand", w.interests)
}

func (w world) pagesUnderWrites(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada)
	const before = 137
	for i := 0; i < before; i += 10 {
		var drafts []chat.Draft
		for k := i; k < min(i+10, before); k++ {
			drafts = append(drafts, draft(c, ada, fmt.Sprint(k)))
		}
		w.append(t, drafts...)
	}
	stop := w.keepWriting(t, c, ada)
	for _, newer := range []bool{true, false} {
		q := chat.HistoryQuery{Conversation: c.ID, Newer: newer, Limit: 10}
		var seqs []int64
		for pages := 0; pages < 200; pages++ {
			page, more, err := w.Messages(ctx, q)
			ok(t, err)
			for _, m := range page {
				seqs = append(seqs, m.Seq)
			}
			if !more || (newer && len(seqs) > before) {
				break
			}
			q.CreatedAt, q.ID = page[len(page)-1].CreatedAt, page[len(page)-1].ID
		}
		if !newer {
			slices.Reverse(seqs)
		}
		for i, seq := range seqs {
			if seq != int64(i+1) {
				t.Fatalf("newer=%v: place %d has seq %d", newer, i+1, seq)
			}
		}
		if len(seqs) < before {
			t.Errorf("newer=%v: %d messages of %d", newer, len(seqs), before)
		}
	}
	stop()
}

func (w world) exactlyMore(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada)
	var all []chat.Message
	for i := range 5 {
		all = append(all, w.send(t, c, ada, fmt.Sprint(i)))
	}
	for _, tt := range []struct {
		from  int // index of the position, −1 for none
		newer bool
		limit int
		want  []int64
		more  bool
	}{
		{-1, false, 5, []int64{5, 4, 3, 2, 1}, false},
		{-1, false, 4, []int64{5, 4, 3, 2}, true},
		{-1, true, 2, []int64{1, 2}, true},
		{2, false, 2, []int64{2, 1}, false},
		{2, true, 2, []int64{4, 5}, false},
		{2, true, 1, []int64{4}, true},
		{0, false, 3, nil, false},
		{4, true, 3, nil, false},
	} {
		q := chat.HistoryQuery{Conversation: c.ID, Newer: tt.newer, Limit: tt.limit}
		if tt.from >= 0 {
			q.CreatedAt, q.ID = all[tt.from].CreatedAt, all[tt.from].ID
		}
		page, more, err := w.Messages(ctx, q)
		ok(t, err)
		var seqs []int64
		for _, m := range page {
			seqs = append(seqs, m.Seq)
		}
		if !slices.Equal(seqs, tt.want) || more != tt.more {
			t.Errorf("%+v: got %v, more %v", tt, seqs, more)
		}
	}
}

// replica is what a client holds: it knows the conversation only through changes.
type replica struct {
	messages map[int64]chat.Message
	state    *chat.Conversation
	rev      int64
}

// catchUp pages through what the replica lacks.
func (r *replica) catchUp(t *testing.T, w world, c chat.ConversationID, limit int) {
	t.Helper()
	for {
		changes, err := w.Changes(ctx, c, r.rev, limit)
		ok(t, err)
		if len(changes.Changes) > limit {
			t.Fatalf("%d changes, asked for %d", len(changes.Changes), limit)
		}
		for _, ch := range changes.Changes {
			if ch.Rev <= r.rev {
				t.Fatalf("rev %d after rev %d", ch.Rev, r.rev)
			}
			r.rev = ch.Rev
			if ch.Kind == chat.ConversationRevised {
				r.state = ch.State
				continue
			}
			expectKind(t, ch)
			r.messages[ch.Message.Seq] = *ch.Message
		}
		if !changes.HasMore {
			if r.rev != changes.Head.LastRev {
				t.Fatalf("caught up to rev %d, the head is %d", r.rev, changes.Head.LastRev)
			}
			return
		}
	}
}

func expectKind(t *testing.T, ch chat.Change) {
	t.Helper()
	want := chat.MessageAdded
	switch {
	case ch.Message.Deleted():
		want = chat.MessageDeleted
	case !ch.Message.EditedAt.IsZero():
		want = chat.MessageEdited
	}
	if ch.Kind != want || ch.Rev != ch.Message.Rev {
		t.Fatalf("kind %d at rev %d for a message at rev %d", ch.Kind, ch.Rev, ch.Message.Rev)
	}
}

func (w world) changesFold(t *testing.T) {
	people := w.people(t, 4)
	c := w.group(t, people...)
	random := rand.New(rand.NewPCG(1, 2))
	slow, quick := &replica{messages: map[int64]chat.Message{}}, &replica{messages: map[int64]chat.Message{}}
	in := slices.Clone(people)
	for step := range 120 {
		switch n := random.IntN(10); {
		case n < 5:
			w.append(t, draft(c, in[random.IntN(len(in))], fmt.Sprint("message ", step)), draft(c, people[0], "more"))
		case n < 7:
			all := w.history(t, c.ID)
			if len(all) == 0 {
				continue
			}
			m := all[random.IntN(len(all))]
			if m.Deleted() {
				continue
			}
			_, err := w.EditMessage(ctx, chat.Edit{Conversation: c.ID, Message: m.ID, Content: fmt.Sprint("edited ", step), RosterRev: c.RosterRev})
			ok(t, err)
		case n < 8:
			if all := w.history(t, c.ID); len(all) > 0 {
				_, _, err := w.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: all[random.IntN(len(all))].ID, RosterRev: c.RosterRev})
				ok(t, err)
			}
		case n < 9:
			title := fmt.Sprint("title ", step)
			c = w.revise(t, c, chat.Revision{Title: &title})
		case len(in) == len(people):
			c = w.revise(t, c, chat.Revision{Remove: people[3:]})
			in = people[:3]
		default:
			c = w.revise(t, c, chat.Revision{Add: people[3:]})
			in = people
		}
		if step%3 == 0 {
			quick.catchUp(t, w, c.ID, 3)
		}
	}
	slow.catchUp(t, w, c.ID, 7)
	quick.catchUp(t, w, c.ID, 1)

	fresh := map[int64]chat.Message{}
	for _, m := range w.history(t, c.ID) {
		fresh[m.Seq] = m
	}
	state, err := w.Conversation(ctx, c.ID, "")
	ok(t, err)
	for name, r := range map[string]*replica{"slow": slow, "quick": quick} {
		same(t, name+" messages", fresh, r.messages)
		if r.state.RosterRev != state.RosterRev || r.state.Title != state.Title {
			t.Errorf("%s: state of rev %d %q, fresh rev %d %q", name, r.state.RosterRev, r.state.Title, state.RosterRev, state.Title)
		}
		same(t, name+" participants", unread(state.Participants), unread(r.state.Participants))
	}
}

// unread is participants without how far they have read, which moves without a rev.
func unread(participants []chat.Participant) []chat.Participant {
	out := make([]chat.Participant, len(participants))
	for i, p := range participants {
		out[i] = chat.Participant{User: p.User, Role: p.Role, JoinedAt: p.JoinedAt}
	}
	return out
}

func (w world) changesOfTheEnded(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada)
	w.send(t, c, ada, "x")
	w.revise(t, c, chat.Revision{End: true})
	changes, err := w.Changes(ctx, c.ID, 2, 10)
	ok(t, err)
	if len(changes.Changes) != 1 || changes.Changes[0].Rev != 3 || changes.Changes[0].State.EndedAt.IsZero() {
		t.Errorf("got %+v", changes)
	}
	if _, err := w.Changes(ctx, newID[chat.ConversationID](), 0, 10); code(err) != chat.CodeNotFound {
		t.Errorf("an unknown conversation: %v", err)
	}
	none, err := w.Changes(ctx, c.ID, 3, 10)
	ok(t, err)
	if len(none.Changes) != 0 || none.HasMore {
		t.Errorf("past the head: %+v", none)
	}
}

func (w world) changesAreASnapshot(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada)
	stop := w.keepWriting(t, c, ada)
	for range 50 {
		changes, err := w.Changes(ctx, c.ID, 1, 10_000)
		ok(t, err)
		if n := int64(len(changes.Changes)); changes.HasMore || n != changes.Head.LastRev-1 || n != changes.Head.LastSeq {
			t.Fatalf("%d changes at head %+v", n, changes.Head)
		}
	}
	stop()
}

func (w world) interests(t *testing.T) {
	ada, bob, eve := w.person(t), w.person(t), w.person(t)
	group, left, ended := w.group(t, ada, bob), w.group(t, ada, bob), w.group(t, ada, bob)
	direct, _, err := w.direct(ada, bob)
	ok(t, err)
	m := w.send(t, group, ada, "hello")
	w.send(t, direct, bob, "hello")
	w.revise(t, left, chat.Revision{Remove: []chat.UserID{bob}})
	w.revise(t, ended, chat.Revision{End: true})
	_, _, err = w.AdvanceRead(ctx, group.ID, bob, m.ID, false)
	ok(t, err)
	w.hide(t, direct, bob)

	all, err := w.Interests(ctx, []chat.UserID{ada, bob, eve, newID[chat.UserID]()})
	ok(t, err)
	if len(all) != 2 || len(all[ada]) != 3 || len(all[bob]) != 2 {
		t.Fatalf("got %+v", all)
	}
	heads, err := w.Heads(ctx, []chat.ConversationID{group.ID, left.ID, direct.ID})
	ok(t, err)
	for u, interests := range all {
		for _, i := range interests {
			seen, err := w.Conversation(ctx, i.Conversation, u)
			ok(t, err)
			if i.Head != heads[i.Conversation] || !i.UpdatedAt.Equal(seen.UpdatedAt) {
				t.Errorf("got %+v, the conversation is %+v", i, seen)
			}
			read, hidden := int64(0), int64(-1)
			switch {
			case u == bob && i.Conversation == group.ID:
				read = m.Seq
			case u == bob && i.Conversation == direct.ID:
				hidden = 1
			}
			if i.ReadSeq != read || i.HiddenSeq != hidden {
				t.Errorf("%+v, want read to %d, hidden at %d", i, read, hidden)
			}
		}
	}
	none, err := w.Interests(ctx, nil)
	ok(t, err)
	if len(none) > 0 {
		t.Errorf("nobody has %v", none)
	}
}

// keepWriting appends to a conversation, two messages a batch, until stop is called or the test ends.
func (w world) keepWriting(t *testing.T, c chat.Conversation, sender chat.UserID) (stop func()) {
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
				if _, err := w.AppendMessages(ctx, []chat.Draft{draft(c, sender, "meanwhile"), draft(c, sender, "meanwhile")}); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(ended)
		wg.Wait()
	})
	t.Cleanup(stop)
	return stop
}
