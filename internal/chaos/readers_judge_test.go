package chaos

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// exactly is a history in which ada wrote m2 and bob, cyd and dan have read it, each at a client of their own.
func exactly() *check.History {
	h := &check.History{Run: check.Run{Settled: time.Minute}, Database: &check.Database{}}
	h.Database.Messages = []check.StoredMessage{
		{Conversation: "c", Entry: check.Entry{Message: "m1", Sender: "ada", Seq: 1}},
		{Conversation: "c", Entry: check.Entry{Message: "m2", Sender: "ada", Seq: 2}},
	}
	serial := int64(0)
	saw := func(user string, o check.Observation) {
		serial++
		o.Actor, o.Serial, o.Conversation = &check.Actor{Client: user + "/phone", User: user}, serial, "c"
		h.Observations = append(h.Observations, o)
	}
	for _, user := range []string{"ada", "bob", "cyd", "dan"} {
		row := check.StoredParticipant{Conversation: "c", User: user}
		saw(user, check.Observation{Event: check.Online})
		if user != "ada" {
			row.ReadMessage, row.ReadSeq, row.StepSeq = "m2", 2, 2
			saw(user, check.Observation{Event: check.ReadSynced, Message: "m1"})
			saw(user, check.Observation{Event: check.ReadSynced, Message: "m2"})
		}
		saw(user, check.Observation{Event: check.ReadCounted, Counts: []check.Count{{Message: "m2", Readers: 1}, {Message: "m1", Readers: 3}}})
		saw(user, check.Observation{Event: check.ReadCounted, Counts: []check.Count{{Message: "m2", Readers: 3}, {Message: "m1", Readers: 3}}})
		h.Database.Participants = append(h.Database.Participants, row)
	}
	actor := &check.Actor{Client: "lister", User: "ada"}
	for i, some := range [][]check.Reader{{{User: "bob"}, {User: "cyd"}}, {{User: "dan"}}} {
		h.Operations = append(h.Operations, check.Operation{
			Actor: actor, Op: check.Readers, Conversation: "c", Message: "m2", Traversal: "lister#1", Begin: time.Hour, Result: check.OK,
			Readers: some, Count: 3, Last: i == 1,
		})
	}
	h.Operations = append(h.Operations, check.Operation{
		Actor: h.Observations[len(h.Observations)-1].Actor, Returned: serial + 1, Op: check.List, Begin: time.Hour, Result: check.OK,
		Conversations: []check.Listed{{Conversation: "c", ReadSeq: 2}},
	})
	return h
}

func TestAllHaveReadWhereEverythingAgrees(t *testing.T) {
	if wrong := allRead(exactly(), "c", "m2"); len(wrong) > 0 {
		t.Errorf("found %q", wrong)
	}
}

func TestWhateverDiffersInTheEndIsFound(t *testing.T) {
	last := func(h *check.History) *check.Observation { return &h.Observations[len(h.Observations)-1] }
	for name, c := range map[string]struct {
		spoil func(*check.History)
		found string
	}{
		"a count that is one short": {func(h *check.History) { last(h).Counts[0].Readers = 2 }, "dan/phone was told last that 2 have read it, not 3"},
		"a count that is one over":  {func(h *check.History) { last(h).Counts[0].Readers = 4 }, "dan/phone was told last that 4"},
		"a new connection is not told": {func(h *check.History) {
			h.Observations = append(h.Observations, check.Observation{Actor: last(h).Actor, Event: check.Online})
		}, "dan/phone was told last that -1"},
		"somebody was never connected": {func(h *check.History) { h.Observations = h.Observations[3:] }, "3 clients were connected, of 4 people"},
		"a position that was lost": {func(h *check.History) {
			h.Database.Participants[1].ReadMessage, h.Database.Participants[1].ReadSeq = "m1", 1
		}, "user bob has read up to seq 1, not 2"},
		"a step that was lost":       {func(h *check.History) { h.Database.Participants[2].StepSeq = 1 }, "the furthest step of user cyd is at seq 1, not 2"},
		"a reader who is not listed": {func(h *check.History) { h.Operations[1].Readers = nil }, "the list of lister has 2 rows of 2 people"},
		"a reader who is listed twice": {func(h *check.History) {
			h.Operations[1].Readers = append(h.Operations[1].Readers, check.Reader{User: "bob"})
		}, "has 4 rows of 3 people"},
		"the sender is listed":         {func(h *check.History) { h.Operations[1].Readers[0].User = "ada" }, "the list of lister"},
		"a list that says another sum": {func(h *check.History) { h.Operations[1].Count = 2 }, "says that 2 have read it"},
		"a list that is cut off":       {func(h *check.History) { h.Operations[1].Last = false }, "the list of lister"},
		"nobody asked for a list":      {func(h *check.History) { h.Operations = h.Operations[2:] }, "nobody read who has read it"},
		"an event that goes back":      {func(h *check.History) { h.Observations[4].Message, h.Observations[5].Message = "m2", "m1" }, "bob/phone was told of an own position at seq 2 and then at seq 1"},
		"a list that goes back":        {func(h *check.History) { h.Operations[2].Conversations[0].ReadSeq = 1 }, "dan/phone was told of an own position at seq 2 and then at seq 1"},
		"the message is not stored":    {func(h *check.History) { h.Database.Messages = h.Database.Messages[:1] }, "is not stored"},
	} {
		h := exactly()
		c.spoil(h)
		if wrong := allRead(h, "c", "m2"); !strings.Contains(fmt.Sprint(wrong), c.found) {
			t.Errorf("%s: found %q, want %q", name, wrong, c.found)
		}
	}
}
