package crash_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/check"
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

func chatThroughKills(t *testing.T, databaseURL string) {
	seed := *fromSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-crash.seed=%d -crash.kills=%d", seed, *kills)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newServer(t, databaseURL)
	s.start()
	recorder := check.NewRecorder()
	recorder.Run(func(run *check.Run) { run.Name, run.Seed = t.Name(), seed })
	rooms, people := populate(t, s.url, recorder)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for _, p := range people {
		running.Go(func() {
			if err := p.Run(ctx); err != nil {
				t.Errorf("a connection gave up: %v", err)
			}
		})
	}
	stop := make(chan struct{})
	var chatting sync.WaitGroup
	for _, r := range rooms {
		for _, p := range r.people {
			p.Subscribe(r.id, 0)
			chatting.Go(func() {
				if err := chat(ctx, p, r.id, stop); err != nil {
					t.Errorf("a send failed for good: %v", err)
				}
			})
		}
	}
	outages := killAgainAndAgain(t, s, recorder, random)
	close(stop)
	chatting.Wait()
	comeToRest(t, recorder, rooms)
	history := recorder.History()
	cancel()
	running.Wait()
	prove(t, history, s.database)
	slices.Sort(outages)
	t.Logf("%d kills, kill to next confirmation p50 %v, longest %v",
		*kills, outages[len(outages)/2].Round(time.Millisecond), outages[len(outages)-1].Round(time.Millisecond))
}

// killAgainAndAgain kills the server while messages flow. It returns how long it took each time from the
// kill to the next confirmation.
func killAgainAndAgain(t *testing.T, s *server, recorder *check.Recorder, random *rand.Rand) []time.Duration {
	t.Helper()
	var outages []time.Duration
	flows := func() {
		t.Helper()
		before := recorder.Tally().Confirmed
		await(t, recorder, "a confirmation after the start", func(n check.Tally) bool { return n.Confirmed > before })
	}
	flows()
	for range *kills {
		moment := time.NewTimer(time.Duration(random.Int64N(int64(500 * time.Millisecond))))
		<-moment.C
		began := time.Now()
		healed := recorder.Fault("kill", "the server", "")
		s.kill()
		s.start()
		healed()
		flows()
		outages = append(outages, time.Since(began))
	}
	recorder.Run(func(run *check.Run) { run.Healed = recorder.Now() })
	return outages
}

// comeToRest waits until everybody has everything, and reads it all once more over REST.
func comeToRest(t *testing.T, recorder *check.Recorder, rooms []room) {
	t.Helper()
	read := readBySending(recorder.History())
	for _, r := range rooms {
		state, err := r.people[0].Client.Conversation(t.Context(), r.id)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.people {
			await(t, recorder, "everybody has everything", func(check.Tally) bool { return p.Rev(r.id) >= state.LastRev })
			for user, seq := range read[r.id] {
				await(t, recorder, "everybody is told how far the others have read", func(check.Tally) bool {
					return user == p.Actor().User || p.Shown(r.id, user) >= seq
				})
			}
		}
	}
	recorder.Run(func(run *check.Run) { run.Settled = recorder.Now() })
	for _, r := range rooms {
		for i, p := range r.people {
			if _, err := p.Traverse(t.Context(), r.id, i%2 == 0, 100); err != nil {
				t.Error(err)
			}
			if _, err := p.List(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

// readBySending is the last message of each sender in each conversation: who writes has read what was before (C6.5).
func readBySending(h *check.History) map[string]map[string]int64 {
	out := make(map[string]map[string]int64)
	for _, o := range h.Operations {
		if o.Op != check.Send || o.Result != check.OK {
			continue
		}
		if out[o.Conversation] == nil {
			out[o.Conversation] = make(map[string]int64)
		}
		out[o.Conversation][o.User] = max(out[o.Conversation][o.User], o.Seq)
	}
	return out
}

// prove holds what everybody did and saw against what is stored and what is promised.
func prove(t *testing.T, history *check.History, database string) {
	t.Helper()
	var err error
	if history.Database, err = check.ReadDatabase(context.Background(), database); err != nil {
		t.Fatal(err)
	}
	report := check.Check(history, check.Bounds{})
	for _, r := range report.Rules {
		for _, v := range r.Violations {
			t.Error(v)
		}
	}
	f := report.Figures
	t.Logf("%d messages confirmed, %d answers left open, %d refused; %d observations", f.Confirmed, f.Unsure, f.Refused, f.Observations)
}

// await waits for something to be recorded, or fails the test.
func await(t *testing.T, recorder *check.Recorder, what string, holds func(check.Tally) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := recorder.Wait(ctx, holds); err != nil {
		t.Fatalf("waited in vain: %s", what)
	}
}
