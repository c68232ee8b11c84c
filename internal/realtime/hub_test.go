package realtime_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/protocol"
)

func TestEveryNodesSubscribersSeeEveryChangeOnceInRevOrder(t *testing.T) {
	w := newWorld(t, 3, inmem.NewBus())
	people := w.people(4)
	c := w.group(people...)
	start := w.head(c).LastRev
	var clients []*client
	for i, u := range people {
		clients = append(clients, w.nodes[i%3].connect(t, u))
		clients[i].subscribe(c)
	}
	const each = 50
	var senders sync.WaitGroup
	for i, u := range people {
		senders.Go(func() {
			for k := range each {
				w.nodes[(i+1)%3].send(t, u, c, fmt.Sprint("message ", k))
			}
		})
	}
	senders.Wait()
	end := start + int64(len(people)*each)
	for _, cl := range clients {
		if diff := cmp.Diff(upTo(start+1, end), revs(cl.awaitRev(c, end), c)); diff != "" {
			t.Errorf("%s saw\n%s", cl.User, diff)
		}
	}
}

func TestTheSendersSessionGetsNoCopyOfItsOwnMessageAndTheirOtherDeviceDoes(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	c := w.group(people...)
	phone, laptop, other := n.connect(t, people[0]), n.connect(t, people[0]), n.connect(t, people[1])
	for _, cl := range []*client{phone, laptop, other} {
		cl.subscribe(c)
	}
	m, err := n.trySend(people[0], c, "mine", phone.ID)
	if err != nil {
		t.Fatal(err)
	}
	after := n.send(t, people[1], c, "yours")
	for cl, want := range map[*client][]int64{phone: {after.Rev}, laptop: {m.Rev, after.Rev}, other: {m.Rev, after.Rev}} {
		if got := revs(cl.awaitRev(c, after.Rev), c); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestEditsDeletionsAndRenamesReachSubscribersInOrder(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	c := w.group(people...)
	bob := n.connect(t, people[1])
	bob.subscribe(c, 0)
	m := n.send(t, people[0], c, "first")
	if _, err := n.rules.EditMessage(bg, people[0], c, m.ID, "second"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.rules.RenameConversation(bg, people[0], c, "Renamed"); err != nil {
		t.Fatal(err)
	}
	gone, err := n.rules.DeleteMessage(bg, people[0], c, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := bob.awaitRev(c, gone.Rev)
	want := []string{
		"subscribed", "conversation:updated", "caught:up",
		"message:received", "message:updated", "conversation:updated", "message:deleted",
	}
	if diff := cmp.Diff(want, types(apartFromReceipts(got))); diff != "" {
		t.Error(diff)
	}
	if last := got[len(got)-1]; last.Message.Content != "" || last.Message.Seq != m.Seq {
		t.Errorf("the tombstone is %+v", last.Message)
	}
}

func TestWhoIsNotInAConversationCannotSubscribe(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	stranger := n.connect(t, w.person())
	c := w.group(people...)
	for _, id := range []chat.ConversationID{c, "0198c0de-0000-7000-8000-0000000000c0", "", "'; --"} {
		stranger.subscribe(id, 0)
	}
	n.send(t, people[0], c, "secret")
	if _, err := n.rules.AddParticipants(bg, people[0], c, []chat.UserID{stranger.User}); err != nil {
		t.Fatal(err)
	}
	stranger.awaitType("conversation:added")
	stranger.mu.Lock()
	defer stranger.mu.Unlock()
	for _, e := range apartFromReceipts(stranger.events)[:4] {
		if e.Type != "error" || e.Code != string(chat.CodeNotInConversation) {
			t.Errorf("%+v", e)
		}
	}
	for _, e := range stranger.events {
		if e.Type == "message:received" {
			t.Errorf("the stranger read %+v", e)
		}
	}
}

func TestASlowReaderIsCutOffAndTheOthersGoOn(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	c := w.group(people...)
	quick := n.connect(t, people[0])
	quick.subscribe(c)
	slow := n.stall(t, people[1])
	slow.subscribe(c)
	content := string(make([]byte, 0, 4000))
	for range 4000 {
		content += "é"
	}
	start := w.head(c).LastRev
	const many = 160 // of 8 kB each
	for range many {
		n.send(t, people[0], c, content)
	}
	if !slow.Ended() {
		t.Error("the slow one is still there")
	}
	if diff := cmp.Diff(upTo(start+1, start+many), revs(quick.awaitRev(c, start+many), c)); diff != "" {
		t.Error(diff)
	}
	frames, closing := slow.Take(nil, 1)
	if len(frames) > 0 || closing == nil || closing.Code != protocol.CloseSlow {
		t.Errorf("%d frames wait, closing %v", len(frames), closing)
	}
}

func TestTypingAndDeliveryReachOnlyTheOthers(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	people := w.people(2)
	c := w.group(people...)
	ada, adasOther, bob := w.nodes[0].connect(t, people[0]), w.nodes[1].connect(t, people[0]), w.nodes[1].connect(t, people[1])
	for _, cl := range []*client{ada, adasOther, bob} {
		cl.subscribe(c)
	}
	if err := w.nodes[0].rules.Typing(bg, people[0], c, true, ada.ID); err != nil {
		t.Fatal(err)
	}
	bob.awaitType("typing:started")
	m := w.nodes[0].send(t, people[1], c, "hello")
	if err := w.nodes[0].rules.AcknowledgeDelivery(bg, people[0], c, m.Seq); err != nil {
		t.Fatal(err)
	}
	if e := bob.awaitType("message:delivered"); e.UpToSeq != m.Seq || e.UserID != string(people[0]) {
		t.Errorf("%+v", e)
	}
	if err := w.nodes[0].rules.Typing(bg, people[0], c, false, ada.ID); err != nil {
		t.Fatal(err)
	}
	bob.awaitType("typing:stopped")
	last := w.nodes[1].send(t, people[1], c, "bye")
	for _, cl := range []*client{ada, adasOther} {
		for _, e := range cl.awaitRev(c, last.Rev) {
			if e.UserID == string(people[0]) {
				t.Errorf("told of oneself: %+v", e)
			}
		}
	}
}

func TestAnEndedLoginClosesItsSocketsOnAllNodes(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	people := w.people(2)
	here, there, other := w.nodes[0].connect(t, people[0]), w.nodes[1].connect(t, people[0]), w.nodes[1].connect(t, people[1])
	// Being heard on the bus shows that both hubs listen.
	c := w.group(people...)
	there.awaitType("conversation:added")
	w.nodes[0].EndLogin(chat.LoginID("login of " + people[0]))
	for _, cl := range []*client{here, there} {
		cl.await("the close", func([]event) bool { return cl.closed != nil })
		if cl.closed.Code != protocol.CloseLoginEnded {
			t.Errorf("closed with %v", cl.closed)
		}
	}
	other.subscribe(c)
	if other.Ended() {
		t.Error("another login was closed")
	}
}

func TestReadingOnOneDeviceIsKnownToAllOfThem(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	people := w.people(2)
	c := w.group(people...)
	devices := []*client{w.nodes[0].connect(t, people[1]), w.nodes[1].connect(t, people[1])}
	devices[1].awaitNothing()
	m := w.nodes[0].send(t, people[0], c, "read me")
	if _, err := w.nodes[0].rules.AdvanceRead(bg, people[1], c, m.ID); err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		if e := d.awaitType("receipt:synced"); e.UnreadCount != 0 || e.ConversationID != string(c) {
			t.Errorf("%+v", e)
		}
	}
}
