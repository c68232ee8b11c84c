package storetest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func blocksSuite(t *testing.T, w world) {
	t.Run("a block ends a friendship and requests, and holds until it is lifted", w.blockedFriend)
	t.Run("whom a person blocks comes in pages, newest first", w.blockPages)
	t.Run("a block is known to the roster of the direct conversation, which takes a rev when that changes", w.blockedRoster)
	t.Run("with a block between them people do not find each other", w.blockedSearch)
	t.Run("nobody is brought into a conversation by somebody with whom there is a block", w.blockedInvitation)
	t.Run("a block and a request at once are never both", w.blockedMeanwhile)
	t.Run("a block and a direct conversation opened at once: what was decided before is refused", w.blockedWhileOpened)
	t.Run("a block and an invitation at once: once the block stands nobody is brought in", w.blockedWhileInvited)
	t.Run("after a block no message is stored that was decided before", w.blockedWhileSending)
}

func (w world) block(t testing.TB, u, other chat.UserID, blocked bool) chat.BlockChange {
	t.Helper()
	b, err := w.SetBlock(ctx, u, other, blocked)
	ok(t, err)
	return b
}

func (w world) blockedFriend(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	for _, were := range []func(){
		func() {},
		func() { w.befriend(t, ada, bob, false) },
		func() { w.befriend(t, bob, ada, false) },
		func() { w.befriend(t, bob, ada, false); w.befriend(t, ada, bob, true) },
	} {
		were()
		before, err := w.Standing(ctx, ada, bob)
		ok(t, err)
		b := w.block(t, ada, bob, true)
		if !b.Changed || b.Unfriended != (before.Friend.Friendship != chat.NotFriends) || b.Block.User.ID != bob || b.Block.Since.IsZero() || b.Direct != nil {
			t.Errorf("blocked: %+v", b)
		}
		if again := w.block(t, ada, bob, true); again.Changed || again.Unfriended || again.Block != b.Block {
			t.Errorf("blocked again: %+v, want %+v", again, b)
		}
		for _, try := range [][2]chat.UserID{{ada, bob}, {bob, ada}} {
			if _, err := w.Befriend(ctx, try[0], try[1], false); code(err) != chat.CodeNotFound {
				t.Errorf("befriended: %v", err)
			}
		}
		w.stands(t, ada, bob, chat.NotFriends, chat.NotFriends)
		mine, err := w.Standing(ctx, ada, bob)
		ok(t, err)
		theirs, err := w.Standing(ctx, bob, ada)
		ok(t, err)
		if !mine.Blocks || theirs.Blocks {
			t.Errorf("who blocks: %v, %v", mine.Blocks, theirs.Blocks)
		}
		for i := range 2 {
			if b := w.block(t, ada, bob, false); b.Changed != (i == 0) || b.Unfriended || b.Direct != nil {
				t.Errorf("lifted, time %d: %+v", i+1, b)
			}
		}
	}
	w.befriend(t, bob, ada, false)
	w.stands(t, ada, bob, chat.Incoming, chat.Outgoing)
}

func (w world) blockPages(t *testing.T) {
	ada := w.person(t)
	var want []chat.Block
	for _, other := range w.people(t, 9) {
		want = append(want, w.block(t, ada, other, true).Block)
		w.block(t, other, w.person(t), true)
	}
	slices.SortFunc(want, func(x, y chat.Block) int { return -cmpPerson(x.Since, y.Since, x.User.ID, y.User.ID) })
	for _, limit := range []int{1, 4, 9, 10} {
		var got []chat.Block
		after, more := chat.PersonCursor{}, true
		for more {
			var page []chat.Block
			var err error
			page, more, err = w.Blocks(ctx, ada, after, limit)
			ok(t, err)
			got = append(got, page...)
			last := page[len(page)-1]
			after = chat.PersonCursor{Since: last.Since, User: last.User.ID}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: got %v, want %v", limit, got, want)
		}
	}
}

func (w world) blockedRoster(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c, _, err := w.direct(ada, bob)
	ok(t, err)
	group := w.group(t, ada, bob)
	first := w.send(t, c, bob, "hello")
	standing, err := w.Standing(ctx, bob, ada)
	ok(t, err)
	same(t, "the direct conversation", c.ID, standing.Direct)
	rev := first.Rev
	for _, tt := range []struct {
		name      string
		by, other chat.UserID
		blocked   bool
		moves     bool
		is        bool
	}{
		{"the first blocks", ada, bob, true, true, true},
		{"the first blocks again", ada, bob, true, false, true},
		{"the second blocks too", bob, ada, true, false, true},
		{"the first lifts theirs", ada, bob, false, false, true},
		{"the second lifts theirs", bob, ada, false, true, false},
	} {
		b := w.block(t, tt.by, tt.other, tt.blocked)
		if tt.moves {
			rev++
		}
		if (b.Direct != nil) != tt.moves || tt.moves && (b.Direct.ID != c.ID || b.Direct.LastRev != rev || b.Direct.RosterRev != rev || b.Direct.Viewer != "" || !b.Direct.UpdatedAt.Equal(first.UpdatedAt)) {
			t.Errorf("%s: %+v", tt.name, b.Direct)
		}
		r, err := w.Roster(ctx, c.ID)
		ok(t, err)
		if r.Blocked != tt.is || len(r.Roles) != 2 || (r.Rev == rev) != (rev > first.Rev) {
			t.Errorf("%s: %+v", tt.name, r)
		}
		if r, err := w.Roster(ctx, group.ID); err != nil || r.Blocked || r.Rev != group.RosterRev {
			t.Errorf("%s: a group of both: %+v, %v", tt.name, r, err)
		}
	}
	changes, err := w.Changes(ctx, c.ID, first.Rev, 10)
	ok(t, err)
	if len(changes.Changes) != 1 || changes.Changes[0].Kind != chat.ConversationRevised || changes.Changes[0].Rev != rev {
		t.Errorf("catching up: %+v", changes)
	}
}

func (w world) blockedSearch(t *testing.T) {
	a, b := newAccount(), newAccount()
	a.Username, a.UsernameKey = "finder", "finder"
	b.Username, b.UsernameKey = "found-one", "found-one"
	ok(t, w.CreateAccount(ctx, a, false))
	ok(t, w.CreateAccount(ctx, b, false))
	finds := func(who, other chat.UserID, prefix string) bool {
		t.Helper()
		found, err := w.SearchUsers(ctx, who, prefix, 20)
		ok(t, err)
		return slices.ContainsFunc(found, func(u chat.User) bool { return u.ID == other })
	}
	for _, blocked := range []bool{false, true, false} {
		w.block(t, a.ID, b.ID, blocked)
		if finds(a.ID, b.ID, "found") == blocked || finds(b.ID, a.ID, "finder") == blocked {
			t.Errorf("blocked %v: who blocks finds %v, the other %v", blocked, finds(a.ID, b.ID, "found"), finds(b.ID, a.ID, "finder"))
		}
		if !finds(w.person(t), b.ID, "found") {
			t.Error("others do not find them")
		}
	}
}

func (w world) blockedInvitation(t *testing.T) {
	ada, bob, eve := w.person(t), w.person(t), w.person(t)
	w.block(t, ada, bob, true)
	mine, theirs := w.group(t, ada, eve), w.group(t, bob, eve)
	for _, try := range []struct {
		by, other chat.UserID
		into      chat.Conversation
	}{{ada, bob, mine}, {bob, ada, theirs}} {
		if _, created, err := w.direct(try.by, try.other); code(err) != chat.CodeNotFound || created {
			t.Errorf("a direct conversation: %v", err)
		}
		_, _, err := w.CreateConversation(ctx, chat.NewConversation{
			ID: newID[chat.ConversationID](), Type: chat.Group, Creator: try.by, Participants: []chat.UserID{try.by, eve, try.other},
		})
		if code(err) != chat.CodeNotFound {
			t.Errorf("a group: %v", err)
		}
		_, err = w.ReviseConversation(ctx, chat.Revision{Conversation: try.into.ID, RosterRev: try.into.RosterRev, By: try.by, Add: []chat.UserID{try.other}})
		if code(err) != chat.CodeNotFound {
			t.Errorf("added: %v", err)
		}
	}
	// Somebody else may bring both together.
	w.revise(t, mine, chat.Revision{By: eve, Add: []chat.UserID{bob}})
	// A direct conversation that there is stays.
	w.block(t, ada, bob, false)
	c, _, err := w.direct(ada, bob)
	ok(t, err)
	w.block(t, ada, bob, true)
	if again, created, err := w.direct(bob, ada); err != nil || created || again.ID != c.ID {
		t.Errorf("the direct conversation that there was: %+v, %v", again, err)
	}
}

func (w world) blockedMeanwhile(t *testing.T) {
	for i := range 30 {
		ada, bob := w.person(t), w.person(t)
		if i%2 == 0 {
			w.befriend(t, bob, ada, false)
		}
		var wg sync.WaitGroup
		wg.Go(func() { w.block(t, ada, bob, true) })
		wg.Go(func() {
			if _, err := w.Befriend(ctx, bob, ada, false); err != nil && code(err) != chat.CodeNotFound {
				t.Error(err)
			}
		})
		if i%2 == 0 {
			wg.Go(func() {
				if _, err := w.Befriend(ctx, ada, bob, true); err != nil && code(err) != chat.CodeNotFound {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.stands(t, ada, bob, chat.NotFriends, chat.NotFriends)
	}
}

func (w world) blockedWhileOpened(t *testing.T) {
	for range 30 {
		ada, bob := w.person(t), w.person(t)
		var opened atomic.Bool
		var before chat.Conversation
		var wg sync.WaitGroup
		wg.Go(func() {
			c, _, err := w.direct(bob, ada)
			if err != nil {
				if code(err) != chat.CodeNotFound {
					t.Error(err)
				}
				return
			}
			before = c
			opened.Store(true)
		})
		wg.Go(func() { w.block(t, ada, bob, true) })
		wg.Wait()
		if !opened.Load() {
			continue
		}
		r, err := w.Roster(ctx, before.ID)
		ok(t, err)
		if !r.Blocked || r.Rev == 1 {
			t.Fatalf("the roster is %+v", r)
		}
		d := draft(before, bob, "decided before")
		d.RosterRev = 1
		appended, err := w.AppendMessages(ctx, []chat.Draft{d})
		ok(t, err)
		if !errors.Is(appended[0].Err, chat.ErrStale) {
			t.Fatalf("stored: %+v", appended[0])
		}
	}
}

func (w world) blockedWhileInvited(t *testing.T) {
	for range 30 {
		ada, bob := w.person(t), w.person(t)
		g := w.group(t, bob)
		blocked := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			w.block(t, ada, bob, true)
			close(blocked)
		})
		wg.Go(func() {
			_, err := w.ReviseConversation(ctx, chat.Revision{Conversation: g.ID, RosterRev: g.RosterRev, By: bob, Add: []chat.UserID{ada}})
			if err != nil && code(err) != chat.CodeNotFound {
				t.Error(err)
			}
		})
		wg.Go(func() {
			<-blocked
			before, err := w.Roster(ctx, g.ID)
			ok(t, err)
			_, err = w.ReviseConversation(ctx, chat.Revision{Conversation: g.ID, RosterRev: before.Rev, By: bob, Add: []chat.UserID{ada}})
			_, in := before.Roles[ada]
			if !errors.Is(err, chat.ErrStale) && code(err) != chat.CodeNotFound {
				t.Errorf("invited after the block, in before %v: %v", in, err)
			}
		})
		wg.Wait()
	}
}

func (w world) blockedWhileSending(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	c, _, err := w.direct(ada, bob)
	ok(t, err)
	var wg sync.WaitGroup
	var stop atomic.Bool
	var refused, stored atomic.Int64
	sending := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for after := 0; after < 20 && refused.Load() < 3; {
				if stop.Load() {
					after++
				}
				appended, err := w.AppendMessages(ctx, []chat.Draft{draft(c, bob, "x")})
				if err != nil {
					t.Error(err)
					return
				}
				switch {
				case errors.Is(appended[0].Err, chat.ErrStale):
					refused.Add(1)
				case appended[0].Err != nil:
					t.Error(appended[0].Err)
					return
				case stored.Add(1) == 5:
					close(sending)
				}
			}
		})
	}
	<-sending
	b := w.block(t, ada, bob, true)
	stop.Store(true)
	wg.Wait()
	heads, err := w.Heads(ctx, []chat.ConversationID{c.ID})
	ok(t, err)
	if heads[c.ID].LastRev != b.Direct.LastRev || heads[c.ID].LastSeq != b.Direct.LastSeq || stored.Load() != b.Direct.LastSeq {
		t.Errorf("the block was at %d, the head is %+v, %d are stored", b.Direct.LastRev, heads[c.ID], stored.Load())
	}
}
