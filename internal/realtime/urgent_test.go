package realtime_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/protocol"
)

// hanging is a bus whose usual way takes envelopes and hands none over, without its being known.
type hanging struct {
	*inmem.Bus
	mu    sync.Mutex
	hangs bool
}

func (b *hanging) Publish(topic string, envelope []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.hangs {
		b.Bus.Publish(topic, envelope)
	}
}

func (b *hanging) PublishUrgent(topic string, envelope []byte) { b.Bus.Publish(topic, envelope) }

func TestRemovalsAndEndedLoginsDoNotWaitUntilItIsNoticedThatTheBusHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &hanging{Bus: inmem.NewBus()}
		w := newWorld(t, 2, bus)
		people := w.people(4)
		c := w.group(people[:3]...)
		bob, carol, dan := w.nodes[1].connect(t, people[1]), w.nodes[1].connect(t, people[2]), w.nodes[1].connect(t, people[3])
		bob.subscribe(c)
		synctest.Wait()
		bus.mu.Lock()
		bus.hangs = true
		bus.mu.Unlock()
		// The message is lost: the removal past it must not wait for it.
		w.nodes[0].send(t, people[0], c, "lost")
		began := time.Now()
		for _, u := range people[1:3] {
			if err := w.nodes[0].rules.RemoveParticipant(bg, people[0], c, u); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.nodes[0].rules.AddParticipants(bg, people[0], c, people[3:]); err != nil {
			t.Fatal(err)
		}
		bob.awaitType("conversation:removed")
		carol.awaitType("conversation:removed")
		dan.awaitType("conversation:added")
		w.nodes[0].EndLogin(chat.LoginID("login of " + people[3]))
		synctest.Wait()
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		dan.mu.Lock()
		defer dan.mu.Unlock()
		if dan.closed == nil || dan.closed.Code != protocol.CloseLoginEnded {
			t.Errorf("the ended login's socket: %+v", dan.closed)
		}
	})
}
