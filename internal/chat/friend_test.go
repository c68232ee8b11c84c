package chat_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// relations remembers what people are told of each other.
type relations struct {
	mu     sync.Mutex
	told   []string
	stands map[chat.UserID]chat.Friend // what each was told last
}

func (r *relations) note(format string, args ...any) {
	r.told = append(r.told, fmt.Sprintf(format, args...))
}

func (r *relations) FriendshipChanged(u chat.UserID, f chat.Friend) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stands == nil {
		r.stands = make(map[chat.UserID]chat.Friend)
	}
	r.stands[u] = f
	r.note("friend %s %s %s", u, f.User.ID, f.Friendship)
}

func (r *relations) BlockChanged(u, other chat.UserID, blocked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note("block %s %s %v", u, other, blocked)
}

func (r *relations) WatchingChanged(users ...chat.UserID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range users {
		r.note("watching %s", u)
	}
}

// expectTold expects what people were told since the last time, in any order.
func (r *relations) expectTold(t *testing.T, when string, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := slices.Sorted(slices.Values(r.told))
	if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("%s: told %q, want %q", when, got, want)
	}
	r.told = nil
}

func friend(u, other chat.UserID, how chat.Friendship) string {
	return fmt.Sprintf("friend %s %s %s", u, other, how)
}

func watching(u chat.UserID) string { return fmt.Sprintf("watching %s", u) }

func (w *world) befriend(t *testing.T, u, other chat.UserID) {
	t.Helper()
	for _, pair := range [][2]chat.UserID{{u, other}, {other, u}} {
		if _, _, err := w.Befriend(t.Context(), pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARequestIsToldToBothAndAFriendshipHasWhatTheyWatchReadAnew(t *testing.T) {
	w := newWorld(t, 2)
	ada, bob := w.people[0], w.people[1]
	ask := func(u, other chat.UserID) (chat.Friend, bool) {
		t.Helper()
		f, changed, err := w.Befriend(t.Context(), u, other)
		if err != nil {
			t.Fatal(err)
		}
		return f, changed
	}
	f, changed := ask(ada, bob)
	if !changed || f.Friendship != chat.Outgoing || f.User.Username != "person1" {
		t.Errorf("asked: %+v, changed %v", f, changed)
	}
	w.heard.expectTold(t, "a request", friend(ada, bob, chat.Outgoing), friend(bob, ada, chat.Incoming))
	if got := w.heard.stands[bob]; got.User.Username != "person0" || !got.Since.Equal(f.Since) {
		t.Errorf("the other is told of %+v", got)
	}
	if again, changed := ask(ada, bob); changed || again != f {
		t.Errorf("asked again: %+v, changed %v", again, changed)
	}
	w.heard.expectTold(t, "the same request again")
	if got, err := w.AcceptFriend(t.Context(), bob, ada); err != nil || got.Friendship != chat.Friends {
		t.Errorf("accepted: %+v, %v", got, err)
	}
	w.heard.expectTold(t, "accepting", friend(ada, bob, chat.Friends), friend(bob, ada, chat.Friends), watching(ada), watching(bob))
	if f, changed := ask(bob, ada); changed || f.Friendship != chat.Friends {
		t.Errorf("asking a friend: %+v, changed %v", f, changed)
	}
	if err := w.Unfriend(t.Context(), bob, ada); err != nil {
		t.Fatal(err)
	}
	w.heard.expectTold(t, "ending it", friend(ada, bob, chat.NotFriends), friend(bob, ada, chat.NotFriends), watching(ada), watching(bob))
	wantCode(t, w.Unfriend(t.Context(), ada, bob), chat.CodeNotFound)
	w.heard.expectTold(t, "ending what is not")
	ask(ada, bob)
	if f, _ := ask(bob, ada); f.Friendship != chat.Friends {
		t.Errorf("asking back: %+v", f)
	}
}

func TestNobodyBefriendsThemselvesOrNobody(t *testing.T) {
	w := newWorld(t, 2)
	ada := w.people[0]
	_, _, err := w.Befriend(t.Context(), ada, ada)
	wantCode(t, err, chat.CodeValidation)
	for _, other := range []chat.UserID{chat.UserID(newID()), "nonsense", ""} {
		_, _, err = w.Befriend(t.Context(), ada, other)
		wantCode(t, err, chat.CodeNotFound)
	}
	for _, other := range []chat.UserID{ada, w.people[1], chat.UserID(newID()), "nonsense"} {
		_, err = w.AcceptFriend(t.Context(), ada, other)
		if wantCode(t, err, chat.CodeNotFound); chat.AsError(err).Message != "This request does not exist." {
			t.Errorf("accepting %q is answered %q", other, chat.AsError(err).Message)
		}
		wantCode(t, w.Unfriend(t.Context(), ada, other), chat.CodeNotFound)
	}
}

func TestTheFriendsOfWhoIsErasedAreTold(t *testing.T) {
	w := newWorld(t, 4)
	ada, bob, cyd, dan := w.people[0], w.people[1], w.people[2], w.people[3]
	w.befriend(t, ada, bob)
	for _, pair := range [][2]chat.UserID{{ada, cyd}, {dan, ada}} {
		if _, _, err := w.Befriend(t.Context(), pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	w.heard.told = nil
	if err := w.EraseMe(t.Context(), ada, false); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, u := range []chat.UserID{bob, cyd, dan} {
		want = append(want, friend(u, ada, chat.NotFriends), watching(u))
	}
	w.heard.expectTold(t, "erased", want...)
	for _, u := range []chat.UserID{bob, cyd, dan} {
		if list, _, err := w.Friends(t.Context(), u, chat.PersonCursor{}, 10); err != nil || len(list) > 0 {
			t.Errorf("left: %v, %v", list, err)
		}
	}
}

// lostAnswer is a store whose answers to changes between people are lost after they were committed, and of which
// questions fail for a while.
type lostAnswer struct {
	chat.Store
	failing int
}

func (s *lostAnswer) lost(err error) error {
	if err != nil {
		return err
	}
	return &chat.Error{Code: chat.CodeDBConnectionLost, Outcome: chat.OutcomeUnknown, Message: "The database cannot be reached."}
}

func (s *lostAnswer) Befriend(ctx context.Context, u, other chat.UserID, accept bool) (chat.Friendly, error) {
	_, err := s.Store.Befriend(ctx, u, other, accept)
	return chat.Friendly{}, s.lost(err)
}

func (s *lostAnswer) Unfriend(ctx context.Context, u, other chat.UserID) (bool, error) {
	_, err := s.Store.Unfriend(ctx, u, other)
	return false, s.lost(err)
}

func (s *lostAnswer) SetBlock(ctx context.Context, u, other chat.UserID, blocked bool) (chat.BlockChange, error) {
	_, err := s.Store.SetBlock(ctx, u, other, blocked)
	return chat.BlockChange{}, s.lost(err)
}

func (s *lostAnswer) Standing(ctx context.Context, u, other chat.UserID) (chat.Standing, error) {
	if s.failing--; s.failing >= 0 {
		return chat.Standing{}, &chat.Error{Code: chat.CodeDBTimeout, Message: "The database did not answer in time."}
	}
	return s.Store.Standing(ctx, u, other)
}

func TestWhatWasCommittedWithoutAnAnswerIsToldAfterAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		ada, bob := w.people[0], w.people[1]
		c, _, err := w.CreateConversation(t.Context(), ada, chat.Direct, []chat.UserID{bob}, "")
		if err != nil {
			t.Fatal(err)
		}
		store := &lostAnswer{Store: w.store}
		node := &world{store: w.store, heard: newRecorder(), people: w.people}
		node.Service = chat.New(chat.Config{NewID: newID}, store, node.heard)
		node.run(t)
		node.remembers(t, c.ID)
		told := func(when string, mine, theirs chat.Friendship, blocks bool) {
			t.Helper()
			node.heard.expectTold(t, when+", at once")
			time.Sleep(20 * time.Second)
			node.heard.expectTold(t, when, watching(ada), watching(bob), friend(ada, bob, mine), friend(bob, ada, theirs),
				fmt.Sprintf("block %s %s %v", ada, bob, blocks), fmt.Sprintf("block %s %s %v", bob, ada, false))
		}
		_, _, err = node.Befriend(t.Context(), ada, bob)
		wantCode(t, err, chat.CodeDBConnectionLost)
		told("asking", chat.Outgoing, chat.Incoming, false)
		_, err = node.AcceptFriend(t.Context(), bob, ada)
		wantCode(t, err, chat.CodeDBConnectionLost)
		told("accepting", chat.Friends, chat.Friends, false)
		store.failing = 1
		_, _, err = node.Block(t.Context(), ada, bob)
		wantCode(t, err, chat.CodeDBConnectionLost)
		told("blocking, while the database is away for a while", chat.NotFriends, chat.NotFriends, true)
		if !slices.Contains(node.heard.suspects, c.ID) {
			t.Error("nobody compares the conversation with the store")
		}
		wantCode(t, (<-node.post(c.ID, bob, newID(), "hello")).err, chat.CodeForbidden)
		wantCode(t, node.Unblock(t.Context(), ada, bob), chat.CodeDBConnectionLost)
		told("lifting it", chat.NotFriends, chat.NotFriends, false)
	})
}
