package client

import (
	"fmt"
	"testing"
	"time"
)

// synced is an answer.
func synced(conversation, message string, seq int64) ReadState {
	return ReadState{ConversationID: conversation, LastReadMessageID: &message, LastReadSeq: seq}
}

// say is what is said at a time, "c1:m1 c2:m2".
func say(rs *readings, at time.Time) (out string) {
	for _, c := range rs.due(at) {
		out += fmt.Sprintf("%s:%s ", c.ConversationID, c.LastReadMessageID)
	}
	return out
}

func TestAReadingIsSaidAgainUntilAnAnswerCoversIt(t *testing.T) {
	rs, now := &readings{}, time.Now()
	rs.note("c1", "m7", 7).said = now
	rs.note("c2", "m2", 0).said = now
	if got := say(rs, now.Add(readAgainAfter-1)); got != "" {
		t.Errorf("said %q before the time", got)
	}
	// Answers to what was read before cover neither.
	rs.answered(synced("c1", "m6", 6))
	rs.answered(synced("c2", "m1", 1))
	if got := say(rs, now.Add(readAgainAfter)); got != "c1:m7 c2:m2 " {
		t.Errorf("said %q after %v", got, readAgainAfter)
	}
	rs.answered(synced("c1", "m9", 9)) // another device is further
	rs.answered(synced("c2", "m9", 9)) // the answer to a sync is the true position
	if got := say(rs, now.Add(time.Hour)); got != "" {
		t.Errorf("said %q although all was answered", got)
	}
	rs.answered(synced("c1", "m3", 3))
	if got := say(rs, now.Add(time.Hour)); got != "c1:m7 " {
		t.Errorf("said %q to a server that forgot", got)
	}
}

func TestOnlyTheFurthestReadingOfAConversationIsSaid(t *testing.T) {
	rs, now := &readings{}, time.Now()
	rs.note("c1", "m5", 5)
	rs.note("c1", "m9", 9)
	rs.note("c1", "m7", 7)
	rs.note("c2", "old", 0)
	rs.note("c2", "new", 0)
	if got := say(rs, now); got != "c1:m9 c2:new " {
		t.Errorf("said %q", got)
	}
}

func TestAllIsSaidAfterAConnect(t *testing.T) {
	rs, now := &readings{}, time.Now()
	rs.note("c1", "m1", 1).said = now
	rs.answered(synced("c1", "m1", 1))
	rs.renew()
	if got := say(rs, now); got != "c1:m1 " {
		t.Errorf("said %q", got)
	}
}

func TestWhatIsRefusedForGoodIsNotSaidAgain(t *testing.T) {
	rs, now := &readings{}, time.Now()
	rs.note("c1", "m1", 1)
	rs.note("c2", "m2", 2)
	rs.note("c3", "m3", 3)
	rs.note("c4", "m4", 4)
	rs.answered(synced("c4", "m4", 4))
	rs.refused("m1")
	rs.refused("c2")
	rs.forget("c3")
	rs.refused("m4") // an edit of it was, and it is read all the same
	rs.renew()
	if got := say(rs, now); got != "c4:m4 " {
		t.Errorf("said %q", got)
	}
}

func TestReadingsAreOfTheConversationsThatWereReadLast(t *testing.T) {
	rs := &readings{}
	for i := range 2 * maxReadings {
		rs.note(fmt.Sprint("c", i), "m", 1)
		rs.note("c0", "m", 1)
	}
	if n := len(rs.due(time.Now())); n != maxReadings || rs.find("c0") < 0 || rs.find("c1") >= 0 {
		t.Errorf("%d are remembered", n)
	}
}

func TestATrackKnowsWhereItsNewestMessagesStand(t *testing.T) {
	track := newTrack("c1", 0)
	track.phase = following
	for seq := int64(1); seq <= 5*keptSeats; seq++ {
		track.offer(seq, MessageReceived{Message: Message{ID: fmt.Sprint("m", seq), Seq: seq, Rev: seq}}, time.Now())
	}
	if got := track.seqOf(fmt.Sprint("m", 4*keptSeats+1)); got != 4*keptSeats+1 {
		t.Errorf("one of the newest stands at %d", got)
	}
	if got, n := track.seqOf("m1"), len(track.recent); got != 0 || n > 2*keptSeats {
		t.Errorf("the first stands at %d, of %d that are remembered", got, n)
	}
}
