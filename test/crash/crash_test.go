package crash_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/pgtest"
)

var (
	kills    = flag.Int("crash.kills", 5, "how often the server is killed on each database")
	fromSeed = flag.Uint64("crash.seed", 0, "draws the moments of the kills; 0 draws a new seed")
)

func TestWhatWasConfirmedSurvivesKillsOnSQLite(t *testing.T) {
	t.Parallel()
	chatThroughKills(t, "")
}

func TestWhatWasConfirmedSurvivesKillsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	chatThroughKills(t, pgtest.NewDatabase(t))
}

// room is a conversation and who is in it.
type room struct {
	id     string
	people []*person
}

func chatThroughKills(t *testing.T, databaseURL string) {
	seed := *fromSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-crash.seed=%d -crash.kills=%d", seed, *kills)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newServer(t, databaseURL)
	s.start()
	j := newJournal()
	rooms, people := populate(t, s.url, j)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for _, p := range people {
		running.Go(func() {
			if err := p.live.Run(ctx); err != nil {
				t.Errorf("a connection gave up: %v", err)
			}
		})
	}
	stop := make(chan struct{})
	var chatting sync.WaitGroup
	for _, r := range rooms {
		for _, p := range r.people {
			p.live.Subscribe(r.id, 0)
			chatting.Go(func() {
				if err := p.chat(ctx, r.id, stop); err != nil {
					t.Errorf("a send failed for good: %v", err)
				}
			})
		}
	}
	outages := killAgainAndAgain(t, s, j, random)
	close(stop)
	chatting.Wait()
	for _, r := range rooms {
		verify(t, j, r)
	}
	cancel()
	running.Wait()
	slices.Sort(outages)
	t.Logf("%d kills, %d messages confirmed, %d answers left open and sent again, kill to next confirmation p50 %v, longest %v",
		*kills, j.count(), j.unsure, outages[len(outages)/2].Round(time.Millisecond), outages[len(outages)-1].Round(time.Millisecond))
}

// populate makes six people and three conversations: all of them, and two halves that overlap.
func populate(t *testing.T, url string, j *journal) ([]room, []*person) {
	t.Helper()
	var people []*person
	for i := range 6 {
		people = append(people, newPerson(t, url, fmt.Sprintf("person%d", i), j))
	}
	var rooms []room
	for _, in := range [][]*person{people, people[:4], people[2:]} {
		n := client.NewConversation{Type: "group", Title: "crash"}
		for _, p := range in[1:] {
			n.ParticipantIDs = append(n.ParticipantIDs, p.id)
		}
		c, err := in[0].client.CreateConversation(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		rooms = append(rooms, room{c.ID, in})
	}
	return rooms, people
}

// killAgainAndAgain kills the server while messages flow. It returns how long it took each time from the
// kill to the next confirmation.
func killAgainAndAgain(t *testing.T, s *server, j *journal, random *rand.Rand) []time.Duration {
	t.Helper()
	var outages []time.Duration
	flows := func() {
		t.Helper()
		before := -1
		j.until(t, "a confirmation after the start", func() bool {
			if before < 0 {
				before = j.count()
			}
			return j.count() > before
		})
	}
	flows()
	for range *kills {
		moment := time.NewTimer(time.Duration(random.Int64N(int64(500 * time.Millisecond))))
		<-moment.C
		began := time.Now()
		s.kill()
		s.start()
		flows()
		outages = append(outages, time.Since(began))
	}
	return outages
}

// verify proves from REST and from what everybody wrote down that a conversation is whole.
func verify(t *testing.T, j *journal, r room) {
	t.Helper()
	history := r.people[0].history(t, r.id)
	keys := map[string]bool{}
	for i, m := range history {
		if m.Seq != int64(i+1) || m.Rev != int64(i+2) {
			t.Fatalf("message %d of the history has seq %d, rev %d; the conversation began at rev 1", i+1, m.Seq, m.Rev)
		}
		if keys[m.ClientMessageID] {
			t.Errorf("%s is stored twice", m.ClientMessageID)
		}
		keys[m.ClientMessageID] = true
	}
	state, err := r.people[0].client.Conversation(t.Context(), r.id)
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(len(history)); state.LastSeq != n || state.LastRev != n+1 {
		t.Errorf("the conversation stands at seq %d, rev %d with %d messages", state.LastSeq, state.LastRev, n)
	}
	for _, p := range r.people {
		j.until(t, "everybody has everything", func() bool { return len(p.seen[r.id]) >= len(history) })
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.confirmed[r.id]) != len(history) {
		t.Errorf("%d messages were confirmed, %d are stored", len(j.confirmed[r.id]), len(history))
	}
	for key, sent := range j.confirmed[r.id] {
		if sent.Seq < 1 || sent.Seq > int64(len(history)) {
			t.Errorf("%s was confirmed with seq %d and is not stored", key, sent.Seq)
			continue
		}
		m := history[sent.Seq-1]
		if m.ID != sent.MessageID || m.ClientMessageID != key || m.Content != sent.content || m.SenderID != sent.sender || m.Rev != sent.Rev {
			t.Errorf("confirmed %+v, stored %+v", sent, m)
		}
	}
	for _, p := range r.people {
		p.compare(t, r.id, history)
	}
}

// compare holds what a person saw against the history. The journal's lock is held.
func (p *person) compare(t *testing.T, conversation string, history []client.Message) {
	t.Helper()
	for _, fault := range p.faults {
		t.Errorf("somebody was told %s", fault)
	}
	seen := p.seen[conversation]
	if len(seen) != len(history) {
		t.Errorf("somebody saw %d messages of %d", len(seen), len(history))
	}
	for i, m := range seen[:min(len(seen), len(history))] {
		if want := history[i]; m.ID != want.ID || m.Seq != want.Seq || m.Rev != want.Rev || m.Content != want.Content || m.SenderID != want.SenderID {
			t.Fatalf("at place %d somebody saw %+v, stored is %+v", i+1, m, want)
		}
	}
}
