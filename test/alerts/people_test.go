package alerts_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/cluster"
)

const (
	// sendEvery is how often each of the people sends something, whether what they sent before was answered or not: less than
	// their limit, 30 a minute.
	sendEvery = 2500 * time.Millisecond
	// pairs is how many talk with each other at each node.
	pairs = 2
)

// people send steadily, some at each node.
type people struct{ confirmed, failed atomic.Int64 }

func chat(t *testing.T, k *cluster.Cluster) *people {
	t.Helper()
	out := new(people)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	for i := range pairs * len(k.Nodes) {
		n := k.Nodes[i%len(k.Nodes)]
		anna, ben := join(t, n), join(t, n)
		c, err := anna.CreateConversation(t.Context(), client.NewConversation{Type: "direct", ParticipantIDs: []string{ben.id}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []*person{anna, ben} {
			live := p.Live(client.LiveOptions{})
			running.Go(func() { _ = live.Run(ctx) })
			running.Go(func() { out.send(ctx, live, c.ID) })
		}
	}
	return out
}

// person is an account at a node.
type person struct {
	*client.Client
	id string
}

func join(t *testing.T, n *cluster.Node) *person {
	t.Helper()
	c, err := client.New("http://"+n.Door.Address(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.Register(t.Context(), client.Registration{Username: "person" + strings.ToLower(rand.Text()[:10]), Password: rand.Text()})
	if err != nil {
		t.Fatal(err)
	}
	return &person{c, u.ID}
}

func (p *people) send(ctx context.Context, live *client.Live, conversation string) {
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		live.SendAsync(client.Draft{ConversationID: conversation, Content: fmt.Sprint("message ", n)}, func(_ client.Sent, err error) {
			if err != nil {
				p.failed.Add(1)
				return
			}
			p.confirmed.Add(1)
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
