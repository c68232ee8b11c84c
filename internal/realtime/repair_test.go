package realtime_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

func TestAGapIsFilledWithoutWhatIsAboutToBeAnnounced(t *testing.T) {
	synctest.Test(t, gapBeforeOwnMessage)
}

func gapBeforeOwnMessage(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	n := w.nodes[0]
	people := w.people(2)
	c := w.group(people...)
	bob := n.connect(t, people[1])
	bob.subscribe(c)
	synctest.Wait()
	head := w.head(c)
	var drafts []chat.Draft
	for _, sender := range []chat.UserID{people[0], people[0], people[1]} {
		drafts = append(drafts, chat.Draft{
			ID: chat.MessageID(newID()), Conversation: c, Sender: sender, ClientMessageID: newID(),
			Content: "stored", ContentType: "text", RosterRev: head.RosterRev,
		})
	}
	stored, err := w.store.AppendMessages(bg, drafts)
	if err != nil {
		t.Fatal(err)
	}
	announce := func(a *chat.Appended, origin chat.SessionID) {
		m := &a.Message
		n.Announce([]chat.Change{{Conversation: c, Rev: m.Rev, Kind: chat.MessageAdded, Message: m, Origin: origin}})
	}
	// The first is lost, and the third, bob's own, not announced yet.
	announce(&stored[1], "")
	bob.awaitRev(c, head.LastRev+2)
	announce(&stored[2], bob.ID)
	n.send(t, people[0], c, "last")
	want := []int64{head.LastRev + 1, head.LastRev + 2, head.LastRev + 4}
	if diff := cmp.Diff(want, revs(bob.awaitRev(c, head.LastRev+4), c)); diff != "" {
		t.Errorf("bob saw\n%s", diff)
	}
}
