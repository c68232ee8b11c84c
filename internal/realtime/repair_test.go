package realtime_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
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

// slowAnswers is a store whose answer to a message "mine" waits for the test, and may be lost then.
type slowAnswers struct {
	chat.Store
	answer func() error
}

func (s *slowAnswers) AppendMessages(ctx context.Context, drafts []chat.Draft) ([]chat.Appended, error) {
	out, err := s.Store.AppendMessages(ctx, drafts)
	if drafts[0].Content == "mine" {
		if lost := s.answer(); lost != nil {
			return nil, lost
		}
	}
	return out, err
}

func TestAMessageThatIsReadBeforeItIsAnnouncedGoesToItsSendersSessionOnlyWhenThatIsNotAnswered(t *testing.T) {
	for _, stands := range []string{"before the confirmation", "after the confirmation", "until the answer is lost"} {
		t.Run(stands, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { readBeforeAnnounced(t, stands) })
		})
	}
}

func readBeforeAnnounced(t *testing.T, stands string) {
	goesOn := make(chan struct{})
	slow := &slowAnswers{answer: func() error { return nil }}
	answer := func(chat.Sent, error) {}
	switch stands {
	case "before the confirmation":
		slow.answer = func() error { <-goesOn; return nil }
	case "after the confirmation":
		answer = func(chat.Sent, error) { <-goesOn }
	default:
		slow.answer = func() error {
			<-goesOn
			return &chat.Error{Code: chat.CodeDBConnectionLost, Message: "The answer is lost.", Outcome: chat.OutcomeUnknown}
		}
	}
	w := newWorldOn(t, 2, inmem.NewBus(), func(rules *chat.Service) realtime.Source { return rules }, func(s chat.Store) chat.Store {
		slow.Store = s
		return slow
	})
	n := w.nodes[0]
	people := w.people(2)
	c := w.group(people...)
	bob, other := n.connect(t, people[1]), n.connect(t, people[0])
	bob.subscribe(c)
	other.subscribe(c)
	before := n.send(t, people[0], c, "before")
	synctest.Wait()
	n.rules.SendMessage(chat.Submission{Conversation: c, Sender: people[1], ClientMessageID: newID(), Content: "mine", Origin: bob.ID}, answer)
	synctest.Wait()
	if _, err := n.rules.DeleteMessage(bg, people[0], c, before.ID); err != nil {
		t.Fatal(err)
	}
	n.Suspect(c)
	time.Sleep(time.Second)
	close(goesOn)
	time.Sleep(10 * time.Second)
	after := n.send(t, people[0], c, "after")
	all := upTo(before.Rev, after.Rev)
	want := all
	if stands != "until the answer is lost" {
		want = []int64{before.Rev, before.Rev + 2, after.Rev}
	}
	if diff := cmp.Diff(want, revs(bob.awaitRev(c, after.Rev), c)); diff != "" {
		t.Errorf("the sender's session saw\n%s", diff)
	}
	if diff := cmp.Diff(all, revs(other.awaitRev(c, after.Rev), c)); diff != "" {
		t.Errorf("somebody else saw\n%s", diff)
	}
}
