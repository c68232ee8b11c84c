package app_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/pgtest"
)

// awaitStatus waits until a person is told that another's presence is that, and returns it.
func awaitStatus(t *testing.T, p *person, of, status string) client.Presence {
	t.Helper()
	timeout := time.After(45 * time.Second)
	for {
		var told []client.Presence
		select {
		case e := <-p.events:
			switch e := e.(type) {
			case client.PresenceChanged:
				told = []client.Presence{e.Presence}
			case client.PresenceState:
				told = e.Presences
			}
		case <-timeout:
			t.Fatalf("it was not told that %s is %s", of, status)
		}
		for _, one := range told {
			if one.UserID == of && one.Status == status {
				return one
			}
		}
	}
}

func TestWhoComesHidesAndSignsOutIsSeenToDoSoOnWhicheverNode(t *testing.T) {
	shapes(t, func(t *testing.T, at func(int) *node, _ []string) {
		ada, bert := join(t, at(0), "ada"), join(t, at(1), "bert")
		direct(t, ada, bert)
		awaitStatus(t, bert, ada.id, client.StatusOnline)
		awaitStatus(t, ada, bert.id, client.StatusOnline)
		for _, step := range []struct {
			do   func()
			want string
		}{
			{func() { ada.live.Heartbeat(client.StatusAway) }, client.StatusAway},
			{func() { ada.live.Heartbeat(client.StatusOnline) }, client.StatusOnline},
			{func() { ada.live.SetPresence(client.StatusInvisible) }, client.StatusOffline},
			{func() { ada.live.SetPresence(client.StatusOnline) }, client.StatusOnline},
		} {
			began := time.Now()
			step.do()
			awaitStatus(t, bert, ada.id, step.want)
			t.Logf("%s after %v", step.want, time.Since(began).Round(time.Millisecond))
		}
		began := time.Now()
		if err := ada.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := awaitStatus(t, bert, ada.id, client.StatusOffline); p.LastSeenAt == nil || time.Since(*p.LastSeenAt) > 30*time.Second {
			t.Errorf("ada was seen last at %v", p.LastSeenAt)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("offline %v after signing out", took)
		}
	})
}

// erase erases a person's account.
func erase(t *testing.T, n *node, p *person) {
	t.Helper()
	token, err := p.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, n.url+"/api/users/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("erasing answers %s", answer.Status)
	}
}

func TestOfSomebodyWhoWasErasedNothingIsShown(t *testing.T) {
	shapes(t, func(t *testing.T, at func(int) *node, _ []string) {
		ada, bert := join(t, at(0), "ada"), join(t, at(1), "bert")
		direct(t, ada, bert)
		awaitStatus(t, bert, ada.id, client.StatusOnline)
		began := time.Now()
		erase(t, at(0), ada)
		for awaitStatus(t, bert, ada.id, client.StatusOffline).LastSeenAt != nil {
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestWithoutRedisEachNodeShowsItsOwnPeople(t *testing.T) {
	database := "DATABASE_URL=" + pgtest.NewDatabase(t)
	one, two := run(t, database, clusterKey, "PARLEY_NODE_ID=one"), run(t, database, clusterKey, "PARLEY_NODE_ID=two")
	ada, bert, cleo := join(t, one, "ada"), join(t, one, "bert"), join(t, two, "cleo")
	direct(t, ada, bert)
	direct(t, ada, cleo)
	awaitStatus(t, bert, ada.id, client.StatusOnline)
	awaitStatus(t, cleo, ada.id, client.StatusOffline)
	ada.live.Heartbeat(client.StatusAway)
	awaitStatus(t, bert, ada.id, client.StatusAway)
	for len(cleo.events) > 0 {
		if e, is := (<-cleo.events).(client.PresenceChanged); is && e.Presence.UserID == ada.id && e.Presence.Status != client.StatusOffline {
			t.Errorf("cleo, on another node, is told that ada is %s", e.Presence.Status)
		}
	}
	// Who is on both nodes, and hides on one, is seen on neither.
	join(t, two, "ada")
	awaitStatus(t, cleo, ada.id, client.StatusOnline)
	began := time.Now()
	ada.live.SetPresence(client.StatusInvisible)
	awaitStatus(t, cleo, ada.id, client.StatusOffline)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, n := range []*node{one, two} {
		awaitHealth(t, n, 15*time.Second, "warning", func(_ int, h httpapi.Health) bool {
			return strings.Contains(strings.Join(h.Warnings, " "), "Without Redis each node knows only of its own people")
		})
	}
}

func TestWhoIsHereWhenTheNodeEndsWasSeenThenOnEitherDatabase(t *testing.T) {
	databases(t, func(t *testing.T, env []string) {
		n := run(t, append(env, clusterKey)...)
		ada, bert := join(t, n, "ada"), join(t, n, "bert")
		direct(t, ada, bert)
		awaitStatus(t, bert, ada.id, client.StatusOnline)
		ended := time.Now()
		n.stop(t)
		again := run(t, append(env, clusterKey)...)
		bert = join(t, again, "bert")
		p := awaitStatus(t, bert, ada.id, client.StatusOffline)
		if p.LastSeenAt == nil || p.LastSeenAt.Sub(ended).Abs() > 5*time.Second {
			t.Errorf("ada was seen last at %v, want about %v", p.LastSeenAt, ended)
		}
	})
}

// signIn is a person whom join made, at another node and without a connection.
func signIn(t *testing.T, n *node, name string) *client.Client {
	t.Helper()
	c, err := client.New(n.url, client.Options{})
	if err == nil {
		_, err = c.Login(t.Context(), name, name+"-password")
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWithRedisAwayNobodyWhoIsThereIsSaidToBeOffline(t *testing.T) {
	c := newCluster(t, 2)
	ada, bert := join(t, c.nodes[0], "ada"), join(t, c.nodes[1], "bert")
	direct(t, ada, bert)
	awaitStatus(t, bert, ada.id, client.StatusOnline)
	awaitStatus(t, ada, bert.id, client.StatusOnline)
	// Of these two no node was asked to tell anybody anything.
	account := func(name string) (*client.Client, string) {
		out, err := client.New(c.nodes[0].url, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		me, err := out.Register(t.Context(), client.Registration{Username: name, Password: name + "-password"})
		if err != nil {
			t.Fatal(err)
		}
		return out, me.ID
	}
	cleo, _ := account("cleo")
	_, dora := account("dora")
	if _, err := cleo.CreateConversation(t.Context(), client.NewConversation{Type: "direct", ParticipantIDs: []string{dora}}); err != nil {
		t.Fatal(err)
	}
	asking := []*client.Client{bert.Client, signIn(t, c.nodes[0], "bert"), signIn(t, c.nodes[1], "bert")}

	c.redis.Stop()
	every := time.NewTicker(250 * time.Millisecond)
	defer every.Stop()
	for range 16 {
		<-every.C
		for i, who := range asking {
			seen, err := who.Presences(t.Context(), ada.id, bert.id)
			if err != nil {
				t.Fatalf("%d: %v", i, err)
			}
			for _, p := range seen {
				if p.Status != client.StatusOnline {
					t.Fatalf("%d is told %+v", i, p)
				}
			}
		}
	}
	_, err := cleo.Presences(t.Context(), dora)
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.Code != "REDIS_UNAVAILABLE" || !refused.Retryable || refused.RetryAfter <= 0 {
		t.Errorf("of somebody who is not known to be away, the answer is %v", err)
	}
	if seen, err := cleo.Presences(t.Context(), ada.id); err != nil || seen[0].Status != client.StatusOffline {
		t.Errorf("of a stranger she is told %+v, %v", seen, err)
	}
}
