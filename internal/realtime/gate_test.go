package realtime

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gated is a hub's gate, and what passed it.
type gated struct {
	*Hub
	writes atomic.Int64
}

func newGated() *gated { return &gated{Hub: NewHub(Config{NodeID: "node"}, Alone{})} }

// hears has a session get something of another node.
func (g *gated) hears() {
	heard := g.gate.hear()
	g.Start(func() { g.writes.Add(1) })
	heard()
}

func (g *gated) mustHave(t *testing.T, writes int, when string) {
	t.Helper()
	if synctest.Wait(); int(g.writes.Load()) != writes {
		t.Errorf("%s there were %d writes, not %d", when, g.writes.Load(), writes)
	}
}

func TestWhatIsHeardWaitsForTheBatchUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		done := g.Committing(worthWaiting)
		g.hears()
		g.mustHave(t, 0, "while the batch is under way")
		release := g.Gather()
		done()
		g.mustHave(t, 0, "while it is being handed out")
		release()
		g.mustHave(t, 1, "after it was")
		g.hears()
		g.mustHave(t, 2, "with no batch under way")
		time.Sleep(2 * hearWait)
		g.mustHave(t, 2, "later")
	})
}

func TestWhatIsHeardWaitsNoLongerThanIsWorth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated()
		small := g.Committing(worthWaiting - 1)
		g.hears()
		g.mustHave(t, 1, "beside a small batch")
		small()
		failed := g.Committing(worthWaiting)
		g.hears()
		failed()
		g.mustHave(t, 2, "after a batch that failed")
		for range 2 {
			done := g.Committing(worthWaiting)
			before := int(g.writes.Load())
			g.hears()
			time.Sleep(hearWait - 1)
			g.hears()
			g.mustHave(t, before, "before the time is over")
			time.Sleep(1)
			g.mustHave(t, before+2, "when it is over")
			done()
		}
	})
}

// outbound counts what is published.
type outbound struct {
	Alone
	letters []string
}

func (o *outbound) Publish(topic string, _ []byte) { o.letters = append(o.letters, topic) }

func TestABatchsEnvelopesLeaveTogetherAndInOrder(t *testing.T) {
	bus := &outbound{}
	h := NewHub(Config{NodeID: "node"}, bus)
	first, second := h.Gather(), h.Gather()
	h.gate.publish(letter{topic: "a"})
	h.gate.publish(letter{topic: "b"})
	if first(); len(bus.letters) > 0 {
		t.Errorf("%v left while a batch was being handed out", bus.letters)
	}
	second()
	h.gate.publish(letter{topic: "c"})
	if diff := cmp.Diff([]string{"a", "b", "c"}, bus.letters); diff != "" {
		t.Error(diff)
	}
}
