package realtime_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime/bustest"
)

// seeds is how many lossy days are tried (told_test.go).
var seeds = flag.Uint64("seeds", 10, "how many lossy days are tried")

// TestMain lets rapid try 20 sequences, since each is committed to a disk; -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// view is what a client holds of a conversation: the fold of its events.
type view struct {
	rev      int64
	messages map[int64]protocol.Message // by seq
	err      error
}

func fold(events []event, c chat.ConversationID) view {
	v := view{messages: make(map[int64]protocol.Message)}
	for _, e := range events {
		if !e.of(c) || e.change() == 0 {
			continue
		}
		if e.change() <= v.rev {
			v.err = fmt.Errorf("rev %d came after %d", e.change(), v.rev)
		}
		v.rev = e.change()
		if e.Message != nil {
			v.messages[e.Message.Seq] = *e.Message
		}
	}
	return v
}

// stored is the same out of the store.
func (w *world) stored(c chat.ConversationID) map[int64]protocol.Message {
	w.Helper()
	messages, more, err := w.store.Messages(bg, chat.HistoryQuery{Conversation: c, Newer: true, Limit: 10_000})
	if err != nil || more {
		w.Fatal(more, err)
	}
	out := make(map[int64]protocol.Message)
	for _, m := range messages {
		out[m.Seq] = protocol.MessageOf(m)
	}
	return out
}

func TestOverAFaultyBusEveryClientHoldsWhatTheStoreHolds(t *testing.T) {
	bus := bustest.NewFaulty(inmem.NewBus(), 1)
	w := newWorld(t, 3, bus)
	people := w.people(3)
	rapid.Check(t, func(rt *rapid.T) {
		c := w.group(people...)
		var clients []*client
		for i := range 6 {
			cl := w.nodes[i%3].connect(t, people[i%3])
			defer cl.node.Close(cl.Session)
			cl.subscribe(c, 0)
			clients = append(clients, cl)
		}
		var sent []chat.Message
		for i := range rapid.IntRange(1, 30).Draw(rt, "steps") {
			n, actor := w.nodes[rapid.IntRange(0, 2).Draw(rt, "node")], people[0]
			switch what := rapid.IntRange(0, 9).Draw(rt, "what"); {
			case what == 0 && len(sent) > 0:
				m := rapid.SampledFrom(sent).Draw(rt, "edited")
				_, err := n.rules.EditMessage(bg, actor, c, m.ID, fmt.Sprint("edit ", i))
				if err != nil && chat.AsError(err).Code != chat.CodeNotFound {
					rt.Fatal(err)
				}
			case what == 1 && len(sent) > 0:
				if _, err := n.rules.DeleteMessage(bg, actor, c, rapid.SampledFrom(sent).Draw(rt, "deleted").ID); err != nil {
					rt.Fatal(err)
				}
			case what == 2:
				if _, err := n.rules.RenameConversation(bg, actor, c, fmt.Sprint("title ", i)); err != nil {
					rt.Fatal(err)
				}
			case what == 3:
				bus.Admit()
			default:
				sent = append(sent, n.send(t, actor, c, fmt.Sprint("message ", i)))
			}
		}
		// What the last envelope lost shows when the bus admits it, as it must.
		bus.Admit()
		head, want := w.head(c).LastRev, w.stored(c)
		for i, cl := range clients {
			v := fold(cl.awaitRev(c, head), c)
			if v.err != nil {
				rt.Fatalf("client %d: %v", i, v.err)
			}
			if diff := cmp.Diff(want, v.messages); diff != "" {
				rt.Fatalf("client %d holds\n%s", i, diff)
			}
		}
	})
}

func TestHoweverManyAnnounceTheSameConversationAtOnceEachChangeComesOnceInItsOrder(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	people := w.people(2)
	c := w.group(people...)
	var clients []*client
	for _, n := range w.nodes {
		cl := n.connect(t, people[1])
		cl.subscribe(c)
		clients = append(clients, cl)
	}
	start := w.head(c).LastRev
	roster, err := w.store.Roster(bg, c)
	if err != nil {
		t.Fatal(err)
	}
	const many = 300
	var changes []chat.Change
	for i := range many {
		appended, err := w.store.AppendMessages(bg, []chat.Draft{{
			ID: chat.MessageID(newID()), Conversation: c, Sender: people[0], ClientMessageID: fmt.Sprint(i),
			Content: "x", ContentType: "text", RosterRev: roster.Rev,
		}})
		if err != nil {
			t.Fatal(err)
		}
		m := appended[0].Message
		changes = append(changes, chat.Change{Conversation: c, Rev: m.Rev, Kind: chat.MessageAdded, Message: &m})
	}
	var announcers sync.WaitGroup
	for i := range 8 {
		announcers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for range 40 {
				from := random.IntN(many)
				w.nodes[i%2].Announce(changes[from:min(many, from+1+random.IntN(20))])
			}
		})
	}
	announcers.Wait()
	w.nodes[0].Announce(changes[many-1:])
	for _, cl := range clients {
		if diff := cmp.Diff(upTo(start+1, start+many), revs(cl.awaitRev(c, start+many), c)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWhoSubscribesWhileOthersWriteMissesNothingAndSeesNothingTwice(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	people := w.people(3)
	c := w.group(people...)
	const writers, each = 2, 60
	start := w.head(c).LastRev
	var work sync.WaitGroup
	for i := range writers {
		work.Go(func() {
			for k := range each {
				w.nodes[i].send(t, people[i], c, fmt.Sprint("message ", k))
			}
		})
	}
	var mu sync.Mutex
	joined := make(map[*client]int64)
	for i := range 40 {
		after := w.head(c).LastRev - int64(i%7)*5
		if after < start {
			after = start
		}
		work.Go(func() {
			cl := w.nodes[i%2].connect(t, people[2])
			cl.subscribe(c, after)
			if i%5 == 0 {
				// Again, from the same place: the new subscription replaces the old one.
				cl.mu.Lock()
				cl.events = nil
				cl.mu.Unlock()
				cl = w.nodes[i%2].connect(t, people[2])
				cl.subscribe(c, after)
			}
			mu.Lock()
			joined[cl] = after
			mu.Unlock()
		})
	}
	work.Wait()
	end := start + writers*each
	for cl, after := range joined {
		events := cl.await("everything", func(es []event) bool {
			got := revs(es, c)
			return (len(got) > 0 && got[len(got)-1] == end) || (after == end && len(es) > 1)
		})
		if diff := cmp.Diff(upTo(after+1, end), revs(events, c)); diff != "" {
			t.Errorf("after %d came\n%s", after, diff)
		}
		others := func(e event) bool {
			return e.Type == "conversation:activity" || strings.HasPrefix(e.Type, "presence:")
		}
		if kinds := types(slices.DeleteFunc(events, others)); kinds[0] != "subscribed" || !slices.Contains(kinds, "caught:up") {
			t.Errorf("it began with %v", kinds[:min(3, len(kinds))])
		}
	}
}

func TestSubscribingAgainWithoutARevGoesOnWithoutAHole(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	c := w.group(people...)
	bob := n.connect(t, people[1])
	bob.subscribe(c)
	start := w.head(c).LastRev
	var writing sync.WaitGroup
	const many = 100
	writing.Go(func() {
		for k := range many {
			n.send(t, people[0], c, fmt.Sprint("message ", k))
		}
	})
	for range 20 {
		bob.subscribe(c)
	}
	writing.Wait()
	if diff := cmp.Diff(upTo(start+1, start+many), revs(bob.awaitRev(c, start+many), c)); diff != "" {
		t.Error(diff)
	}
}

func TestACatchUpPastAThousandChangesSaysThatThereIsMore(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	c := w.group(people...)
	var drafts []chat.Draft
	roster, err := n.rules.Roster(bg, c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1100 {
		drafts = append(drafts, chat.Draft{
			ID: chat.MessageID(newID()), Conversation: c, Sender: people[0], ClientMessageID: fmt.Sprint(i),
			Content: "x", ContentType: "text", RosterRev: roster.Rev,
		})
	}
	for some := range slices.Chunk(drafts, 500) {
		if _, err := w.store.AppendMessages(bg, some); err != nil {
			t.Fatal(err)
		}
	}
	bob := n.connect(t, people[1])
	bob.subscribe(c, 1)
	if s := bob.awaitType("subscribed"); !s.HasMore || s.LastRev != 1101 {
		t.Errorf("%+v", s)
	}
	up := bob.awaitType("caught:up")
	if got := revs(bob.await("", func([]event) bool { return true }), c); up.Rev != 1001 || int64(len(got)) != 1000 || got[999] != up.Rev {
		t.Errorf("caught up to %d with %d changes", up.Rev, len(got))
	}
	m := n.send(t, people[0], c, "live")
	if got := revs(bob.awaitRev(c, m.Rev), c); len(got) != 1001 {
		t.Errorf("%d changes came", len(got))
	}
}

func TestCatchingUpWaitsForTheReaderAndNeverMakesItSlow(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	c := w.group(people...)
	long := make([]byte, 3900)
	for i := range long {
		long[i] = 'x'
	}
	for range 250 {
		n.send(t, people[0], c, string(long))
	}
	head := w.head(c).LastRev
	slow := n.stall(t, people[1])
	caughtUp := make(chan struct{})
	go func() {
		defer close(caughtUp)
		slow.subscribe(c, 1)
	}()
	for w.head(c).LastRev < head+200 {
		n.send(t, people[0], c, string(long))
	}
	if slow.Ended() {
		t.Fatal("catching up made it a slow consumer")
	}
	go slow.drainForever(caughtUp)
	<-caughtUp
	if diff := cmp.Diff(upTo(2, head+200), revs(slow.awaitRev(c, head+200), c)); diff != "" {
		t.Error(diff)
	}
}

func TestABulkSubscribeBringsEveryConversationUpToDate(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	bob := n.connect(t, people[1])
	var wants []chat.ConversationID
	for range 30 {
		c := w.group(people...)
		n.send(t, people[0], c, "hello")
		wants = append(wants, c)
	}
	bob.subscribeAll(append(wants, "unknown"), 1)
	events := bob.await("all", func(es []event) bool {
		n := 0
		for _, e := range es {
			if e.Type == "caught:up" {
				n++
			}
		}
		return n == len(wants)
	})
	for _, c := range wants {
		if got := revs(events, c); !slices.Contains(got, 2) {
			t.Errorf("%s is at %v", c, got)
		}
	}
	if e := bob.awaitType("error"); e.Ref != "unknown" {
		t.Errorf("%+v", e)
	}
}
