package app_test

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
)

func TestWithTheDemoAliceIsToldWhereToGoAndEchoAnswersHer(t *testing.T) {
	n := run(t, "PARLEY_DATA="+filepath.Join(t.TempDir(), "data"), "PARLEY_DEMO=on")
	var welcome bytes.Buffer
	if err := n.Welcome(t.Context(), &welcome); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{n.URL() + " ", n.URL() + "/#as=bob", "alice, password alice-demo", "bob, password bob-demo", "everybody knows its passwords"} {
		if !strings.Contains(welcome.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, welcome.String())
		}
	}

	c, err := client.New(n.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	me, err := c.Login(t.Context(), "alice", "alice-demo")
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.SearchUsers(t.Context(), "echo")
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	alice := &person{Client: c, id: me.ID, events: make(chan client.Event, 1000)}
	alice.live = c.Live(client.LiveOptions{Handle: func(e client.Event) { alice.events <- e }})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = alice.live.Run(ctx) })
	defer running.Wait()
	defer cancel()
	talk, err := c.CreateConversation(t.Context(), client.NewConversation{Type: "direct", ParticipantIDs: []string{found[0].ID}})
	if err != nil {
		t.Fatal(err)
	}
	alice.live.Subscribe(talk.ID, client.FromNow)
	await[client.CaughtUp](t, alice)
	say(t, alice, talk.ID, "Is anybody there?")
	if e := await[client.Typing](t, alice); e.UserID != found[0].ID || !e.Typing {
		t.Errorf("%+v types", e)
	}
	if m := await[client.MessageReceived](t, alice).Message; m.SenderID != found[0].ID || m.Content != "Is anybody there?" {
		t.Errorf("the answer is %+v", m)
	}
	here, err := c.Presences(t.Context(), found[0].ID)
	if err != nil || len(here) != 1 || here[0].Status != client.StatusOnline {
		t.Errorf("who answers is %+v, %v", here, err)
	}
}

func TestTheFirstStartPrintsALinkThatMakesTheOwner(t *testing.T) {
	n := run(t, "PARLEY_DATA="+filepath.Join(t.TempDir(), "data"), "PARLEY_REGISTRATION=closed")
	link := func() string {
		t.Helper()
		var welcome bytes.Buffer
		if err := n.Welcome(t.Context(), &welcome); err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile("#owner=").Match(welcome.Bytes()) && !regexp.MustCompile(`printed\s+no longer works`).Match(welcome.Bytes()) {
			t.Errorf("nobody is told that the former link is void:\n%s", &welcome)
		}
		return string(regexp.MustCompile(regexp.QuoteMeta(n.URL()) + `/#owner=\w+`).Find(welcome.Bytes()))
	}
	token := strings.TrimPrefix(link(), n.URL()+"/#owner=")
	if token == "" {
		t.Fatal("there is no link")
	}
	owner := map[string]string{"token": token, "username": "ada", "password": "a long password"}
	if status := post(t, n.url+"/api/auth/owner", owner); status != 201 {
		t.Errorf("the link answers %d", status)
	}
	owner["username"] = "eve"
	if status := post(t, n.url+"/api/auth/owner", owner); status != 401 {
		t.Errorf("the spent link answers %d", status)
	}
	if again := link(); again != "" {
		t.Errorf("with an owner there is still a link: %s", again)
	}
}

func TestTheDemoIsRefusedOnRealData(t *testing.T) {
	data := "PARLEY_DATA=" + filepath.Join(t.TempDir(), "data")
	n := run(t, data)
	join(t, n, "ada")
	n.stop(t)
	_, err := app.New(t.Context(), settings(t, data, "PARLEY_DEMO=on"), "test", quiet)
	if err == nil || !strings.Contains(err.Error(), "--data ./demo") {
		t.Errorf("got %v", err)
	}
}
