package realtime_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

// faulty is a node's rules that panic the first time that each of these is read.
type faulty struct {
	*chat.Service
	mu   sync.Mutex
	once map[string]bool
}

func (f *faulty) fault(of string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.once[of] {
		f.once[of] = true
		panic("a fault on purpose")
	}
}

func (f *faulty) faults() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.once)
}

func (f *faulty) Interests(ctx context.Context, users []chat.UserID) (map[chat.UserID][]chat.Interest, error) {
	f.fault("interests")
	return f.Service.Interests(ctx, users)
}

func (f *faulty) Heads(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID]chat.Head, error) {
	f.fault("heads")
	return f.Service.Heads(ctx, cs)
}

func (f *faulty) ReadStates(ctx context.Context, c chat.ConversationID, users []chat.UserID) (map[chat.UserID]chat.ReadState, error) {
	f.fault("read states")
	return f.Service.ReadStates(ctx, c, users)
}

func (f *faulty) Receipts(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID]chat.Receipts, error) {
	f.fault("receipts")
	return f.Service.Receipts(ctx, cs)
}

func TestAFaultInWhatIsReadOnceIsTriedAgainAndNothingIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sources []*faulty
		w := newWorldOver(t, 2, inmem.NewBus(), func(rules *chat.Service) realtime.Source {
			f := &faulty{Service: rules, once: make(map[string]bool)}
			sources = append(sources, f)
			return f
		})
		people := w.people(3)
		c := w.group(people...)
		far := w.nodes[1]
		follower, other := far.connect(t, people[1]), far.connect(t, people[2])
		follower.subscribe(c)
		synctest.Wait()
		sent := w.nodes[0].send(t, people[0], c, "Hello")
		far.Lose(nil)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		follower.awaitRev(c, sent.Rev)
		if told := other.activities(); len(told) != 1 || told[0].LastSeq != sent.Seq || told[0].UnreadCount != 1 {
			t.Errorf("who does not follow was told %+v", told)
		}
		if n := sources[1].faults(); n != 4 {
			t.Errorf("there were %d faults: %v", n, sources[1].once)
		}
	})
}
