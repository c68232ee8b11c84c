// Package readerstest holds whatever knows who has read what to the contract of chat.Readers.
package readerstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

// World is where readers are.
type World struct {
	// New returns, as each node has them, readers that share what they know, which is nothing yet.
	New func() []chat.Readers
	// Empty has everything lost that the last ones knew, as far as it can be lost while the nodes live.
	Empty func()
	// Age makes the seed of a conversation so much older, as whoever holds it sees it.
	Age func(c chat.ConversationID, by time.Duration)
}

// Run runs the suite.
func Run(t *testing.T, world World) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, World)
	}{
		{"a message is read by those at or past it, without its sender", exact},
		{"a retry, an older step and a second device change nothing", noNews},
		{"who is not named is not counted, and their steps are queued", notCounted},
		{"a private step is queued and moves no count", private},
		{"what is unseeded queues steps all the same, and the seed has them", unseeded},
		{"a seed that rests on what was read before an unseed does not win", staleSeed},
		{"a seed that rests on what was read before a loss does not win", seedOverLoss},
		{"a seed moves nobody back", seedForward},
		{"who is gone is forgotten, and nobody else", gone},
		{"who sends has read, and nothing is queued", sending},
		{"an old seed is renewed by one, and the others go on with it", renewedByOne},
		{"what nobody renews is asked of everybody", notRenewed},
		{"a renewal takes out who came to be hidden, lets in who is new and moves nobody back", renewal},
		{"who reads keeps a seed going for ten minutes", keptGoing},
		{"the version grows with every change, also over a loss", versions},
		{"what was queued is queued again after a loss", lossOfQueue},
		{"a step comes out as it went in", unchanged},
		{"a claim takes the oldest, at most so many", claimLimit},
		{"a lease that ran out comes first, in the order it had", leaseEnds},
		{"settling ends a lease once, and puts back what is given", settling},
		{"settling what another has by now changes nothing", lateSettle},
		{"what waits of somebody is told, queued or leased", pending},
		{"a crowd is counted exactly", crowd},
		{"flushers that die at any step lose nothing", dyingFlushers},
		{"any order of calls keeps counts and steps right", anyOrder},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, world) })
	}
}

// RunMakingSure runs the part of the suite that also holds for nodes that make sure with every claim that what they queued
// was written.
func RunMakingSure(t *testing.T, world World) {
	t.Run("dying flushers", func(t *testing.T) { dyingFlushers(t, world) })
	t.Run("any order of calls", func(t *testing.T) { anyOrder(t, world) })
}

// room is a conversation and the readers that know it.
type room struct {
	t     rapid.TB
	nodes []chat.Readers
	id    chat.ConversationID
	turn  int
	known map[string]chat.Readers // who made sure, by claim: nobody else knows of it
}

func open(t rapid.TB, w World) *room {
	return &room{t: t, nodes: w.New(), id: chat.ConversationID(uuid.NewString()), known: make(map[string]chat.Readers)}
}

// node is each of them in turn.
func (r *room) node() chat.Readers {
	r.turn++
	return r.nodes[r.turn%len(r.nodes)]
}

func (r *room) seed(positions map[chat.UserID]int64) {
	r.t.Helper()
	epoch, err := r.node().Epoch(context.Background(), r.id)
	r.ok(err)
	r.ok(r.node().Seed(context.Background(), r.id, positions, epoch))
}

func (r *room) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func step(u chat.UserID, seq int64) chat.Step {
	return chat.Step{User: u, Seq: seq, Message: message(seq), At: time.UnixMilli(1_800_000_000_000 + seq).UTC()}
}

func message(seq int64) chat.MessageID {
	return chat.MessageID(fmt.Sprintf("00000000-0000-7000-8000-%012d", seq))
}

func (r *room) reads(u chat.UserID, seq int64) error {
	return r.node().Advance(context.Background(), r.id, []chat.Step{step(u, seq)}, chat.ByReading)
}

// readBy says how many have read the message of that seq.
func (r *room) readBy(seq int64, sender chat.UserID) int64 {
	r.t.Helper()
	counts, _, err := r.node().Counts(context.Background(), r.id, []chat.Counted{{Message: message(seq), Seq: seq, Sender: sender}})
	r.ok(err)
	return counts[message(seq)]
}

func (r *room) expect(seq int64, sender chat.UserID, want int64) {
	r.t.Helper()
	if got := r.readBy(seq, sender); got != want {
		r.t.Errorf("message %d of %s is read by %d, want %d", seq, sender, got, want)
	}
}

func (r *room) isUnseeded() {
	r.t.Helper()
	_, _, err := r.node().Counts(context.Background(), r.id, nil)
	if !errors.Is(err, chat.ErrUnseeded) {
		r.t.Fatalf("it is seeded (%v)", err)
	}
}

func (r *room) waiting() int {
	r.t.Helper()
	n, err := r.node().Waiting(context.Background())
	r.ok(err)
	return n
}

func (r *room) expectWaiting(want int) {
	r.t.Helper()
	if got := r.waiting(); got != want {
		r.t.Errorf("%d steps wait, want %d", got, want)
	}
}

func (r *room) claim(limit int, lease time.Duration) chat.Claim {
	r.t.Helper()
	node := r.node()
	c, err := node.Claim(context.Background(), limit, lease)
	r.ok(err)
	if c.Known {
		r.known[c.ID] = node
	}
	return c
}

func (r *room) settle(id string, again ...chat.Step) {
	r.t.Helper()
	node := r.node()
	if r.known[id] != nil {
		node = r.known[id]
	}
	r.ok(node.Settle(context.Background(), id, again))
}

// said names steps shortly.
func said(steps []chat.Step) (all []string) {
	for _, s := range steps {
		all = append(all, fmt.Sprint(s.User, s.Seq))
	}
	return all
}

func (r *room) expectSteps(got []chat.Step, want ...string) {
	r.t.Helper()
	if !slices.Equal(said(got), want) {
		r.t.Errorf("the steps are %q, want %q", said(got), want)
	}
}

func exact(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 3, "ben": 0, "cem": 7, "dora": 2})
	for seq, want := range map[int64]int64{1: 2, 2: 2, 3: 1, 4: 1, 7: 1, 8: 0} {
		r.expect(seq, "anna", want)
	}
	r.expect(7, "cem", 0)
	r.expect(7, "who left", 1)
	r.expect(7, "", 1)
	r.ok(r.reads("ben", 5))
	r.expect(5, "anna", 2)
	r.expect(6, "anna", 1)
	many := []chat.Step{step("anna", 9), step("ben", 9), step("dora", 8)}
	r.ok(r.node().Advance(t.Context(), r.id, many, chat.ByReading))
	counts, _, err := r.node().Counts(t.Context(), r.id, []chat.Counted{
		{Message: "m8", Seq: 8, Sender: "ben"}, {Message: "m9", Seq: 9, Sender: "cem"}, {Message: "m10", Seq: 10, Sender: "cem"},
	})
	r.ok(err)
	if want := map[chat.MessageID]int64{"m8": 2, "m9": 2, "m10": 0}; !maps.Equal(counts, want) {
		t.Errorf("counts are %v, want %v", counts, want)
	}
}

func noNews(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0, "ben": 4})
	r.expect(3, "cem", 1)
	for _, seq := range []int64{5, 5, 3, 1, 5} {
		r.ok(r.reads("anna", seq))
	}
	r.ok(r.reads("ben", 4))
	r.ok(r.reads("ben", 2))
	r.expect(3, "cem", 2)
	r.expect(5, "cem", 1)
	r.expectWaiting(1)
	r.expectSteps(r.claim(10, time.Hour).Steps, "anna5")
}

func notCounted(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0})
	r.ok(r.reads("ben", 5))
	r.ok(r.reads("anna", 5))
	r.expect(5, "cem", 1)
	r.expectSteps(r.claim(10, time.Hour).Steps, "ben5", "anna5")
	nobody := open(t, w)
	nobody.seed(nil)
	nobody.expect(1, "anna", 0)
}

func private(t *testing.T, w World) {
	r := open(t, w)
	hidden := step("anna", 5)
	hidden.Private = true
	together := []chat.Step{hidden, step("ben", 5)}
	if err := r.node().Advance(t.Context(), r.id, together, chat.ByReading); !errors.Is(err, chat.ErrUnseeded) {
		t.Fatalf("it is answered by %v", err)
	}
	r.seed(map[chat.UserID]int64{"anna": 1, "ben": 1, "cem": 1})
	r.expect(5, "cem", 1)
	for _, how := range []chat.Moved{chat.ByReading, chat.BySending} {
		r.ok(r.node().Advance(t.Context(), r.id, together, how))
		r.expect(5, "cem", 1)
	}
	r.expectSteps(r.claim(10, time.Hour).Steps, "anna5", "ben5", "anna5")
}

func unseeded(t *testing.T, w World) {
	r := open(t, w)
	r.isUnseeded()
	if err := r.reads("anna", 5); !errors.Is(err, chat.ErrUnseeded) {
		t.Fatalf("a step is answered by %v", err)
	}
	if err := r.node().Advance(t.Context(), r.id, []chat.Step{step("ben", 6)}, chat.BySending); !errors.Is(err, chat.ErrUnseeded) {
		t.Fatalf("sending is answered by %v", err)
	}
	r.isUnseeded()
	r.seed(map[chat.UserID]int64{"anna": 2, "ben": 0, "cem": 1})
	r.expect(5, "ben", 1)
	r.expect(5, "cem", 2)
	r.ok(r.reads("anna", 5))
	r.expectSteps(r.claim(10, time.Hour).Steps, "anna5")
}

func staleSeed(t *testing.T, w World) {
	r := open(t, w)
	epoch, err := r.node().Epoch(t.Context(), r.id)
	r.ok(err)
	r.ok(r.node().Unseed(t.Context(), r.id))
	r.ok(r.node().Seed(t.Context(), r.id, map[chat.UserID]int64{"anna": 5, "who hides": 5}, epoch))
	r.isUnseeded()
	r.seed(map[chat.UserID]int64{"anna": 5})
	r.ok(r.node().Seed(t.Context(), r.id, map[chat.UserID]int64{"anna": 5, "who hides": 5}, epoch))
	r.expect(5, "ben", 1)
}

func seedOverLoss(t *testing.T, w World) {
	r := open(t, w)
	epoch, err := r.node().Epoch(t.Context(), r.id)
	r.ok(err)
	w.Empty()
	r.ok(r.node().Seed(t.Context(), r.id, map[chat.UserID]int64{"anna": 5}, epoch))
	r.isUnseeded()
	r.seed(map[chat.UserID]int64{"anna": 5})
	w.Empty()
	r.isUnseeded()
	again, err := r.node().Epoch(t.Context(), r.id)
	r.ok(err)
	if again == epoch {
		t.Error("an epoch came again")
	}
	r.ok(r.node().Seed(t.Context(), r.id, map[chat.UserID]int64{"anna": 5}, epoch))
	r.isUnseeded()
}

func seedForward(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0, "ben": 0})
	r.ok(r.reads("anna", 9))
	r.ok(r.node().Unseed(t.Context(), r.id))
	r.isUnseeded()
	r.seed(map[chat.UserID]int64{"anna": 1, "ben": 0})
	r.expect(9, "ben", 1)
	r.seed(map[chat.UserID]int64{"anna": 1, "ben": 9})
	r.expect(9, "cem", 2)
	r.seed(map[chat.UserID]int64{"ben": 3})
	r.expect(9, "cem", 1)
}

func gone(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0, "ben": 0, "cem": 0})
	r.ok(r.reads("anna", 9))
	r.ok(r.reads("ben", 9))
	r.ok(r.node().Unseed(t.Context(), r.id, "ben", "nobody"))
	r.ok(r.node().Unseed(t.Context(), r.id)) // ben is back, and nobody seeded in between
	r.seed(map[chat.UserID]int64{"anna": 0, "ben": 0, "cem": 0})
	r.expect(9, "cem", 1)
}

func sending(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0, "ben": 0})
	r.ok(r.node().Advance(t.Context(), r.id, []chat.Step{step("anna", 4)}, chat.BySending))
	r.expect(3, "ben", 1)
	r.expect(4, "anna", 0)
	r.ok(r.node().Advance(t.Context(), r.id, []chat.Step{step("anna", 2)}, chat.BySending))
	r.ok(r.node().Advance(t.Context(), r.id, nil, chat.BySending))
	r.ok(r.node().Advance(t.Context(), r.id, nil, chat.ByReading))
	r.expect(3, "ben", 1)
	r.expectWaiting(0)
}

func versions(t *testing.T, w World) {
	r := open(t, w)
	people := map[chat.UserID]int64{"anna": 0, "ben": 0}
	r.seed(people)
	version := func() int64 {
		t.Helper()
		_, v, err := r.node().Counts(t.Context(), r.id, nil)
		r.ok(err)
		return v
	}
	last := version()
	grows := func(what string) {
		t.Helper()
		if v := version(); v <= last {
			t.Errorf("%s: version %d comes after %d", what, v, last)
		} else {
			last = v
		}
	}
	r.ok(r.reads("anna", 1))
	grows("a step")
	r.ok(r.reads("anna", 2))
	grows("another")
	r.ok(r.node().Advance(t.Context(), r.id, []chat.Step{step("ben", 3)}, chat.BySending))
	grows("sending")
	if v := version(); v != last {
		t.Errorf("asking made version %d of %d", v, last)
	}
	r.ok(r.node().Unseed(t.Context(), r.id))
	r.seed(people)
	grows("a seed")
	w.Empty()
	r.seed(people)
	grows("a loss")
}

func lossOfQueue(t *testing.T, w World) {
	r := open(t, w)
	people := map[chat.UserID]int64{"anna": 0, "ben": 0, "cem": 0}
	r.seed(people)
	seq := int64(len(r.nodes))
	for i, node := range r.nodes { // each of them acknowledged something
		r.ok(node.Advance(t.Context(), r.id, []chat.Step{step("anna", int64(i)+1)}, chat.ByReading))
	}
	r.ok(r.reads("ben", seq))
	leased := r.claim(1, time.Hour)
	w.Empty()
	r.isUnseeded()
	for _, node := range r.nodes {
		steps, err := node.Pending(t.Context(), []chat.UserID{"anna", "ben"})
		r.ok(err)
		for _, s := range steps {
			people[s.User] = max(people[s.User], s.Seq)
		}
	}
	if people["anna"] != seq || people["ben"] != seq {
		t.Errorf("of what was read up to %d is left: %v", seq, people)
	}
	r.seed(people)
	r.expect(seq, "cem", 2)
	r.settle(leased.ID)
	w.Empty()
	if c := r.claim(10, time.Hour); len(c.Steps) == 0 {
		t.Error("there is nothing to claim after a second loss")
	}
}

func unchanged(t *testing.T, w World) {
	r := open(t, w)
	r.seed(nil)
	want := chat.Step{
		Conversation: r.id, User: chat.UserID(uuid.NewString()), Message: chat.MessageID(uuid.NewString()), Seq: 1 << 50,
		At: time.Date(2026, 2, 28, 23, 59, 59, 123_456_789, time.UTC), Private: true, Tries: 3,
	}
	in := want
	in.At = in.At.In(time.FixedZone("far", 5*3600))
	r.ok(r.node().Advance(t.Context(), r.id, []chat.Step{in}, chat.ByReading))
	of, err := r.node().Pending(t.Context(), []chat.UserID{want.User})
	r.ok(err)
	c := r.claim(1, time.Hour)
	again := c.Steps[0]
	again.Tries++
	r.settle(c.ID, again)
	for name, got := range map[string][]chat.Step{"pending": of, "claimed": c.Steps, "claimed again": r.claim(1, time.Hour).Steps} {
		if name == "claimed again" {
			want.Tries = 4
		} else {
			want.Tries = 3
		}
		if len(got) != 1 || !got[0].At.Equal(want.At) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
			continue
		}
		if got[0].At = want.At; got[0] != want {
			t.Errorf("%s: %+v, want %+v", name, got[0], want)
		}
	}
}

func claimLimit(t *testing.T, w World) {
	r := open(t, w)
	if c := r.claim(10, time.Hour); len(c.Steps) != 0 {
		t.Fatalf("of nothing %q was claimed", said(c.Steps))
	}
	r.seed(map[chat.UserID]int64{"anna": 0})
	for seq := range int64(5) {
		r.ok(r.reads("anna", seq+1))
	}
	if c := r.claim(0, time.Hour); len(c.Steps) != 0 {
		t.Errorf("of none %q was claimed", said(c.Steps))
	}
	r.expectSteps(r.claim(2, time.Hour).Steps, "anna1", "anna2")
	r.expectSteps(r.claim(2, time.Hour).Steps, "anna3", "anna4")
	r.expectSteps(r.claim(2, time.Hour).Steps, "anna5")
	r.expectSteps(r.claim(2, time.Hour).Steps)
	r.expectWaiting(5)
}

func leaseEnds(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0})
	for seq := range int64(6) {
		r.ok(r.reads("anna", seq+1))
	}
	r.claim(2, 0) // it ends as it begins
	r.expectSteps(r.claim(3, 0).Steps, "anna1", "anna2", "anna3")
	r.claim(2, time.Hour)
	r.expectSteps(r.claim(10, 0).Steps, "anna3", "anna4", "anna5", "anna6")
	r.expectWaiting(6)
}

func settling(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0})
	for seq := range int64(4) {
		r.ok(r.reads("anna", seq+1))
	}
	c := r.claim(3, time.Hour)
	for range 3 {
		r.settle(c.ID, c.Steps[1])
	}
	r.settle("unknown", c.Steps...)
	r.expectWaiting(2)
	rest := r.claim(10, time.Hour)
	r.expectSteps(rest.Steps, "anna4", "anna2")
	r.settle(rest.ID)
	r.expectWaiting(0)
	of, err := r.node().Pending(t.Context(), []chat.UserID{"anna"})
	r.ok(err)
	r.expectSteps(of)
}

func lateSettle(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0})
	r.ok(r.reads("anna", 1))
	late := r.claim(1, 0)
	other := r.claim(1, time.Hour)
	r.expectSteps(other.Steps, "anna1")
	r.settle(late.ID, late.Steps...)
	r.expectWaiting(1)
	r.settle(other.ID)
	r.expectWaiting(0)
	// Nobody has taken it: whoever wrote it may still say so.
	r.ok(r.reads("anna", 2))
	late = r.claim(1, 0)
	r.settle(late.ID)
	r.expectWaiting(0)
}

func pending(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0, "ben": 0, "cem": 0})
	r.ok(r.reads("anna", 1))
	r.ok(r.reads("ben", 2))
	r.ok(r.reads("cem", 3))
	r.claim(2, time.Hour)
	r.ok(r.reads("anna", 4))
	other := &room{t: t, nodes: r.nodes, id: chat.ConversationID(uuid.NewString())}
	other.seed(nil)
	r.ok(other.reads("anna", 5))
	steps, err := r.node().Pending(t.Context(), []chat.UserID{"anna", "cem", "dora"})
	r.ok(err)
	got := said(steps)
	slices.Sort(got)
	if want := []string{"anna1", "anna4", "anna5", "cem3"}; !slices.Equal(got, want) {
		t.Errorf("what waits is %q, want %q", got, want)
	}
	none, err := r.node().Pending(t.Context(), nil)
	r.ok(err)
	r.expectSteps(none)
}

func crowd(t *testing.T, w World) {
	const people, last = 200, 20
	r := open(t, w)
	positions := make(map[chat.UserID]int64)
	for i := range people {
		positions[chat.UserID(fmt.Sprint("reader ", i))] = 0
	}
	r.seed(positions)
	r.expect(last, "sender", 0)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			node := r.nodes[i/4%len(r.nodes)]
			for seq := int64(1); seq <= last; seq++ {
				var steps []chat.Step
				for u := range positions { // every reader is on two nodes at once
					if len(u)%4 == i%4 {
						steps = append(steps, step(u, seq))
					}
				}
				if err := node.Advance(context.Background(), r.id, steps, chat.ByReading); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	var before, version int64
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		counts, v, err := r.nodes[0].Counts(context.Background(), r.id, []chat.Counted{{Message: "m", Seq: last / 2, Sender: "sender"}})
		if err != nil || counts["m"] < before || v < version || (counts["m"] > before && v == version) {
			t.Fatalf("%d readers of version %d came after %d of %d (%v)", counts["m"], v, before, version, err)
		}
		before, version = counts["m"], v
	}
	r.expect(last, "sender", people)
	if n := r.waiting(); n < people*last {
		t.Errorf("%d steps wait, want %d", n, people*last)
	}
}
