package realtime_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestTheTenthGapIsReadAsSoonAsTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n := oneNode(t)
		people := w.people(2)
		c := w.group(people...)
		bob := n.connect(t, people[1])
		bob.subscribe(c)
		roster, err := n.rules.Roster(bg, c)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			draft := func() chat.Draft {
				return chat.Draft{
					ID: chat.MessageID(newID()), Conversation: c, Sender: people[0], ClientMessageID: newID(), Content: "hello",
					ContentType: "text", RosterRev: roster.Rev,
				}
			}
			appended, err := w.store.AppendMessages(bg, []chat.Draft{draft(), draft()})
			if err != nil {
				t.Fatal(err)
			}
			// Nobody is told of the first.
			second := appended[1].Message
			asked := time.Now()
			n.Announce([]chat.Change{{Conversation: c, Rev: second.Rev, Kind: chat.MessageAdded, Message: &second}})
			bob.awaitRev(c, second.Rev)
			if took := time.Since(asked); took > 100*time.Millisecond {
				t.Errorf("the gap before rev %d was read after %v", second.Rev, took)
			}
		}
	})
}
