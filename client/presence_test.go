package client_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-chat/parley/client"
)

func TestWhoIsThereIsHandedOver(t *testing.T) {
	f := newFake(t)
	f.scripts <- func(p *peer) {
		p.signIn()
		p.write(
			`{"type":"presence:state","presences":[{"userId":"u2","status":"away","device":"mobile"},{"userId":"u3","status":"offline"}]}`,
			`{"type":"presence:changed","userId":"u2","status":"offline","lastSeenAt":"2026-01-01T00:00:00.000000Z"}`,
			`{"type":"friend:changed","userId":"u3","status":"incoming","since":"2026-01-01T00:00:00.000000Z","user":{"id":"u3","username":"eve"}}`,
			`{"type":"friend:changed","userId":"u3","status":"none"}`,
			`{"type":"block:changed","userId":"u3","blocked":true}`,
		)
		p.stay()
	}
	_, events, _ := f.run(t)
	want := []client.Presence{{UserID: "u2", Status: client.StatusAway, Device: "mobile"}, {UserID: "u3", Status: client.StatusOffline}}
	if e := next[client.PresenceState](t, events); fmt.Sprint(e.Presences) != fmt.Sprint(want) {
		t.Errorf("got %+v", e)
	}
	if p := next[client.PresenceChanged](t, events).Presence; p.UserID != "u2" || p.Status != client.StatusOffline || p.LastSeenAt == nil || p.Device != "" {
		t.Errorf("got %+v", p)
	}
	if e := next[client.FriendChanged](t, events); e.UserID != "u3" || e.Status != "incoming" || e.Since == nil || e.User == nil || e.User.Username != "eve" {
		t.Errorf("got %+v", e)
	}
	if e := next[client.FriendChanged](t, events); e.Status != "none" || e.Since != nil || e.User != nil {
		t.Errorf("got %+v", e)
	}
	if e := next[client.BlockChanged](t, events); e.UserID != "u3" || !e.Blocked {
		t.Errorf("got %+v", e)
	}
}

func TestADeviceThatIsIdleIsSaidToBeSoToTheNextServer(t *testing.T) {
	f := newFake(t)
	says := func(p *peer, want string) {
		if got := p.read("presence:heartbeat")["status"]; got != want {
			p.t.Errorf("said to be %v, want %s", got, want)
		}
	}
	f.scripts <- func(p *peer) {
		p.signIn()
		says(p, "online")
		says(p, "away")
		if got := p.read("presence:set")["status"]; got != "invisible" {
			p.t.Errorf("set to %v", got)
		}
		says(p, "away")
	}
	f.scripts <- func(p *peer) {
		p.signIn()
		says(p, "away")
		if got := p.read("presence:subscribe")["userIds"]; fmt.Sprint(got) != "[u2 u3]" {
			p.t.Errorf("followed %v", got)
		}
		if got := p.read("presence:unsubscribe")["userIds"]; fmt.Sprint(got) != "[u3]" {
			p.t.Errorf("followed no more %v", got)
		}
		says(p, "online")
	}
	first := make(chan any, 1)
	f.scripts <- func(p *peer) {
		p.signIn()
		first <- p.read("presence:heartbeat")["status"]
		p.stay()
	}
	live, events, _ := f.run(t)
	next[client.Online](t, events)
	live.Heartbeat(client.StatusOnline)
	live.Heartbeat(client.StatusAway)
	live.SetPresence(client.StatusInvisible)
	live.Heartbeat(client.StatusAway)
	next[client.Offline](t, events)
	next[client.Online](t, events)
	live.SubscribePresence("u2", "u3")
	live.UnsubscribePresence("u3")
	live.Heartbeat(client.StatusOnline)
	next[client.Offline](t, events)
	next[client.Online](t, events)
	live.Heartbeat(client.StatusOnline)
	if got := <-first; got != "online" {
		t.Errorf("a device that is active was said to be %v", got)
	}
}

func TestPresenceFriendsAndBlocksAreAskedForUnderTheirPaths(t *testing.T) {
	f := newFake(t)
	asked := make(chan string, 16)
	answer := func(pattern, body string) {
		f.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			asked <- strings.TrimSpace(r.Method + " " + r.URL.String() + " " + string(text))
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, body)
		})
	}
	const friend = `{"user":{"id":"u2"},"status":"outgoing","since":"2026-01-01T00:00:00.000000Z"}`
	const block = `{"user":{"id":"u2"},"since":"2026-01-01T00:00:00.000000Z"}`
	answer("GET /api/friends", `{"friends":[`+friend+`],"nextCursor":"at-u2","hasMore":true}`)
	answer("POST /api/friends", friend)
	answer("POST /api/friends/u2/accept", friend)
	answer("DELETE /api/friends/u2", "")
	answer("GET /api/blocks", `{"blocks":[`+block+`],"nextCursor":null,"hasMore":false}`)
	answer("POST /api/blocks", block)
	answer("DELETE /api/blocks/u2", "")
	answer("GET /api/presence", `{"presences":[{"userId":"u2","status":"online","device":"desktop"},{"userId":"u3","status":"offline"}]}`)
	answer("GET /api/presence/subscriptions", `{"users":[{"id":"u2"}],"nextCursor":null,"hasMore":false}`)
	answer("PUT /api/presence/subscriptions/u2", "")
	answer("DELETE /api/presence/subscriptions/u2", "")
	c, err := client.New(f.URL, client.Options{AccessToken: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	must := func(want string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got := <-asked; got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
	}
	friends, err := c.Friends(ctx, "", 1)
	must("GET /api/friends?limit=1", err)
	if len(friends.Friends) != 1 || friends.Friends[0].User.ID != "u2" || friends.Friends[0].Status != "outgoing" || !friends.HasMore || *friends.NextCursor != "at-u2" {
		t.Errorf("got %+v", friends)
	}
	made, err := c.Befriend(ctx, "u2")
	must(`POST /api/friends {"userId":"u2"}`, err)
	if made.Status != "outgoing" || made.Since.IsZero() {
		t.Errorf("got %+v", made)
	}
	_, err = c.AcceptFriend(ctx, "u2")
	must("POST /api/friends/u2/accept", err)
	must("DELETE /api/friends/u2", c.Unfriend(ctx, "u2"))
	blocks, err := c.Blocks(ctx, "at", 0)
	must("GET /api/blocks?cursor=at", err)
	if len(blocks.Blocks) != 1 || blocks.Blocks[0].User.ID != "u2" || blocks.HasMore {
		t.Errorf("got %+v", blocks)
	}
	if made, err := c.Block(ctx, "u2"); err != nil || made.User.ID != "u2" {
		t.Errorf("got %+v, %v", made, err)
	}
	<-asked
	must("DELETE /api/blocks/u2", c.Unblock(ctx, "u2"))
	there, err := c.Presences(ctx, "u2", "u3")
	must("GET /api/presence?userIds=u2%2Cu3", err)
	if len(there) != 2 || there[0].Device != "desktop" || there[1].Status != client.StatusOffline {
		t.Errorf("got %+v", there)
	}
	followed, err := c.FollowedPresences(ctx)
	must("GET /api/presence/subscriptions", err)
	if len(followed) != 1 || followed[0].ID != "u2" {
		t.Errorf("got %+v", followed)
	}
	must("PUT /api/presence/subscriptions/u2", c.FollowPresence(ctx, "u2"))
	must("DELETE /api/presence/subscriptions/u2", c.UnfollowPresence(ctx, "u2"))
}
