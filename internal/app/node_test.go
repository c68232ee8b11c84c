package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/pgtest"
)

// node is a running node of a test.
type node struct {
	*app.Node
	url   string
	end   context.CancelFunc // as SIGTERM does
	ended chan error
}

func settings(t *testing.T, env ...string) *config.Loaded {
	t.Helper()
	c, err := config.Load(nil, append([]string{"PARLEY_HOST=127.0.0.1", "PARLEY_PORT=0", "PARLEY_METRICS_LISTEN=127.0.0.1:0", "PARLEY_RATE_LIMITS=off"}, env...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var quiet = slog.New(slog.DiscardHandler)

// run starts a node that is stopped at the latest with the test.
func run(t *testing.T, env ...string) *node {
	t.Helper()
	return launch(t, settings(t, env...))
}

// launch is run with settings that were read before.
func launch(t *testing.T, c *config.Loaded) *node {
	t.Helper()
	return launchAs(t, c, "test")
}

// launchAs is launch of another version.
func launchAs(t *testing.T, c *config.Loaded, version string) *node {
	t.Helper()
	built, err := app.New(t.Context(), c, version, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, built)
}

// start runs a node that was built.
func start(t *testing.T, built *app.Node) *node {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	n := &node{Node: built, url: fmt.Sprintf("http://127.0.0.1:%d", built.Port()), end: end, ended: make(chan error, 1)}
	go func() { n.ended <- built.Run(ctx) }()
	t.Cleanup(func() { n.stop(t) })
	return n
}

// stop drains the node and waits until it has ended.
func (n *node) stop(t *testing.T) {
	t.Helper()
	n.end()
	select {
	case err := <-n.ended:
		n.ended <- nil
		if err != nil {
			t.Errorf("the node ended with %v", err)
		}
	case <-time.After(12 * time.Second):
		t.Fatal("the node did not end")
	}
}

// person is somebody with a live connection.
type person struct {
	*client.Client
	id     string
	live   *client.Live
	events chan client.Event
	ended  chan error // why the connection was given up
}

func join(t *testing.T, n *node, name string) *person {
	t.Helper()
	c, err := client.New(n.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	password := name + "-password"
	me, err := c.Register(t.Context(), client.Registration{Username: name, Password: password})
	if client.CodeOf(err) == client.CodeConflict {
		me, err = c.Login(t.Context(), name, password)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &person{Client: c, id: me.ID, events: make(chan client.Event, 10_000), ended: make(chan error, 1)}
	p.live = c.Live(client.LiveOptions{Handle: func(e client.Event) { p.events <- e }})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.ended <- p.live.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	await[client.Online](t, p)
	return p
}

// await returns the next event of a type.
func await[E client.Event](t *testing.T, p *person) E {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case e := <-p.events:
			if e, ok := e.(E); ok {
				return e
			}
		case <-timeout:
			var want E
			t.Fatalf("no %T came", want)
		}
	}
}

// direct opens the direct conversation of two people and subscribes both.
func direct(t *testing.T, a, b *person) string {
	t.Helper()
	c, err := a.CreateConversation(t.Context(), client.NewConversation{Type: "direct", ParticipantIDs: []string{b.id}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*person{a, b} {
		p.live.Subscribe(c.ID, 0)
		await[client.CaughtUp](t, p)
	}
	return c.ID
}

func say(t *testing.T, p *person, conversation, text string) client.Sent {
	t.Helper()
	sent, err := p.live.Send(t.Context(), client.Draft{ConversationID: conversation, Content: text})
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// databases runs a test on both.
func databases(t *testing.T, test func(t *testing.T, env []string)) {
	data := func(t *testing.T) string { return "PARLEY_DATA=" + filepath.Join(t.TempDir(), "data") }
	t.Run("sqlite", func(t *testing.T) { test(t, []string{data(t)}) })
	t.Run("postgres", func(t *testing.T) { test(t, []string{data(t), "DATABASE_URL=" + pgtest.NewDatabase(t)}) })
}

func TestTwoPeopleChatAndFindItAllAgainAfterARestart(t *testing.T) {
	databases(t, func(t *testing.T, env []string) {
		n := run(t, env...)
		ada, bert := join(t, n, "ada"), join(t, n, "bert")
		c := direct(t, ada, bert)
		say(t, ada, c, "Hello Bert")
		if m := await[client.MessageReceived](t, bert).Message; m.Content != "Hello Bert" || m.SenderID != ada.id || m.Seq != 1 {
			t.Fatalf("bert got %+v", m)
		}
		say(t, bert, c, "Hello Ada")
		for _, want := range []string{"Hello Bert", "Hello Ada"} {
			if m := await[client.MessageReceived](t, ada).Message; m.Content != want {
				t.Fatalf("ada got %q, want %q", m.Content, want)
			}
		}
		n.stop(t)

		n = run(t, env...)
		ada = join(t, n, "ada")
		page, err := ada.Messages(t.Context(), c, client.HistoryQuery{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Messages) != 2 || page.Messages[0].Content != "Hello Ada" || page.Messages[1].Content != "Hello Bert" {
			t.Errorf("after the restart: %+v", page.Messages)
		}
	})
}

func TestASecondProcessOnTheSameDataFolderIsRefused(t *testing.T) {
	data := "PARLEY_DATA=" + t.TempDir()
	run(t, data)
	_, err := app.New(t.Context(), settings(t, data), "test", quiet)
	if err == nil || !strings.Contains(err.Error(), "in use by another parley") {
		t.Errorf("got %v", err)
	}
}

func TestAPortInUseIsNamedWithWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	_, err = app.New(t.Context(), settings(t, "PARLEY_DATA="+t.TempDir(), "PARLEY_PORT="+port), "test", quiet)
	var start *app.StartError
	if !errors.As(err, &start) || !strings.Contains(err.Error(), "port "+port+" is in use") || !strings.Contains(err.Error(), "--port") {
		t.Errorf("got %v", err)
	}
}

func TestADataFolderThatIsAFileIsNamedWithWhatToDo(t *testing.T) {
	c := settings(t, "PARLEY_DATA="+filepath.Join("node_test.go", "data"))
	_, err := app.New(t.Context(), c, "test", quiet)
	var start *app.StartError
	if !errors.As(err, &start) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("got %v", err)
	}
}

func TestADrainUnderLoadLosesNoConfirmedMessage(t *testing.T) {
	databases(t, func(t *testing.T, env []string) {
		n := run(t, env...)
		ada, bert := join(t, n, "ada"), join(t, n, "bert")
		c := direct(t, ada, bert)

		var confirmed sync.Map
		var count atomic.Int64
		busy := make(chan struct{})
		stopSending, cancel := context.WithCancel(t.Context())
		var senders sync.WaitGroup
		for i, p := range []*person{ada, bert, ada, bert} {
			senders.Go(func() {
				for k := 0; stopSending.Err() == nil; k++ {
					sent, err := p.live.Send(stopSending, client.Draft{ConversationID: c, Content: fmt.Sprintf("%d-%d", i, k)})
					if err != nil {
						continue
					}
					confirmed.Store(sent.MessageID, sent.Seq)
					if count.Add(1) == 50 {
						close(busy)
					}
				}
			})
		}
		<-busy
		began := time.Now()
		n.stop(t)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the drain took %v", took)
		}
		cancel()
		senders.Wait()

		n = run(t, env...)
		ada = join(t, n, "ada")
		stored := make(map[string]int64)
		for cursor := ""; ; {
			page, err := ada.Messages(t.Context(), c, client.HistoryQuery{Cursor: cursor, Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Messages {
				stored[m.ID] = m.Seq
			}
			if !page.HasMore {
				break
			}
			cursor = *page.NextCursor
		}
		confirmed.Range(func(id, seq any) bool {
			if stored[id.(string)] != seq {
				t.Errorf("message %v was confirmed at seq %v and is stored at %v", id, seq, stored[id.(string)])
			}
			return true
		})
		t.Logf("%d confirmed, %d stored", count.Load(), len(stored))
	})
}

func TestReadySaysThatTheRateLimitsAreOff(t *testing.T) {
	n := run(t, "PARLEY_DATA="+t.TempDir())
	status, body := get(t, n.url+"/health/ready")
	if status != http.StatusOK || !strings.Contains(body, "Rate limits are off") {
		t.Errorf("%d %s", status, body)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// post sends JSON and returns the status of the answer.
func post(t *testing.T, url string, body any) int {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestADeliveryIsLoggedOnceByItsIDsAndOnlyWhereInfoIs(t *testing.T) {
	for level, want := range map[string]int{"info": 1, "warn": 0} {
		var log journal
		c := settings(t, "PARLEY_DATA="+filepath.Join(t.TempDir(), "data"), "PARLEY_NODE_ID=node-1", "PARLEY_LOG_LEVEL="+level, "PARLEY_LOG_FORMAT=json")
		built, err := app.New(t.Context(), c, "test", app.NewLog(&c.Config, &log))
		if err != nil {
			t.Fatal(err)
		}
		n := start(t, built)
		ada, bert := join(t, n, "ada"), join(t, n, "bert")
		id := direct(t, ada, bert)
		say(t, ada, id, "a message that is nobody's business")
		if d := await[client.MessageDelivered](t, ada); d.UserID != bert.id || d.UpToSeq != 1 {
			t.Errorf("told %+v", d)
		}
		n.stop(t)
		_, sent, _ := strings.Cut(log.String(), `"event":"message.sent","service":"chat-api","serverId":"node-1","traceId":"`)
		trace, _, _ := strings.Cut(sent, `"`)
		entry := fmt.Sprintf(`"event":"message.delivered","service":"chat-api","serverId":"node-1","traceId":%q,"data":{"userId":%q,"conversationId":%q,"upToSeq":1}`, trace, bert.id, id)
		if got := strings.Count(log.String(), entry); got != want || want > 0 && len(trace) != 32 || strings.Contains(log.String(), "business") {
			t.Errorf("at level %s: %d entries, want %d, in\n%s", level, got, want, log.String())
		}
	}
}
