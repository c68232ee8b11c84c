package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

// people registers some, in order of their ids.
func (in inside) people(t testing.TB, n int) []chat.UserID {
	t.Helper()
	var out []chat.UserID
	for range n {
		u := newID[chat.UserID]()
		a := auth.Account{User: chat.User{ID: u, Username: string(u), DisplayName: "x", CreatedAt: time.Now()}, UsernameKey: string(u)}
		if err := in.CreateAccount(t.Context(), a, false); err != nil {
			t.Fatal(err)
		}
		out = append(out, u)
	}
	slices.Sort(out)
	return out
}

// befriend makes friends of two people, the first of whom has the smaller id, or with accepted false has the first ask.
func (in inside) befriend(t testing.TB, low, high chat.UserID, accepted bool) {
	t.Helper()
	in.exec(t, "INSERT INTO friendships (user_low, user_high, requester_id, created_at) SELECT $1, $2, $1, created_at FROM users WHERE id = $1", string(low), string(high))
	if accepted {
		in.exec(t, "UPDATE friendships SET accepted_at = created_at WHERE user_low = $1 AND user_high = $2", string(low), string(high))
	}
}

func TestFriendsAreWatchedFirstAndARequestMakesNone(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		p := in.people(t, 7)
		ada, low, high, asked, followed, shared, blocks := p[3], p[0], p[6], p[5], p[1], p[4], p[2]
		in.befriend(t, low, ada, true)
		in.befriend(t, ada, high, true)
		in.befriend(t, ada, asked, false)
		_, _, err := in.CreateConversation(t.Context(), chat.NewConversation{
			ID: newID[chat.ConversationID](), Type: chat.Group, Creator: ada, Participants: []chat.UserID{ada, high, shared, blocks},
		})
		if err != nil {
			t.Fatal(err)
		}
		in.exec(t, "INSERT INTO blocks (blocker_id, blocked_id, created_at) SELECT id, $2, created_at FROM users WHERE id = $1", string(blocks), string(ada))
		if err := in.FollowPresence(t.Context(), ada, []chat.UserID{followed, high}); err != nil {
			t.Fatal(err)
		}
		watched, err := in.Watching(t.Context(), map[chat.UserID][]chat.ConversationID{ada: nil}, 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []chat.UserID
		for _, w := range watched[ada] {
			got = append(got, w.User)
		}
		// Of friends, those of active conversations come first.
		if want := []chat.UserID{high, low, followed, blocks, shared}; !slices.Equal(got, want) {
			t.Errorf("%v are watched, not %v", got, want)
		}
		for _, u := range p {
			related, err := in.Relations(t.Context(), u, p)
			if err != nil {
				t.Fatal(err)
			}
			for other, x := range related {
				with := func(some ...chat.UserID) bool {
					return u == ada && slices.Contains(some, other) || other == ada && slices.Contains(some, u)
				}
				together := []chat.UserID{ada, high, shared, blocks}
				want := chat.Relation{Friends: with(low, high), Blocked: with(blocks), Share: slices.Contains(together, u) && slices.Contains(together, other)}
				if x.Relation != want {
					t.Errorf("%s and %s are %+v, not %+v", u, other, x.Relation, want)
				}
				if i := slices.Index(got, other); u == ada && i >= 0 && watched[ada][i] != x {
					t.Errorf("%+v is watched, and is %+v", watched[ada][i], x)
				}
			}
		}
	})
}
