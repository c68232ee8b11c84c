package storetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func friendsSuite(t *testing.T, w world) {
	t.Run("a request waits for an answer, and is a friendship once it is accepted", w.befriended)
	t.Run("asking who asked before accepts", w.askedBack)
	t.Run("a request is declined, withdrawn and a friendship ended in one way", w.unfriended)
	t.Run("two who ask each other at once are friends", w.askedAtOnce)
	t.Run("a person's friends and requests come in pages, newest first", w.friendPages)
	t.Run("nobody befriends who does not exist or was erased", w.befriendNobody)
	t.Run("an erased person is on no list", w.erasedFriend)
}

func (w world) befriend(t testing.TB, u, other chat.UserID, accept bool) chat.Friendly {
	t.Helper()
	f, err := w.Befriend(ctx, u, other, accept)
	ok(t, err)
	return f
}

// stands expects how two people stand to each other, wherever it can be read.
func (w world) stands(t testing.TB, u, other chat.UserID, want, theirs chat.Friendship) {
	t.Helper()
	for _, side := range []struct {
		u, other chat.UserID
		want     chat.Friendship
	}{{u, other, want}, {other, u, theirs}} {
		s, err := w.Standing(ctx, side.u, side.other)
		ok(t, err)
		if s.Friend.User.ID != side.other || s.Friend.Friendship != side.want || s.Friend.Since.IsZero() != (side.want == chat.NotFriends) {
			t.Errorf("standing: %+v, want %s", s, side.want)
		}
		list, _, err := w.Friends(ctx, side.u, chat.PersonCursor{}, 100)
		ok(t, err)
		i := slices.IndexFunc(list, func(f chat.Friend) bool { return f.User.ID == side.other })
		switch {
		case i < 0 && side.want != chat.NotFriends:
			t.Errorf("not on the list, want %s", side.want)
		case i >= 0:
			same(t, "on the list", s.Friend, list[i])
		}
	}
}

func (w world) befriended(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	w.stands(t, ada, bob, chat.NotFriends, chat.NotFriends)
	asked := w.befriend(t, ada, bob, false)
	if !asked.Changed || asked.Mine.Friendship != chat.Outgoing || asked.Theirs.Friendship != chat.Incoming || asked.Mine.User.ID != bob || asked.Theirs.User.ID != ada {
		t.Errorf("asked: %+v", asked)
	}
	w.stands(t, ada, bob, chat.Outgoing, chat.Incoming)
	again := w.befriend(t, ada, bob, false)
	if again.Changed || again.Mine != asked.Mine {
		t.Errorf("asked again: %+v, want %+v", again, asked)
	}
	if _, err := w.Befriend(ctx, ada, bob, true); code(err) != chat.CodeNotFound {
		t.Errorf("who asked accepts: %v", err)
	}
	accepted := w.befriend(t, bob, ada, true)
	if !accepted.Changed || accepted.Mine.Friendship != chat.Friends || accepted.Theirs.Friendship != chat.Friends || accepted.Mine.Since.Before(asked.Mine.Since) {
		t.Errorf("accepted: %+v", accepted)
	}
	w.stands(t, ada, bob, chat.Friends, chat.Friends)
	for _, accept := range []bool{false, true} {
		if f := w.befriend(t, ada, bob, accept); f.Changed || f.Mine.Since != accepted.Mine.Since {
			t.Errorf("friends already: %+v", f)
		}
	}
	if _, err := w.Befriend(ctx, ada, w.person(t), true); code(err) != chat.CodeNotFound {
		t.Errorf("accepting who never asked: %v", err)
	}
}

func (w world) askedBack(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	w.befriend(t, bob, ada, false)
	if f := w.befriend(t, ada, bob, false); !f.Changed || f.Mine.Friendship != chat.Friends {
		t.Errorf("asked back: %+v", f)
	}
	w.stands(t, ada, bob, chat.Friends, chat.Friends)
}

func (w world) unfriended(t *testing.T) {
	ada, bob := w.person(t), w.person(t)
	for _, tt := range []struct {
		name string
		by   chat.UserID
		was  func()
	}{
		{"withdrawn", ada, func() { w.befriend(t, ada, bob, false) }},
		{"declined", bob, func() { w.befriend(t, ada, bob, false) }},
		{"ended", bob, func() { w.befriend(t, ada, bob, false); w.befriend(t, bob, ada, true) }},
	} {
		tt.was()
		other := ada
		if tt.by == ada {
			other = bob
		}
		for i := range 2 {
			changed, err := w.Unfriend(ctx, tt.by, other)
			ok(t, err)
			if changed != (i == 0) {
				t.Errorf("%s, time %d: changed %v", tt.name, i+1, changed)
			}
		}
		w.stands(t, ada, bob, chat.NotFriends, chat.NotFriends)
	}
}

func (w world) askedAtOnce(t *testing.T) {
	for range 20 {
		ada, bob := w.person(t), w.person(t)
		var wg sync.WaitGroup
		got := make([]chat.Friendly, 2)
		for i, pair := range [][2]chat.UserID{{ada, bob}, {bob, ada}} {
			wg.Go(func() {
				var err error
				if got[i], err = w.Befriend(ctx, pair[0], pair[1], false); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		first := slices.IndexFunc(got, func(f chat.Friendly) bool { return f.Mine.Friendship == chat.Outgoing })
		if first < 0 || got[1-first].Mine.Friendship != chat.Friends || !got[0].Changed || !got[1].Changed {
			t.Fatalf("got %+v", got)
		}
		w.stands(t, ada, bob, chat.Friends, chat.Friends)
	}
}

func (w world) friendPages(t *testing.T) {
	ada := w.person(t)
	var want []chat.Friend
	at := time.Now().UTC().Truncate(time.Microsecond)
	for i, other := range w.people(t, 23) {
		// Several at the same moment.
		then := world{w.WithClock(func() time.Time { return at.Add(time.Duration(i/4) * time.Second) })}
		f := chat.Friend{}
		switch i % 3 {
		case 0:
			f = then.befriend(t, ada, other, false).Mine
		case 1:
			f = then.befriend(t, other, ada, false).Theirs
		default:
			then.befriend(t, other, ada, false)
			f = then.befriend(t, ada, other, true).Mine
		}
		want = append(want, f)
	}
	slices.SortFunc(want, func(x, y chat.Friend) int {
		return -cmpPerson(x.Since, y.Since, x.User.ID, y.User.ID)
	})
	for _, limit := range []int{1, 7, 22, 23, 100} {
		var got []chat.Friend
		after, more := chat.PersonCursor{}, true
		for more {
			var page []chat.Friend
			var err error
			page, more, err = w.Friends(ctx, ada, after, limit)
			ok(t, err)
			if len(page) > limit || more && len(page) < limit {
				t.Fatalf("limit %d: a page of %d, more %v", limit, len(page), more)
			}
			got = append(got, page...)
			last := page[len(page)-1]
			after = chat.PersonCursor{Since: last.Since, User: last.User.ID}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: got %v, want %v", limit, got, want)
		}
	}
}

// cmpPerson compares places in a list of people.
func cmpPerson(since, other time.Time, u, v chat.UserID) int {
	if c := since.Compare(other); c != 0 {
		return c
	}
	if u < v {
		return -1
	}
	return 1
}

func (w world) befriendNobody(t *testing.T) {
	ada, gone := w.person(t), w.person(t)
	_, err := w.EraseUser(ctx, gone, false)
	ok(t, err)
	for what, other := range map[string]chat.UserID{"unknown": newID[chat.UserID](), "erased": gone} {
		for _, accept := range []bool{false, true} {
			if _, err := w.Befriend(ctx, ada, other, accept); code(err) != chat.CodeNotFound {
				t.Errorf("%s, accept %v: %v", what, accept, err)
			}
		}
		if changed, err := w.Unfriend(ctx, ada, other); changed || err != nil {
			t.Errorf("%s: unfriended %v, %v", what, changed, err)
		}
		if _, err := w.SetBlock(ctx, ada, other, true); code(err) != chat.CodeNotFound {
			t.Errorf("%s: blocked: %v", what, err)
		}
	}
	if _, err := w.Standing(ctx, ada, newID[chat.UserID]()); code(err) != chat.CodeNotFound {
		t.Errorf("standing to nobody: %v", err)
	}
}

func (w world) erasedFriend(t *testing.T) {
	gone, friend, asked, asks, blocked, blocks := w.person(t), w.person(t), w.person(t), w.person(t), w.person(t), w.person(t)
	w.befriend(t, gone, friend, false)
	w.befriend(t, friend, gone, true)
	w.befriend(t, gone, asked, false)
	w.befriend(t, asks, gone, false)
	w.block(t, gone, blocked, true)
	w.block(t, blocks, gone, true)
	_, err := w.EraseUser(ctx, gone, false)
	ok(t, err)
	for _, u := range []chat.UserID{gone, friend, asked, asks, blocked, blocks} {
		friends, _, err := w.Friends(ctx, u, chat.PersonCursor{}, 10)
		ok(t, err)
		list, _, err := w.Blocks(ctx, u, chat.PersonCursor{}, 10)
		ok(t, err)
		if len(friends)+len(list) > 0 {
			t.Errorf("left: %v, %v", friends, list)
		}
	}
}
