package app_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/store"
)

// patron is somebody who writes all the time, and notes how well they are served.
type patron struct {
	*client.Client
	id   string
	live *client.Live

	mu     sync.Mutex
	away   time.Time     // since when there is no connection; zero while there is one
	worst  time.Duration // the longest without a connection
	slow   time.Duration // the longest that a send took
	failed []error       // sends that were to be shown as failed
	sent   map[string]bool
	got    []client.Message // as they came, their own among them
}

// patrons are people who come by the balancer and talk in one group.
func patrons(t *testing.T, url string, n int) (group string, all []*patron) {
	t.Helper()
	for i := range n {
		c, err := client.New(url, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("patron-%d", i)
		me, err := c.Register(t.Context(), client.Registration{Username: name, Password: name + "-password"})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &patron{Client: c, id: me.ID, sent: make(map[string]bool)})
	}
	var others []string
	for _, p := range all[1:] {
		others = append(others, p.id)
	}
	made, err := all[0].CreateConversation(t.Context(), client.NewConversation{Type: "group", ParticipantIDs: others, Title: "Patrons"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		p.live = p.Live(client.LiveOptions{Handle: p.handle})
		p.live.Subscribe(made.ID, 0)
	}
	return made.ID, all
}

func (p *patron) handle(e client.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case client.Offline:
		p.away = time.Now()
	case client.Online:
		if !p.away.IsZero() {
			p.worst = max(p.worst, time.Since(p.away))
			p.away = time.Time{}
		}
	case client.MessageReceived:
		p.got = append(p.got, e.Message)
	}
}

// post sends over REST until ctx ends. What may succeed later is tried again under the same key, as every client of
// the API does.
func (p *patron) post(ctx context.Context, group string) {
	for i := 0; ctx.Err() == nil; i++ {
		d := client.Draft{ConversationID: group, Content: fmt.Sprintf("%s posts %d", p.id, i), ClientMessageID: fmt.Sprint("post-", i)}
		began := time.Now()
		_, err := p.SendMessage(context.WithoutCancel(ctx), d)
		for again := 0; err != nil && again < 30 && err.(*client.Error).Retryable; again++ {
			rest(ctx, 100*time.Millisecond)
			_, err = p.SendMessage(context.WithoutCancel(ctx), d)
		}
		p.sentOne(d.Content, time.Since(began), err)
		rest(ctx, 20*time.Millisecond)
	}
}

func (p *patron) sentOne(text string, took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = max(p.slow, took)
	if err != nil {
		p.failed = append(p.failed, err)
	} else {
		p.sent[text] = true
	}
}

func rest(ctx context.Context, d time.Duration) {
	pause := time.NewTimer(d)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

// write sends one message after the other until ctx ends; the last one is waited for.
func (p *patron) write(ctx context.Context, group string) {
	for i := 0; ctx.Err() == nil; i++ {
		text := fmt.Sprintf("%s %d", p.id, i)
		began := time.Now()
		_, err := p.live.Send(context.WithoutCancel(ctx), client.Draft{ConversationID: group, Content: text})
		p.sentOne(text, time.Since(began), err)
		rest(ctx, 20*time.Millisecond)
	}
}

// TestARollingRestartIsNoticedByNobody restarts three nodes, one after the other, while people write (C8.4).
func TestARollingRestartIsNoticedByNobody(t *testing.T) {
	c := newCluster(t, 3)
	front := newBalancer(t, c.nodes...)
	group, people := patrons(t, front.url(), 12)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var connected, writing sync.WaitGroup
	live, leave := context.WithCancel(context.Background())
	defer connected.Wait()
	defer leave()
	for i, p := range people {
		connected.Go(func() { _ = p.live.Run(live) })
		writing.Go(func() {
			if i%4 == 0 {
				p.post(ctx, group)
			} else {
				p.write(ctx, group)
			}
		})
	}
	for i := range c.nodes {
		began := time.Now()
		c.nodes[i].stop(t)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("node %d took %v to drain", i+1, took)
		}
		c.nodes[i] = run(t, append(c.env, fmt.Sprint("PARLEY_NODE_ID=ws-server-", i+1))...)
		front.replace(i, c.nodes[i])
		awaitHealth(t, c.nodes[i], 10*time.Second, "whole", whole)
	}
	stop()
	writing.Wait()
	everything := 0
	for _, p := range people {
		everything += len(p.sent)
	}
	for i, p := range people {
		p.hasAll(t, i, everything)
	}
	worst, slow := time.Duration(0), time.Duration(0)
	for i, p := range people {
		p.mu.Lock()
		worst, slow = max(worst, p.worst), max(slow, p.slow)
		if len(p.failed) > 0 {
			t.Errorf("patron %d had to be shown %d failed sends, the first: %v", i, len(p.failed), p.failed[0])
		}
		p.mu.Unlock()
	}
	t.Logf("%d messages; the longest without a connection %v, the slowest send %v", everything, worst, slow)
	if worst > 3*time.Second || slow > 3*time.Second {
		t.Errorf("somebody was without service for %v, and a send took %v", worst, slow)
	}
}

// hasAll waits until everything that was sent has come to a patron, and looks at its order.
func (p *patron) hasAll(t *testing.T, i, everything int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		p.mu.Lock()
		n := len(p.got)
		p.mu.Unlock()
		if n >= everything {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("patron %d has %d of %d messages", i, n, everything)
			return
		}
		<-tick.C
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	own := 0
	for k, m := range p.got {
		if m.Seq != int64(k+1) {
			t.Errorf("patron %d got seq %d in place %d", i, m.Seq, k+1)
			return
		}
		if strings.HasPrefix(m.Content, p.id) {
			own++
		}
	}
	if own != len(p.sent) {
		t.Errorf("patron %d sent %d messages and sees %d of them", i, len(p.sent), own)
	}
}

// TestADrainingNodeSaysSoBeforeItLetsGo looks at a node that leaves two: first it is not ready and serves as ever, then
// its port is closed, then it is out of the registry.
func TestADrainingNodeSaysSoBeforeItLetsGo(t *testing.T) {
	c := newCluster(t, 2)
	leaving, staying := c.nodes[0], c.nodes[1]
	ada, bert := join(t, leaving, "ada"), join(t, staying, "bert")
	id := direct(t, ada, bert)
	crossing(t, ada, bert, id, 2)
	began := time.Now()
	leaving.end()
	say(t, ada, id, "I am still served")
	await[client.MessageReceived](t, bert)
	awaitHealth(t, leaving, time.Second, "draining", func(status int, h httpapi.Health) bool {
		return status == http.StatusServiceUnavailable && h.Checks["sockets"] == "draining" && h.Checks["database"] == "ok"
	})
	awaitRegistry(t, c.env, "that the first leaves", func(nodes []store.Node) bool {
		return len(nodes) == 2 && nodes[0].Draining && !nodes[1].Draining
	})
	leaving.stop(t)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the drain took %v", took)
	}
	if nodes := registered(t, c.env); len(nodes) != 1 || nodes[0].ID != "ws-server-2" {
		t.Errorf("then the registry says %+v", nodes)
	}
	if _, err := http.Get(leaving.url + "/health/live"); err == nil {
		t.Error("its port is open")
	}
}

// awaitRegistry asks until the registry says what is wanted: it tells nobody when it changes.
func awaitRegistry(t *testing.T, env []string, what string, is func([]store.Node) bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
		nodes := registered(t, env)
		if is(nodes) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the registry does not say %s: %+v", what, nodes)
		}
	}
}

// registered are the nodes in the registry.
func registered(t *testing.T, env []string) []store.Node {
	t.Helper()
	s, err := app.OpenStoreBeside(t.Context(), &settings(t, env...).Config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nodes, err := s.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}
