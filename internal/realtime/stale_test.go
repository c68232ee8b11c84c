package realtime_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// Between the commit of a revision and its announcement there is a moment in which memory is stale.

func TestWhoWasRemovedAMomentAgoCannotFollowOnAStaleRoster(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(2)
	c := w.group(people...)
	bob := n.connect(t, people[1])
	n.send(t, people[1], c, "so that the roster is remembered")
	roster, err := n.rules.Roster(bg, c)
	if err != nil {
		t.Fatal(err)
	}
	after, err := w.store.ReviseConversation(bg, chat.Revision{Conversation: c, RosterRev: roster.Rev, Remove: people[1:]})
	if err != nil {
		t.Fatal(err)
	}
	bob.subscribe(c)
	if e := bob.awaitType("error"); e.Code != string(chat.CodeNotInConversation) {
		t.Errorf("%+v", e)
	}
	bob.subscribe(c, after.LastRev)
	bob.await("the second refusal", func(es []event) bool { return count(es, "error") == 2 })
}

func TestWhoIsAddedWhileTheFirstOneSubscribesIsTold(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(3)
	c := w.group(people[:2]...)
	alice, carol := n.connect(t, people[0]), n.connect(t, people[2])
	roster, err := n.rules.Roster(bg, c)
	if err != nil {
		t.Fatal(err)
	}
	after, err := w.store.ReviseConversation(bg, chat.Revision{Conversation: c, RosterRev: roster.Rev, Add: people[2:]})
	if err != nil {
		t.Fatal(err)
	}
	alice.subscribe(c) // it reads the rev of the addition, of which nobody was told yet
	n.rules.ForgetRoster(c)
	n.Announce([]chat.Change{{
		Conversation: c, Rev: after.LastRev, Kind: chat.ConversationRevised, State: &after, Joined: people[2:],
	}})
	if e := carol.awaitType("conversation:added"); e.Conversation.ID != string(c) {
		t.Errorf("%+v", e)
	}
}

func count(events []event, kind string) (n int) {
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}
