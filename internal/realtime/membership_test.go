package realtime_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime/bustest"
)

func TestWhoIsRemovedGetsThatAtExactlyThatRevAndNothingAfter(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	people := w.people(3)
	c := w.group(people...)
	var gone []*client
	for i := range 4 {
		cl := w.nodes[i%2].connect(t, people[2])
		if i < 3 {
			cl.subscribe(c)
		}
		gone = append(gone, cl)
	}
	witness := w.nodes[1].connect(t, people[1])
	witness.subscribe(c)
	const before, after = 40, 40
	var writing sync.WaitGroup
	half := make(chan struct{})
	writing.Go(func() {
		for k := range before + after {
			if k == before {
				close(half)
			}
			w.nodes[k%2].send(t, people[0], c, fmt.Sprint(k))
		}
	})
	<-half
	if err := w.nodes[0].rules.RemoveParticipant(bg, people[0], c, people[2]); err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	roster, err := w.store.Roster(bg, c)
	if err != nil {
		t.Fatal(err)
	}
	witness.awaitRev(c, w.head(c).LastRev)
	for i, cl := range gone {
		removed := func(e event) bool { return e.Type == "conversation:removed" }
		events := cl.await("the removal", func(es []event) bool { return slices.ContainsFunc(es, removed) })
		at := slices.IndexFunc(events, removed)
		if events[at].Reason != string(chat.ReasonRemoved) {
			t.Errorf("client %d: %+v", i, events[at])
		}
		if rest := apartFromReceipts(events[at+1:]); len(rest) > 0 {
			t.Errorf("client %d: after the removal came %v", i, types(rest))
		}
		if i == 3 {
			continue
		}
		if got := revs(events, c); len(got) == 0 || got[len(got)-1] != roster.Rev-1 {
			t.Errorf("client %d: the last change was %v, the removal %d", i, got[max(0, len(got)-2):], roster.Rev)
		}
	}
	gone[0].subscribe(c, 0)
	if e := gone[0].awaitType("error"); e.Code != string(chat.CodeNotInConversation) {
		t.Errorf("%+v", e)
	}
}

func TestARemovalThatTheBusLostTakesEffectWhenTheGapIsRead(t *testing.T) {
	bus := bustest.NewFaulty(inmem.NewBus(), 1)
	w := newWorld(t, 2, bus)
	people := w.people(2)
	c := w.group(people...)
	bob := w.nodes[1].connect(t, people[1])
	bob.subscribe(c)
	roster, err := w.store.Roster(bg, c)
	if err != nil {
		t.Fatal(err)
	}
	// Behind the back of every node, as if the announcement had died with the node that made it.
	if _, err := w.store.ReviseConversation(bg, chat.Revision{Conversation: c, RosterRev: roster.Rev, Remove: []chat.UserID{people[1]}}); err != nil {
		t.Fatal(err)
	}
	w.nodes[0].rules.ForgetRoster(c)
	w.nodes[0].send(t, people[0], c, "secret")
	bus.Admit()
	bob.awaitType("conversation:removed")
	for _, e := range bob.await("", func([]event) bool { return true }) {
		if e.Type == "message:received" {
			t.Errorf("the removed person read %+v", e)
		}
	}
}

func TestWhoJoinsIsShownTheConversationWithoutASubscribe(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	people := w.people(3)
	carol := w.nodes[1].connect(t, people[2])
	carol.awaitNothing()
	c := w.group(people[:2]...)
	if _, err := w.nodes[0].rules.AddParticipants(bg, people[0], c, people[2:]); err != nil {
		t.Fatal(err)
	}
	if e := carol.awaitType("conversation:added"); e.Conversation.ID != string(c) {
		t.Errorf("%+v", e)
	}
	if _, err := w.nodes[0].rules.RenameConversation(bg, people[0], c, "New"); err != nil {
		t.Fatal(err)
	}
	if e := carol.awaitType("conversation:updated"); e.ConversationID != string(c) || e.Rev != w.head(c).LastRev {
		t.Errorf("%+v", e)
	}
	if err := w.nodes[0].rules.DeleteConversation(bg, people[0], c); err != nil {
		t.Fatal(err)
	}
	if e := carol.awaitType("conversation:removed"); e.Reason != string(chat.ReasonEnded) {
		t.Errorf("%+v", e)
	}
}

func TestAHiddenDirectConversationLeavesAllDevicesAndComesBackWithTheNextMessage(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	conversation, _, err := n.rules.CreateConversation(bg, people[0], chat.Direct, people[1:], "")
	if err != nil {
		t.Fatal(err)
	}
	ada := n.connect(t, people[0])
	ada.subscribe(conversation.ID)
	if err := n.rules.DeleteConversation(bg, people[0], conversation.ID); err != nil {
		t.Fatal(err)
	}
	ada.awaitType("conversation:removed")
	n.send(t, people[1], conversation.ID, "still there?")
	if e := ada.awaitType("conversation:activity"); e.UnreadCount != 1 {
		t.Errorf("%+v", e)
	}
	if _, created, err := n.rules.CreateConversation(bg, people[0], chat.Direct, people[1:], ""); created || err != nil {
		t.Fatal(created, err)
	}
	ada.awaitType("conversation:added")
}
