package chat_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redistest"
	"github.com/parley-chat/parley/internal/store"
)

func TestAPersonMoreIsSomeMillisecondsOfBelief(t *testing.T) {
	for people, want := range map[int]time.Duration{
		0: 15 * time.Second, 10: 15 * time.Second, 1_000: 15 * time.Second, 2_000: 30 * time.Second, 10_000: 150 * time.Second,
		40_000: 10 * time.Minute, 1_000_000: 10 * time.Minute,
	} {
		if got := chat.SeedLasts(people); got != want {
			t.Errorf("a seed of %d people lasts %v, want %v", people, got, want)
		}
	}
}

func TestWhatNobodyTellsIsCountedAtTheNextLookAfterFifteenSeconds(t *testing.T) {
	for what, past := range map[string]struct {
		change func(t *testing.T, w *world, m chat.Message)
		want   int64
	}{
		"a node of an older version writes what somebody read": {func(t *testing.T, w *world, m chat.Message) {
			if _, _, err := w.store.AdvanceRead(t.Context(), m.Conversation, w.people[7], m.ID, false); err != nil {
				t.Error(err)
			}
		}, 6},
		"a buried step is replayed": {func(t *testing.T, w *world, m chat.Message) {
			step := chat.Step{Conversation: m.Conversation, User: w.people[7], Message: m.ID, Seq: m.Seq, At: time.Now(), Tries: 5}
			if err := w.store.BuryStep(t.Context(), step, "a test"); err != nil {
				t.Error(err)
			}
			if n, err := chat.Replay(t.Context(), w.store, func(chat.Fate) {}); n != 1 || err != nil {
				t.Errorf("%d are replayed, %v", n, err)
			}
		}, 6},
		"a node dies when it has committed that receipts are off": {func(t *testing.T, w *world, _ chat.Message) {
			off := false
			if _, err := w.store.UpdateMe(t.Context(), w.people[1], chat.ProfileEdit{ReadReceiptsEnabled: &off}, false); err != nil {
				t.Error(err)
			}
		}, 4},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, c, _ := readingWorld(t, inmem.NewReaders())
				m := w.send(t, c, w.people[0], "one", "Hello")
				for _, u := range w.people[1:6] {
					w.read(t, u, c, m.ID)
				}
				time.Sleep(11 * time.Second) // the flush seeds anew
				w.expectCounted(t, "at first", m, 5)
				past.change(t, w, m)
				time.Sleep(15 * time.Second)
				w.expectCounted(t, "15 s later", m, past.want)
			})
		})
	}
}

// counter counts how often it is read who is in a conversation, and what is written.
type counter struct {
	chat.Store
	positions, writes atomic.Int64
}

func (c *counter) ReadPositions(ctx context.Context, id chat.ConversationID) (map[chat.UserID]int64, error) {
	c.positions.Add(1)
	return c.Store.ReadPositions(ctx, id)
}

func (c *counter) WriteSteps(ctx context.Context, steps []chat.Step) error {
	c.writes.Add(1)
	return c.Store.WriteSteps(ctx, steps)
}

func TestASeedIsRenewedOnceForAllNodesAndWithoutAChangeOfWhatIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := inmem.NewReaders()
		w := newWorldWith(t, 12, chat.Config{NewID: newID, Readers: readers})
		counted := &counter{Store: w.store}
		c := w.group(t, w.people...)
		m := w.send(t, c, w.people[0], "one", "Hello")
		w.readAll(t, c, m.ID)
		time.Sleep(11 * time.Second)
		var nodes []*chat.Service
		for range 4 {
			nodes = append(nodes, chat.New(chat.Config{NewID: newID, Readers: readers}, counted, newRecorder()))
		}
		w.expectCounted(t, "at first", m, 11)
		versions := make([]int64, len(nodes))
		for range 120 { // half seconds: three renewals
			var looks sync.WaitGroup
			for i, node := range nodes {
				looks.Go(func() {
					receipts, err := node.Receipts(t.Context(), []chat.ConversationID{c})
					if err != nil || receipts[c].Counts == nil {
						t.Errorf("nothing is counted: %v", err)
						return
					}
					now := receipts[c].Counts
					if now.Version < versions[i] || now.Counts[0].Count != 11 {
						t.Errorf("version %d says %+v, after %d", now.Version, now.Counts, versions[i])
					}
					versions[i] = now.Version
				})
			}
			looks.Wait()
			time.Sleep(500 * time.Millisecond)
		}
		if n := counted.positions.Load(); n < 3 || n > 4 {
			t.Errorf("everybody's position was read %d times in a minute, want every 15 s", n)
		}
		if n := counted.writes.Load(); n != 0 {
			t.Errorf("a renewal wrote %d times", n)
		}
	})
}

func TestARedisThatComesBackFromASnapshotCountsRightAndEverythingIsWritten(t *testing.T) {
	server := redistest.Start(t, "--save", "3600 1")
	w := newWorldOn(t, store.Config{DatabaseURL: pgtest.NewDatabase(t)}, 12, chat.Config{NewID: newID})
	d := &deaths{T: t, w: w, doomed: readersOver(t, server, "a"), heir: readersOver(t, server, "b"), leased: func() {}}
	old := d.readings(0) // waits in the snapshot
	if _, err := server.Do("SAVE"); err != nil {
		t.Fatal(err)
	}
	r := d.readings(0)
	d.flush(0, w.store, true) // what was read after the snapshot is written, and Redis forgets that
	late := w.send(t, r.of, w.people[0], newID(), "Late")
	steps := []chat.Step{{Conversation: r.of, User: w.people[9], Message: late.ID, Seq: late.Seq, At: r.at.Add(time.Minute)}}
	if err := d.doomed.Advance(t.Context(), r.of, steps, chat.ByReading); err != nil { // only the node knows it
		t.Fatal(err)
	}
	rules := chat.New(chat.Config{NewID: newID, Readers: d.doomed}, w.store, newRecorder())
	before, err := rules.Receipts(t.Context(), []chat.ConversationID{r.of})
	if err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	for _, node := range []chat.Readers{d.doomed, d.heir} {
		answers(t, node)
	}
	after, err := rules.Receipts(t.Context(), []chat.ConversationID{r.of})
	if err != nil || !after[r.of].Counts.Same(*before[r.of].Counts) || after[r.of].Counts.Version <= before[r.of].Counts.Version {
		t.Errorf("the counts are %+v, and were %+v (%v)", after[r.of].Counts, before[r.of].Counts, err)
	}
	heir := d.inherit("after the snapshot", w.store)
	if got, want := d.counts(heir, old), [2]int64{11, both}; got != want {
		t.Errorf("of what waited in the snapshot are counted %v, want %v", got, want)
	}
	stored, err := w.store.ReadPositions(t.Context(), r.of)
	if err != nil || stored[w.people[9]] != late.Seq {
		t.Errorf("who read last is at %d, %v", stored[w.people[9]], err)
	}
}

// answers waits until a node has its readers again.
func answers(t *testing.T, node chat.Readers) {
	t.Helper()
	tick, late := time.NewTicker(50*time.Millisecond), time.NewTimer(30*time.Second)
	defer tick.Stop()
	for {
		_, err := node.Waiting(t.Context())
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatal(err)
		}
	}
}
