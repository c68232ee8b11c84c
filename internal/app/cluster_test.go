package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redistest"
)

// cluster is nodes that share a PostgreSQL and a Redis.
type cluster struct {
	redis *redistest.Server
	env   []string
	nodes []*node
}

const clusterKey = "PARLEY_SIGNING_KEY=the same signing key on every node, of 32 bytes or more"

// newCluster starts nodes and returns when they reach each other.
func newCluster(t *testing.T, nodes int, env ...string) *cluster {
	t.Helper()
	c := &cluster{redis: redistest.Start(t)}
	c.env = append([]string{"DATABASE_URL=" + pgtest.NewDatabase(t), "REDIS_URL=" + c.redis.URL(), clusterKey}, env...)
	for i := range nodes {
		c.nodes = append(c.nodes, run(t, append(c.env, fmt.Sprint("PARLEY_NODE_ID=ws-server-", i+1))...))
	}
	for _, n := range c.nodes {
		awaitHealth(t, n, 10*time.Second, "whole", whole)
	}
	return c
}

func whole(status int, h httpapi.Health) bool { return status == http.StatusOK && len(h.Degraded) == 0 }

// shapes runs a test on one node with SQLite and on two with PostgreSQL and Redis (C8.1). at(i) is the node that
// the i-th person comes to.
func shapes(t *testing.T, test func(t *testing.T, at func(i int) *node, env []string)) {
	t.Run("one node on sqlite", func(t *testing.T) {
		env := []string{"PARLEY_DATA=" + filepath.Join(t.TempDir(), "data")}
		n := run(t, env...)
		test(t, func(int) *node { return n }, env)
	})
	t.Run("two nodes on postgres and redis", func(t *testing.T) {
		c := newCluster(t, 2)
		test(t, func(i int) *node { return c.nodes[i%2] }, c.env)
	})
}

func TestWhatPeopleDoReachesTheOthersOnWhicheverNode(t *testing.T) {
	shapes(t, func(t *testing.T, at func(int) *node, _ []string) {
		ada, bert := join(t, at(0), "ada"), join(t, at(1), "bert")
		c := direct(t, ada, bert)
		sent := say(t, ada, c, "Helo Bert")
		if m := await[client.MessageReceived](t, bert).Message; m.Content != "Helo Bert" || m.SenderID != ada.id || m.Seq != 1 {
			t.Fatalf("bert got %+v", m)
		}
		bert.live.Typing(c, true)
		if e := await[client.Typing](t, ada); e.UserID != bert.id || !e.Typing {
			t.Errorf("%+v types", e)
		}
		if _, err := ada.EditMessage(t.Context(), c, sent.MessageID, "Hello Bert"); err != nil {
			t.Fatal(err)
		}
		if m := await[client.MessageUpdated](t, bert).Message; m.Content != "Hello Bert" {
			t.Errorf("bert sees %q", m.Content)
		}
		if err := ada.DeleteMessage(t.Context(), c, sent.MessageID); err != nil {
			t.Fatal(err)
		}
		if m := await[client.MessageDeleted](t, bert).Message; m.ID != sent.MessageID {
			t.Errorf("%s was deleted", m.ID)
		}
		say(t, bert, c, "Hello Ada")
		if m := await[client.MessageReceived](t, ada).Message; m.Content != "Hello Ada" || m.Seq != 2 {
			t.Errorf("ada got %+v", m)
		}
	})
}

// within fails the test when something takes longer than a second, and says how long it took.
func within(t *testing.T, what string, since time.Time) {
	t.Helper()
	took := time.Since(since)
	t.Logf("%s after %v", what, took.Round(time.Millisecond))
	if took > time.Second {
		t.Errorf("%s only after %v", what, took)
	}
}

// eventually asks until a REST answer has the status wanted: no event tells it.
func eventually(t *testing.T, what string, status int, ask func() error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; {
		err := ask()
		if e, is := err.(*client.Error); is && e.Status == status {
			within(t, what, began)
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%s: after 10 s the answer is %v", what, err)
		}
		<-tick.C
	}
}

func TestARemovalIsToldWithinASecondThoughRedisHasJustBegunToHang(t *testing.T) {
	k := newCluster(t, 2)
	ada, bert := join(t, k.nodes[0], "ada"), join(t, k.nodes[1], "bert")
	c, err := ada.CreateConversation(t.Context(), client.NewConversation{Type: "group", ParticipantIDs: []string{bert.id}, Title: "Garden"})
	if err != nil {
		t.Fatal(err)
	}
	bert.live.Subscribe(c.ID, 0)
	await[client.CaughtUp](t, bert)
	k.redis.Freeze()
	if err := ada.RemoveParticipant(t.Context(), c.ID, bert.id); err != nil {
		t.Fatal(err)
	}
	removed := time.Now()
	await[client.ConversationRemoved](t, bert)
	within(t, "bert was told", removed)
}

func TestWhoIsRemovedIsOutOnEveryNodeWithinASecond(t *testing.T) {
	shapes(t, func(t *testing.T, at func(int) *node, _ []string) {
		ada, bert := join(t, at(0), "ada"), join(t, at(1), "bert")
		c, err := ada.CreateConversation(t.Context(), client.NewConversation{Type: "group", ParticipantIDs: []string{bert.id}, Title: "Garden"})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []*person{ada, bert} {
			p.live.Subscribe(c.ID, 0)
			await[client.CaughtUp](t, p)
		}
		say(t, ada, c.ID, "Welcome")
		await[client.MessageReceived](t, bert)
		// So that the node of bert has the roster in its memory.
		say(t, bert, c.ID, "Thank you")

		if err := ada.RemoveParticipant(t.Context(), c.ID, bert.id); err != nil {
			t.Fatal(err)
		}
		removed := time.Now()
		if e := await[client.ConversationRemoved](t, bert); e.ConversationID != c.ID {
			t.Errorf("removed from %s", e.ConversationID)
		}
		within(t, "bert was told", removed)
		eventually(t, "the history is closed to bert", http.StatusNotFound, func() error {
			_, err := bert.Messages(t.Context(), c.ID, client.HistoryQuery{})
			return err
		})
		if _, err := bert.live.Send(t.Context(), client.Draft{ConversationID: c.ID, Content: "Still here?"}); client.CodeOf(err) != client.CodeNotInConversation {
			t.Errorf("bert's send: %v", err)
		}
		say(t, ada, c.ID, "Among ourselves")
		say(t, ada, direct(t, ada, bert), "To you alone")
		if m := await[client.MessageReceived](t, bert).Message; m.Content != "To you alone" {
			t.Errorf("after the removal bert got %q", m.Content)
		}
	})
}

func TestWhoSignsOutIsOutOnEveryNodeWithinASecond(t *testing.T) {
	shapes(t, func(t *testing.T, at func(int) *node, _ []string) {
		bert := join(t, at(1), "bert")
		// The same login at the other node: a token is good on all of them.
		token, err := bert.AccessToken(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		here, err := client.New(at(0).url, client.Options{AccessToken: token})
		if err != nil {
			t.Fatal(err)
		}
		there, err := client.New(at(1).url, client.Options{AccessToken: token})
		if err != nil {
			t.Fatal(err)
		}
		if err := here.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := time.Now()
		if err := <-bert.ended; client.CodeOf(err) != client.CodeUnauthorized {
			t.Errorf("bert's connection ended with %v", err)
		}
		within(t, "the socket was closed", out)
		eventually(t, "the token is refused", http.StatusUnauthorized, func() error {
			_, err := there.Conversations(t.Context(), "", 1)
			return err
		})
	})
}

// crossing sends messages both ways and returns how long each took to the other side, the shortest first.
func crossing(t *testing.T, a, b *person, conversation string, messages int) []time.Duration {
	t.Helper()
	var took []time.Duration
	for i := range messages {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		began := time.Now()
		text := fmt.Sprint("message ", began.UnixNano())
		say(t, from, conversation, text)
		for await[client.MessageReceived](t, to).Message.Content != text {
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took
}

func p95(took []time.Duration) time.Duration { return took[len(took)*95/100] }

func TestWithRedisKilledMessagesStillCrossAndItComesBackByItself(t *testing.T) {
	c := newCluster(t, 2)
	ada, bert := join(t, c.nodes[0], "ada"), join(t, c.nodes[1], "bert")
	id := direct(t, ada, bert)
	before := crossing(t, ada, bert, id, 40)
	c.redis.Kill()
	away := crossing(t, ada, bert, id, 100)
	for _, n := range c.nodes {
		awaitHealth(t, n, 5*time.Second, "degraded", func(status int, h httpapi.Health) bool {
			return status == http.StatusOK && slices.Equal(h.Degraded, []string{"redis"}) && h.Checks["redis"] == "unavailable"
		})
	}
	if err := c.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.nodes {
		awaitHealth(t, n, 10*time.Second, "whole again", whole)
	}
	after := crossing(t, ada, bert, id, 40)
	t.Logf("p95 with Redis %v, without it %v (the slowest %v), with it again %v", p95(before), p95(away), away[len(away)-1], p95(after))
	if p95(away) > time.Second {
		t.Errorf("without Redis p95 is %v", p95(away))
	}
}

func TestANodeThatMustHaveRedisIsNotReadyWithoutIt(t *testing.T) {
	c := newCluster(t, 1, "PARLEY_REDIS_REQUIRED=on")
	c.redis.Kill()
	awaitHealth(t, c.nodes[0], 5*time.Second, "not ready", func(status int, h httpapi.Health) bool {
		return status == http.StatusServiceUnavailable && slices.Equal(h.Degraded, []string{"redis"}) && h.Checks["database"] == "ok"
	})
	if err := c.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, c.nodes[0], 10*time.Second, "ready again", whole)
}

func TestANodeWithoutRedisJoinsTheOthersAndThisIsTold(t *testing.T) {
	t.Parallel() // it waits for most of its time
	c := newCluster(t, 1)
	plain := run(t, append(slices.DeleteFunc(slices.Clone(c.env), func(e string) bool { return strings.HasPrefix(e, "REDIS_URL=") }), "PARLEY_NODE_ID=plain")...)
	ada, bert := join(t, c.nodes[0], "ada"), join(t, plain, "bert")
	took := crossing(t, ada, bert, direct(t, ada, bert), 20)
	t.Logf("p95 %v", p95(took))
	if p95(took) > time.Second {
		t.Errorf("p95 is %v", p95(took))
	}
	awaitHealth(t, c.nodes[0], 30*time.Second, "warning", func(_ int, h httpapi.Health) bool {
		return strings.Contains(strings.Join(h.Warnings, " "), "do not use Redis as this one does (plain")
	})
}

func TestNodesOnOneDatabaseThatDisagreeWarn(t *testing.T) {
	t.Parallel() // it waits for most of its time
	c := newCluster(t, 1)
	other := redistest.Start(t)
	env := append(slices.Clone(c.env), "PARLEY_NODE_ID=newer", "REDIS_URL="+other.URL())
	newer := launchAs(t, settings(t, env...), "newer")
	for _, n := range []*node{c.nodes[0], newer} {
		awaitHealth(t, n, 30*time.Second, "warning", func(status int, h httpapi.Health) bool {
			said := strings.Join(h.Warnings, " ")
			return status == http.StatusOK && strings.Contains(said, "another version") && strings.Contains(said, "0 of 1 other nodes over Redis: do all have the same REDIS_URL?")
		})
	}
	// Whoever is right, what people write still crosses.
	ada, bert := join(t, c.nodes[0], "ada"), join(t, newer, "bert")
	crossing(t, ada, bert, direct(t, ada, bert), 2)
}

func TestASecondNodeOfOneIDGoes(t *testing.T) {
	t.Parallel() // it waits for most of its time
	c := newCluster(t, 1)
	built, err := app.New(t.Context(), settings(t, append(c.env, "PARLEY_NODE_ID=ws-server-1")...), "test", quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := built.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "calls itself ws-server-1 too") || !strings.Contains(err.Error(), "PARLEY_NODE_ID") {
		t.Errorf("it ended with %v", err)
	}
	awaitHealth(t, c.nodes[0], 15*time.Second, "whole", func(status int, h httpapi.Health) bool {
		return whole(status, h) && !strings.Contains(strings.Join(h.Warnings, " "), "calls itself")
	})
}

func TestAnAnnouncementIsHeardOnEveryNode(t *testing.T) {
	shapes(t, func(t *testing.T, at func(int) *node, env []string) {
		ada, bert := join(t, at(0), "ada"), join(t, at(1), "bert")
		announce(t, env, "Both of you.")
		said := time.Now()
		for _, p := range []*person{ada, bert} {
			if e := await[client.Announcement](t, p); e.Text != "Both of you." {
				t.Errorf("%q", e.Text)
			}
		}
		within(t, "both heard it", said)
	})
}

func TestWhatWasReadIsWrittenAtOnceWhenRedisGoesAwayAndCountedWhenItIsBack(t *testing.T) {
	k := newCluster(t, 2, "PARLEY_READ_THRESHOLD=2")
	ada := join(t, k.nodes[0], "ada")
	// Bert is not connected: of who is, the node looks in the store by itself.
	bert, err := client.New(k.nodes[1].url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	him, err := bert.Register(t.Context(), client.Registration{Username: "bert", Password: "bert-password"})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := ada.CreateConversation(t.Context(), client.NewConversation{Type: "direct", ParticipantIDs: []string{him.ID}})
	if err != nil {
		t.Fatal(err)
	}
	c := opened.ID
	sent := say(t, ada, c, "Hello")
	if _, err := bert.MarkRead(t.Context(), c, sent.MessageID); err != nil {
		t.Fatal(err)
	}
	k.redis.Kill()
	// Ada's node knows nothing of it: it must be in the store.
	awaitReaders(t, k.nodes[0], ada, c, sent.MessageID, 1)
	second := say(t, ada, c, "Hello again")
	if _, err := bert.MarkRead(t.Context(), c, second.MessageID); err != nil {
		t.Fatal(err)
	}
	if err := k.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	for _, n := range k.nodes {
		awaitHealth(t, n, 20*time.Second, "whole", whole)
	}
	awaitReaders(t, k.nodes[0], ada, c, sent.MessageID, 1)
	awaitReaders(t, k.nodes[0], ada, c, second.MessageID, 1)
}

// awaitReaders asks until so many have read a message: no event tells what is in the store.
func awaitReaders(t *testing.T, n *node, p *person, conversation, message string, want int) {
	t.Helper()
	token, err := p.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/api/conversations/"+conversation+"/messages/"+message+"/receipts", nil)
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Authorization", "Bearer "+token)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		answer, err := http.DefaultClient.Do(ask)
		if err != nil {
			t.Fatal(err)
		}
		var page httpapi.Receipts
		err = json.NewDecoder(answer.Body).Decode(&page)
		answer.Body.Close()
		if err == nil && page.ReadCount == int64(want) && len(page.Receipts) == want {
			return
		}
		if time.Since(began) > 8*time.Second {
			t.Fatalf("after 8 s the readers are %+v (%d, %v)", page, answer.StatusCode, err)
		}
	}
}
