package realtime_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

// delivering is ada, who acknowledges, and bob and carol, who follow on two nodes, at the beginning of a second.
func delivering(t *testing.T) (w *world, people []chat.UserID, c chat.ConversationID, bob, carol *client) {
	w = newWorld(t, 2, inmem.NewBus())
	people = w.people(3)
	c = w.group(people...)
	for i := range 20 {
		w.nodes[0].send(t, people[1], c, fmt.Sprint("message ", i+1))
	}
	bob, carol = w.nodes[0].connect(t, people[1]), w.nodes[1].connect(t, people[2])
	for _, cl := range []*client{bob, carol} {
		cl.subscribe(c)
	}
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(5 * time.Second)))
	return w, people, c, bob, carol
}

func (n *node) ack(t *testing.T, u chat.UserID, c chat.ConversationID, seq int64) {
	t.Helper()
	if err := n.rules.AcknowledgeDelivery(bg, u, c, seq); err != nil {
		t.Error(err)
	}
}

// has holds how far the client was told that somebody's devices are against what is wanted, one after the other.
func (c *client) has(when string, u chat.UserID, want ...int64) {
	c.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []int64
	for _, e := range c.events {
		if e.Type == "message:delivered" && e.UserID == string(u) {
			got = append(got, e.UpToSeq)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		c.Errorf("%s: the client was told of %v, want %v", when, got, want)
	}
}

func TestAllThatDevicesAcknowledgeInOneSecondIsToldOnceAtItsEnd(t *testing.T) {
	for _, at := range []time.Duration{0, 300 * time.Millisecond, 990 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			w, people, c, bob, carol := delivering(t)
			time.Sleep(at)
			for i, seq := range []int64{1, 4, 2, 3} {
				w.nodes[i%2].ack(t, people[0], c, seq)
				time.Sleep(2 * time.Millisecond)
			}
			time.Sleep(time.Second - at - 9*time.Millisecond)
			for _, cl := range []*client{bob, carol} {
				cl.has("before the second is over", people[0])
			}
			time.Sleep(time.Millisecond)
			for _, cl := range []*client{bob, carol} {
				cl.has("when it is over", people[0], 4)
			}
			time.Sleep(time.Minute)
			for _, cl := range []*client{bob, carol} {
				cl.has("a minute later", people[0], 4)
			}
		})
	}
}

func TestWhoAcknowledgesAllTheTimeIsToldOfOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, people, c, bob, carol := delivering(t)
		for seq := range int64(20) {
			time.Sleep(100 * time.Millisecond)
			w.nodes[seq%2].ack(t, people[0], c, seq+1)
		}
		time.Sleep(time.Minute)
		// The tenth comes at the very end of the first second, and may be told with it or with the next.
		for _, cl := range []*client{bob, carol} {
			cl.rises(people[0], 2, 3, 20)
		}
	})
}

// rises complains when what the client was told of somebody's devices does not rise to last, or came fewer or more often
// than allowed.
func (c *client) rises(u chat.UserID, fewest, most int, last int64) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	reached, times := int64(0), 0
	for _, e := range c.events {
		if e.Type == "message:delivered" && e.UserID == string(u) {
			if e.UpToSeq <= reached {
				c.Errorf("%d came after %d", e.UpToSeq, reached)
			}
			reached, times = e.UpToSeq, times+1
		}
	}
	if times < fewest || times > most || reached != last {
		c.Errorf("told %d times, up to %d: want %d to %d times, and %d at last", times, reached, fewest, most, last)
	}
}

func TestWhoBeginsToFollowInTheSameSecondLearnsNoMoreThanTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, people, c, _, _ := delivering(t)
		time.Sleep(100 * time.Millisecond)
		w.nodes[0].ack(t, people[0], c, 7)
		var late []*client
		for _, n := range w.nodes {
			n.rules.Flush(bg)
			cl := n.connect(t, people[1])
			cl.subscribe(c)
			late = append(late, cl)
		}
		time.Sleep(890 * time.Millisecond)
		for _, cl := range late {
			cl.has("before the second is over", people[0])
		}
		time.Sleep(20 * time.Millisecond)
		for _, cl := range late {
			cl.has("when it is over", people[0], 7)
		}
		time.Sleep(3 * time.Second)
		after := w.nodes[1].connect(t, people[1])
		after.subscribe(c)
		time.Sleep(100 * time.Millisecond)
		after.has("at once for who comes later", people[0], 7)
	})
}

func TestAnEnvelopeThatSaysTooMuchOfADeviceSilencesNothingForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, people, c, bob, _ := delivering(t)
		w.bus.Publish("chat:conversation:"+string(c), envelopeOf(t, "x", "message:delivered", map[string]any{"Conversation": c, "User": people[0], "UpToSeq": 9}))
		time.Sleep(time.Minute)
		w.nodes[1].ack(t, people[0], c, 3)
		time.Sleep(2 * time.Second)
		bob.has("after it", people[0], 9, 3)
	})
}
