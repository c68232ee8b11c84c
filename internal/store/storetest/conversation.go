package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func conversations(t *testing.T, w world) {
	t.Run("a group starts at rev 1 with its people in order of joining", w.aGroupStarts)
	t.Run("two people have one direct conversation, however many ask at once", w.directIsUnique)
	t.Run("a conversation with somebody who does not exist is refused", w.unknownPeople)
	t.Run("a revision takes one rev and returns the state after it", w.aRevision)
	t.Run("a revision decided on an old roster is refused", w.staleRevision)
	t.Run("two revisions racing on one roster have one winner", w.racingRevisions)
	t.Run("a conversation is shown to those in it only", w.shownToThoseInIt)
	t.Run("an ended conversation is gone", w.anEndedConversation)
	t.Run("the list has the newest activity first and pages through all", w.theList)
	t.Run("a hidden conversation comes back with its next message", w.hidden)
	t.Run("participants page in order of joining", w.participantPages)
}

// revise applies a revision that must be applied, decided on the roster of c.
func (w world) revise(t testing.TB, c chat.Conversation, r chat.Revision) chat.Conversation {
	t.Helper()
	r.Conversation, r.RosterRev = c.ID, c.RosterRev
	after, err := w.ReviseConversation(ctx, r)
	ok(t, err)
	return after
}

// direct asks for the direct conversation of two.
func (w world) direct(creator, other chat.UserID) (chat.Conversation, bool, error) {
	return w.CreateConversation(ctx, chat.NewConversation{
		ID: newID[chat.ConversationID](), Type: chat.Direct, Creator: creator, Participants: []chat.UserID{creator, other},
	})
}

func users(c chat.Conversation) []chat.UserID {
	var out []chat.UserID
	for _, p := range c.Participants {
		out = append(out, p.User.ID)
	}
	return out
}

func (w world) aGroupStarts(t *testing.T) {
	people := w.people(t, 25)
	c := w.group(t, people...)
	if c.LastRev != 1 || c.RosterRev != 1 || c.LastSeq != 0 || c.LastMessage != nil || c.OwnerID != people[0] || c.Title != "Group" || c.Type != chat.Group {
		t.Errorf("got %+v", c)
	}
	if c.ParticipantCount != 25 || !slices.Equal(users(c), people[:20]) {
		t.Errorf("%d participants, shown %v", c.ParticipantCount, users(c))
	}
	if c.Participants[0].Role != chat.RoleOwner || c.Participants[1].Role != chat.RoleMember {
		t.Errorf("roles %s, %s", c.Participants[0].Role, c.Participants[1].Role)
	}
	if c.Viewer != people[0] || c.UnreadCount != 0 {
		t.Errorf("viewer %s, unread %d", c.Viewer, c.UnreadCount)
	}
	r, err := w.Roster(ctx, c.ID)
	ok(t, err)
	if r.Rev != 1 || r.Type != chat.Group || len(r.Roles) != 25 || r.Roles[people[0]] != chat.RoleOwner || r.Roles[people[24]] != chat.RoleMember {
		t.Errorf("roster %+v", r)
	}
}

func (w world) directIsUnique(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	var mu sync.Mutex
	made, found := 0, map[chat.ConversationID]bool{}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			a, b := ada, bob
			if i%2 == 0 {
				a, b = bob, ada
			}
			c, created, err := w.direct(a, b)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			found[c.ID] = true
			if created {
				made++
			}
			if c.ParticipantCount != 2 || c.OwnerID != "" || c.Viewer != a || c.Participants[0].Role != chat.RoleMember {
				t.Errorf("got %+v", c)
			}
		})
	}
	wg.Wait()
	if made != 1 || len(found) != 1 {
		t.Errorf("made %d times, %d conversations", made, len(found))
	}
}

func (w world) unknownPeople(t *testing.T) {
	ada, gone := w.person(t), w.person(t)
	_, err := w.EraseUser(ctx, gone, false)
	ok(t, err)
	for _, who := range []chat.UserID{newID[chat.UserID](), gone} {
		if _, created, err := w.direct(ada, who); code(err) != chat.CodeNotFound || created {
			t.Errorf("direct: %v", err)
		}
		_, _, err := w.CreateConversation(ctx, chat.NewConversation{ID: newID[chat.ConversationID](), Type: chat.Group, Creator: ada, Participants: []chat.UserID{ada, who}})
		if code(err) != chat.CodeNotFound {
			t.Errorf("group: %v", err)
		}
		c := w.group(t, ada)
		_, err = w.ReviseConversation(ctx, chat.Revision{Conversation: c.ID, RosterRev: c.RosterRev, Add: []chat.UserID{who}})
		if code(err) != chat.CodeNotFound {
			t.Errorf("adding: %v", err)
		}
		heads, err := w.Heads(ctx, []chat.ConversationID{c.ID})
		ok(t, err)
		if heads[c.ID].LastRev != 1 {
			t.Errorf("a refused revision took rev %d", heads[c.ID].LastRev)
		}
	}
	if list, _, err := w.Conversations(ctx, chat.ListQuery{Viewer: ada, Limit: 100}); err != nil || len(list) != 2 {
		t.Errorf("refused conversations left %d on the list, want the 2 groups: %v", len(list), err)
	}
}

func (w world) aRevision(t *testing.T) {
	people := w.people(t, 4)
	c := w.group(t, people[0], people[1])
	w.send(t, c, people[0], "one")
	title := "New title"
	after := w.revise(t, c, chat.Revision{Title: &title, Add: people[2:], Remove: people[1:2], Roles: map[chat.UserID]chat.Role{people[2]: chat.RoleOwner, people[0]: chat.RoleAdmin}})
	if after.LastRev != 3 || after.RosterRev != 3 || after.LastSeq != 1 || after.Title != title || after.OwnerID != people[2] || after.Viewer != "" {
		t.Errorf("got %+v", after)
	}
	if after.UpdatedAt.Before(c.UpdatedAt) {
		t.Errorf("updated at %v, before %v", after.UpdatedAt, c.UpdatedAt)
	}
	want := map[chat.UserID]chat.Role{people[0]: chat.RoleAdmin, people[2]: chat.RoleOwner, people[3]: chat.RoleMember}
	r, err := w.Roster(ctx, c.ID)
	ok(t, err)
	same(t, "roster", chat.Roster{Conversation: c.ID, Type: chat.Group, Rev: 3, Roles: want}, r)
	if m := w.send(t, after, people[3], "two"); m.Seq != 2 || m.Rev != 4 {
		t.Errorf("the next message has seq %d, rev %d", m.Seq, m.Rev)
	}
}

func (w world) staleRevision(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c := w.group(t, ada, bob)
	w.revise(t, c, chat.Revision{Remove: []chat.UserID{bob}})
	if _, err := w.ReviseConversation(ctx, chat.Revision{Conversation: c.ID, RosterRev: c.RosterRev, Remove: []chat.UserID{ada}}); !errors.Is(err, chat.ErrStale) {
		t.Errorf("got %v", err)
	}
	if _, err := w.ReviseConversation(ctx, chat.Revision{Conversation: newID[chat.ConversationID](), RosterRev: 1}); code(err) != chat.CodeNotInConversation {
		t.Errorf("unknown conversation: %v", err)
	}
}

func (w world) racingRevisions(t *testing.T) {
	ada := w.person(t)
	c := w.group(t, ada)
	others := w.people(t, 8)
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for _, u := range others {
		wg.Go(func() {
			_, err := w.ReviseConversation(ctx, chat.Revision{Conversation: c.ID, RosterRev: c.RosterRev, Add: []chat.UserID{u}})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case !errors.Is(err, chat.ErrStale):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r, err := w.Roster(ctx, c.ID)
	ok(t, err)
	if won != 1 || len(r.Roles) != 2 || r.Rev != 2 {
		t.Errorf("%d won, roster %+v", won, r)
	}
}

func (w world) shownToThoseInIt(t *testing.T) {
	ada, bob, eve := w.person(t), w.person(t), w.person(t)
	c := w.group(t, ada, bob)
	m := w.send(t, c, ada, "x")
	got, err := w.Conversation(ctx, c.ID, bob)
	ok(t, err)
	if got.Viewer != bob || got.UnreadCount != 1 || got.LastMessage == nil {
		t.Errorf("bob sees %+v", got)
	}
	same(t, "last message", &m, got.LastMessage)
	for _, who := range []chat.UserID{eve, newID[chat.UserID]()} {
		if _, err := w.Conversation(ctx, c.ID, who); code(err) != chat.CodeNotFound {
			t.Errorf("somebody else: %v", err)
		}
	}
	common, err := w.Conversation(ctx, c.ID, "")
	ok(t, err)
	if common.Viewer != "" || common.UnreadCount != 0 || common.ParticipantCount != 2 {
		t.Errorf("all see %+v", common)
	}
	w.revise(t, c, chat.Revision{Remove: []chat.UserID{bob}})
	if _, err := w.Conversation(ctx, c.ID, bob); code(err) != chat.CodeNotFound {
		t.Errorf("who has left: %v", err)
	}
	if _, err := w.Conversation(ctx, newID[chat.ConversationID](), ""); code(err) != chat.CodeNotFound {
		t.Errorf("unknown: %v", err)
	}
}

func (w world) anEndedConversation(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c, kept := w.group(t, ada, bob), w.group(t, ada)
	after := w.revise(t, c, chat.Revision{End: true})
	if after.EndedAt.IsZero() || after.LastRev != 2 {
		t.Errorf("got %+v", after)
	}
	for _, viewer := range []chat.UserID{"", ada} {
		if _, err := w.Conversation(ctx, c.ID, viewer); code(err) != chat.CodeNotFound {
			t.Errorf("conversation: %v", err)
		}
	}
	if _, err := w.Roster(ctx, c.ID); code(err) != chat.CodeNotFound {
		t.Errorf("roster: %v", err)
	}
	ids, err := w.ConversationIDs(ctx, ada)
	ok(t, err)
	same(t, "ids", []chat.ConversationID{kept.ID}, ids)
	list, _, err := w.Conversations(ctx, chat.ListQuery{Viewer: ada, Limit: 10})
	ok(t, err)
	if len(list) != 1 || list[0].ID != kept.ID {
		t.Errorf("list %+v", list)
	}
}

func (w world) theList(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	var order []chat.ConversationID
	cs := map[chat.ConversationID]chat.Conversation{}
	for range 7 {
		c := w.group(t, ada, bob)
		cs[c.ID] = c
		order = append([]chat.ConversationID{c.ID}, order...)
	}
	bump := order[4]
	m := w.send(t, cs[bump], bob, "news")
	order = append([]chat.ConversationID{bump}, slices.Delete(slices.Clone(order), 4, 5)...)

	var byOffset, byCursor []chat.ConversationID
	q := chat.ListQuery{Viewer: ada, Limit: 3}
	for {
		page, more, err := w.Conversations(ctx, q)
		ok(t, err)
		for _, c := range page {
			byCursor = append(byCursor, c.ID)
			q.After, q.AfterID = c.UpdatedAt, c.ID
		}
		if !more {
			break
		}
	}
	for offset := 0; offset < 9; offset += 3 {
		page, more, err := w.Conversations(ctx, chat.ListQuery{Viewer: ada, Offset: offset, Limit: 3})
		ok(t, err)
		if more != (offset < 6) {
			t.Errorf("offset %d: more %v", offset, more)
		}
		for _, c := range page {
			byOffset = append(byOffset, c.ID)
		}
	}
	same(t, "by cursor", order, byCursor)
	same(t, "by offset", order, byOffset)

	first, _, err := w.Conversations(ctx, chat.ListQuery{Viewer: ada, Limit: 1})
	ok(t, err)
	single, err := w.Conversation(ctx, bump, ada)
	ok(t, err)
	same(t, "a row of the list and the conversation alone", single, first[0])
	if first[0].UnreadCount != 1 || first[0].LastMessage.ID != m.ID || len(first[0].Participants) != 2 {
		t.Errorf("got %+v", first[0])
	}
	if empty, more, err := w.Conversations(ctx, chat.ListQuery{Viewer: w.person(t), Limit: 5}); err != nil || more || len(empty) != 0 {
		t.Errorf("an empty list: %v, %v, %v", empty, more, err)
	}
}

// hide takes a conversation off somebody's list, who is in it.
func (w world) hide(t *testing.T, c chat.Conversation, u chat.UserID) {
	t.Helper()
	seq, err := w.HideConversation(ctx, c.ID, u)
	ok(t, err)
	heads, err := w.Heads(ctx, []chat.ConversationID{c.ID})
	ok(t, err)
	if seq != heads[c.ID].LastSeq {
		t.Errorf("hidden at %d, the last is %d", seq, heads[c.ID].LastSeq)
	}
	states, err := w.ReadStates(ctx, c.ID, []chat.UserID{u})
	ok(t, err)
	if !states[u].Hidden {
		t.Error("it is not hidden")
	}
}

func (w world) hidden(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c, _, err := w.direct(ada, bob)
	ok(t, err)
	listed := func(u chat.UserID) bool {
		t.Helper()
		list, _, err := w.Conversations(ctx, chat.ListQuery{Viewer: u, Limit: 10})
		ok(t, err)
		return len(list) == 1
	}
	if !listed(ada) {
		t.Error("a new conversation is not on the list")
	}
	w.hide(t, c, ada)
	if listed(ada) || !listed(bob) {
		t.Error("hiding it takes it off the wrong list")
	}
	w.send(t, c, bob, "are you there?")
	if !listed(ada) {
		t.Error("a message does not bring it back")
	}
	w.hide(t, c, ada)
	if _, created, err := w.direct(ada, bob); err != nil || created || !listed(ada) {
		t.Errorf("asking for it again: created %v, %v", created, err)
	}
	w.hide(t, c, ada)
	if _, _, err := w.direct(bob, ada); err != nil || listed(ada) {
		t.Errorf("the other one asking for it shows it to the one who hid it: %v", err)
	}
	if _, err := w.HideConversation(ctx, c.ID, w.person(t)); code(err) != chat.CodeNotInConversation {
		t.Errorf("hidden by somebody who is not in it: %v", err)
	}
}

func (w world) participantPages(t *testing.T) {
	people := w.people(t, 7)
	c := w.group(t, people[:5]...)
	c = w.revise(t, c, chat.Revision{Remove: people[1:2]})
	c = w.revise(t, c, chat.Revision{Add: people[5:]})
	c = w.revise(t, c, chat.Revision{Add: people[1:2]})
	want := append(append([]chat.UserID{people[0]}, people[2:]...), people[1])
	var got []chat.UserID
	var after chat.ParticipantCursor
	for {
		page, more, err := w.Participants(ctx, c.ID, after, 3)
		ok(t, err)
		for _, p := range page {
			got = append(got, p.User.ID)
			after = chat.ParticipantCursor{JoinedAt: p.JoinedAt, User: p.User.ID}
		}
		if !more {
			break
		}
	}
	same(t, "in order of joining", want, got)
	same(t, "shown with the conversation", want, users(c))
}
